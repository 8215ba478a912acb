"""The keys of local apps: list, create and rotate (shown once), revoke."""

from collections.abc import Mapping

from starlette.responses import Response

from wacrmd.dashboard.forms import Form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.dashboard.pages.form_page import FormPage
from wacrmd.dashboard.pages.slices import sliced
from wacrmd.dashboard.render import isolated
from wacrmd.domain.account import Scope
from wacrmd.views.access import KeyView

SCOPES: Mapping[Scope, str] = {
    Scope.BROADCASTS_SEND: "send broadcasts, and see them and single messages",
    Scope.BROADCASTS_READ: "see broadcasts and single messages",
    Scope.MESSAGES_SEND: "send single messages, and see them",
    Scope.TEMPLATES_READ: "see templates, and read them from Meta",
    Scope.OPTOUTS_MANAGE: "see and change opt-outs",
    Scope.WEBHOOKS_MANAGE: "see and change webhooks",
    Scope.NUMBERS_READ: "see numbers",
}


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


async def _create(visit: Visit, form: Form, _about: None) -> Response:
    networks = form.get("allowed_from", "").replace(",", " ").split()
    made = await visit.perform(
        "key.create",
        account=form.text("account"),
        name=form.text("name"),
        scopes=form.every("scopes"),
        allowed_from=networks or None,
        expires_in_days=form.text("expires_in_days"),
    )
    return visit.reveal("/keys", made)


async def _rotate(visit: Visit, form: Form, key: KeyView) -> Response:
    given = {name: form.text(name) for name in ("overlap_hours", "expires_in_days")}
    return visit.reveal("/keys", await visit.perform("key.rotate", id=key.id, **given))


async def ask_revoke(visit: Visit) -> Response:
    """Ask before a key is refused for good."""
    await visit.require("key.revoke")
    key = await _key(visit)
    return visit.confirm(
        f"Revoke the key of {isolated(key.name)}?",
        f"Its next request is refused, and the app can do nothing more with it. This cannot be taken back. The key begins"
        f" with {key.prefix}.",
        button="Revoke the key",
        back="/keys",
    )


async def revoke(visit: Visit) -> Response:
    """Revoke a key."""
    gone = await visit.perform("key.revoke", id=visit.request.path_params["id"])
    return visit.done("/keys", f"Revoked: the key of {isolated(gone.name)} that begins with {gone.prefix}.")


async def _key(visit: Visit) -> KeyView:
    key: KeyView = await visit.find("key.list", "Key", "id")
    return key


_NEW = FormPage(
    path="/keys/new",
    operation="key.create",
    template="key_new.html",
    fields=("account", "name", "scopes", "allowed_from", "expires_in_days"),
    values={"scopes": SCOPES},
    send=_create,
)
_ROTATE = FormPage(
    path="/keys/{id}/rotate",
    operation="key.rotate",
    template="key_rotate.html",
    fields=("overlap_hours", "expires_in_days"),
    about=_key,
    first=lambda _: Form([("overlap_hours", "24")]),
    send=_rotate,
)

PAGES: tuple[Row, ...] = (
    ("GET", "/keys", index),
    *_NEW.rows,
    *_ROTATE.rows,
    ("GET", "/keys/{id}/revoke", ask_revoke),
    ("POST", "/keys/{id}/revoke", revoke),
)
