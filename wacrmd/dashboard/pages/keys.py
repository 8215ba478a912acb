"""The keys of local apps: list, create and rotate (shown once), revoke."""

from collections.abc import Mapping

from starlette.responses import Response

from wacrmd.dashboard.forms import Form, mistakes, read_form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.dashboard.pages.slices import sliced
from wacrmd.domain.account import Scope
from wacrmd.errors import Refusal, not_found
from wacrmd.views.access import KeyView

SCOPES: Mapping[Scope, str] = {
    Scope.BROADCASTS_SEND: "send broadcasts, and see them",
    Scope.BROADCASTS_READ: "see broadcasts",
    Scope.TEMPLATES_READ: "see templates, and read them from Meta",
    Scope.OPTOUTS_MANAGE: "see and change opt-outs",
    Scope.WEBHOOKS_MANAGE: "see and change webhooks",
    Scope.NUMBERS_READ: "see numbers",
}
_NEW = ("account", "name", "scopes", "allowed_from", "expires_in_days")
_ROTATE = ("overlap_hours", "expires_in_days")


async def index(visit: Visit) -> Response:
    """The keys, without the keys themselves; one that was just made is shown this once."""
    account, every = visit.param("account"), visit.param("all")
    found = await visit.perform("key.list", account=account)
    now = visit.ctx.clock.now()
    states = {each.id: _state(each, now) for each in found}
    wanted = [each for each in found if every or states[each.id] == "active"]
    shown, pages = sliced(visit, wanted)
    return visit.page(
        "keys.html",
        keys=shown,
        states=states,
        scopes=SCOPES,
        made=visit.take("once"),
        account=account,
        every=every,
        hidden=len(found) - len(wanted),
        accounts=await account_names(visit),
        pages=pages,
    )


def _state(key: KeyView, now: int) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "active"


async def new(visit: Visit) -> Response:
    """The form for another key."""
    visit.require("key.create")
    return await _new(visit, Form())


async def _new(visit: Visit, form: Form, errors: Mapping[str, str] | None = None) -> Response:
    return visit.page(
        "key_new.html",
        status=200 if errors is None else 422,
        form=form,
        errors=errors or {},
        scopes=SCOPES,
        accounts=await account_names(visit),
    )


async def create(visit: Visit) -> Response:
    """Make a key."""
    form = await read_form(visit.request)
    networks = form.get("allowed_from", "").replace(",", " ").split()
    try:
        made = await visit.perform(
            "key.create",
            account=form.text("account"),
            name=form.text("name"),
            scopes=form.every("scopes"),
            allowed_from=networks or None,
            expires_in_days=form.text("expires_in_days"),
        )
    except Refusal as refusal:
        return await _new(visit, form, mistakes(refusal, _NEW))
    return visit.reveal("/keys", made)


async def ask_rotate(visit: Visit) -> Response:
    """The form that replaces a key."""
    visit.require("key.rotate")
    return _rotate(visit, await _key(visit), Form([("overlap_hours", "24")]))


def _rotate(visit: Visit, key: KeyView, form: Form, errors: Mapping[str, str] | None = None) -> Response:
    return visit.page(
        "key_rotate.html", status=200 if errors is None else 422, key=key, form=form, errors=errors or {}
    )


async def rotate(visit: Visit) -> Response:
    """Replace a key."""
    form = await read_form(visit.request)
    try:
        made = await visit.perform(
            "key.rotate", id=visit.request.path_params["id"], **{name: form.text(name) for name in _ROTATE}
        )
    except Refusal as refusal:
        return _rotate(visit, await _key(visit), form, mistakes(refusal, _ROTATE))
    return visit.reveal("/keys", made)


async def ask_revoke(visit: Visit) -> Response:
    """Ask before a key is refused for good."""
    visit.require("key.revoke")
    key = await _key(visit)
    return visit.confirm(
        f"Revoke the key of {key.name}?",
        f"Its next request is refused, and the app can do nothing more with it. This cannot be taken back. The key begins"
        f" with {key.prefix}.",
        action=f"/keys/{key.id}/revoke",
        button="Revoke the key",
        back="/keys",
    )


async def revoke(visit: Visit) -> Response:
    """Revoke a key."""
    gone = await visit.perform("key.revoke", id=visit.request.path_params["id"])
    return visit.done("/keys", f"Revoked: the key of {gone.name} that begins with {gone.prefix}.")


async def _key(visit: Visit) -> KeyView:
    found: list[KeyView] = await visit.perform("key.list")
    key = next((each for each in found if each.id == visit.request.path_params["id"]), None)
    if key is None:
        raise not_found("Key")
    return key


PAGES: tuple[Row, ...] = (
    ("GET", "/keys", index),
    ("GET", "/keys/new", new),
    ("POST", "/keys/new", create),
    ("GET", "/keys/{id}/rotate", ask_rotate),
    ("POST", "/keys/{id}/rotate", rotate),
    ("GET", "/keys/{id}/revoke", ask_revoke),
    ("POST", "/keys/{id}/revoke", revoke),
)
