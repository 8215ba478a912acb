"""The numbers that send: why one does not, what Meta thinks of it, pause, resume, check, and their settings."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from wacrmd.dashboard.forms import Form, mistakes, read_form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.accounts import account_names
from wacrmd.dashboard.render import people
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.errors import Refusal

SECRETS = ("access_token", "app_secret", "verify_token")
_TEXTS = ("label", "display_phone", "messages_per_second")
_NEW = ("account", "phone_number_id", "waba_id", *_TEXTS, *SECRETS)
_MANY = 1000


async def index(visit: Visit) -> Response:
    """All numbers."""
    return visit.page("numbers.html", numbers=await visit.perform("number.list"))


async def one(visit: Visit) -> Response:
    """One number, with all that is known of it."""
    return await _show(visit)


async def _show(visit: Visit, checked: Any = None, *, status: int = 200) -> Response:
    found = await visit.perform("number.show", id=visit.request.path_params["id"])
    return visit.page("number.html", status=status, number=found, checked=checked)


async def check(visit: Visit) -> Response:
    """Ask Meta about a number, and show the findings; they are stored nowhere."""
    form = await read_form(visit.request)
    checked = await visit.perform(
        "number.check", id=visit.request.path_params["id"], subscribe="subscribe" in form
    )
    return await _show(visit, checked)


async def pause(visit: Visit) -> Response:
    """Stop sending from a number."""
    form = await read_form(visit.request)
    found = await visit.perform(
        "number.pause", id=visit.request.path_params["id"], reason=form.text("reason")
    )
    return visit.done(
        f"/numbers/{found.id}", f"Paused: {found.name} sends nothing until somebody resumes it."
    )


async def ask_resume(visit: Visit) -> Response:
    """Say how many people get a message if the number sends again."""
    visit.require("number.resume")
    found = await visit.perform("number.show", id=visit.request.path_params["id"])
    listed = await visit.perform(
        "broadcast.list", account=found.account, status=BroadcastStatus.SENDING.value, limit=_MANY
    )
    waiting = sum(each.pending_count for each in listed.items if each.number_id == found.id)
    more = " or more" if listed.next is not None else ""
    count = people(waiting) + more
    why = f" It does not send because: {found.hold.detail}" if found.hold else ""
    return visit.confirm(
        f"Resume {found.name}?",
        f"Its broadcasts go on. Still to be sent to: {count}. A message that was sent cannot be taken back.{why}",
        action=f"/numbers/{found.id}/resume",
        button=f"Resume, and send to {count}",
        back=f"/numbers/{found.id}",
        danger=False,
    )


async def resume(visit: Visit) -> Response:
    """Let a number send again."""
    found = await visit.perform("number.resume", id=visit.request.path_params["id"])
    return visit.done(f"/numbers/{found.id}", f"Resumed: {found.name} sends again.")


async def new(visit: Visit) -> Response:
    """The form for another number."""
    visit.require("number.add")
    return await _new(visit, Form([("check", "1")]))


async def _new(visit: Visit, form: Form, errors: Mapping[str, str] | None = None) -> Response:
    return visit.page(
        "number_new.html",
        status=200 if errors is None else 422,
        form=form,
        errors=errors or {},
        accounts=await account_names(visit),
    )


async def add(visit: Visit) -> Response:
    """Add a number with its secrets, which are shown nowhere."""
    form = await read_form(visit.request)
    try:
        made = await visit.perform(
            "number.add",
            **{name: form.text(name) for name in _NEW},
            default="default" in form,
            check="check" in form,
        )
    except Refusal as refusal:
        return await _new(visit, form, mistakes(refusal, _NEW))
    said = f" {made.check.detail}." if made.check is not None else ""
    return visit.done(f"/numbers/{made.id}", f"Added: {made.name}.{said}")


async def settings(visit: Visit) -> Response:
    """The form for what can be changed about a number."""
    visit.require("number.set")
    number = await visit.perform("number.show", id=visit.request.path_params["id"])
    given = {name: getattr(number, name) for name in _TEXTS}
    pairs = [
        (name, f"{value:g}" if isinstance(value, float) else value) for name, value in given.items() if value
    ]
    return _settings(visit, number, Form([*pairs, ("overlap_hours", "24"), ("check", "1")]))


def _settings(visit: Visit, number: Any, form: Form, errors: Mapping[str, str] | None = None) -> Response:
    return visit.page(
        "number_settings.html",
        status=200 if errors is None else 422,
        number=number,
        form=form,
        errors=errors or {},
    )


async def change(visit: Visit) -> Response:
    """Change a number; secrets that were left empty stay."""
    visit.require("number.set")
    form = await read_form(visit.request)
    number = await visit.perform("number.show", id=visit.request.path_params["id"])
    rate = form.text("messages_per_second")
    changes: dict[str, Any] = {
        "label": _if_new(form.get("label", "").strip(), number.label),
        "display_phone": _if_new(form.get("display_phone", "").strip(), number.display_phone),
        "messages_per_second": _if_new(rate or "0", f"{number.messages_per_second:g}"),
        "default": "default" in form or None,
        **{name: form.text(name) for name in SECRETS},
    }
    if not any(value is not None for value in changes.values()):
        return visit.done(f"/numbers/{number.id}", "Nothing was changed.")
    try:
        changed = await visit.perform(
            "number.set",
            id=number.id,
            **changes,
            overlap_hours=form.text("overlap_hours"),
            check="check" in form,
        )
    except Refusal as refusal:
        return _settings(visit, number, form, mistakes(refusal, (*_TEXTS, *SECRETS, "overlap_hours")))
    what = ", ".join(name.replace("_", " ") for name in changed.changed)
    return visit.done(f"/numbers/{number.id}", f"Changed: {what}.")


def _if_new(given: str, known: str | None) -> str | None:
    return None if given == (known or "") else given


async def ask_remove(visit: Visit) -> Response:
    """Ask before a number is taken out of use."""
    visit.require("number.remove")
    found = await visit.perform("number.show", id=visit.request.path_params["id"])
    return visit.confirm(
        f"Remove {found.name}?",
        "Its access token and its secrets are deleted. Its broadcasts stay readable. To send from it again, add it again.",
        action=f"/numbers/{found.id}/remove",
        button="Remove the number",
        back=f"/numbers/{found.id}",
    )


async def remove(visit: Visit) -> Response:
    """Take a number out of use."""
    gone = await visit.perform("number.remove", id=visit.request.path_params["id"])
    return visit.done("/numbers", f"Removed: {gone.display_phone or gone.label or gone.phone_number_id}.")


PAGES: tuple[Row, ...] = (
    ("GET", "/numbers", index),
    ("GET", "/numbers/new", new),
    ("POST", "/numbers/new", add),
    ("GET", "/numbers/{id}", one),
    ("POST", "/numbers/{id}/check", check),
    ("POST", "/numbers/{id}/pause", pause),
    ("GET", "/numbers/{id}/resume", ask_resume),
    ("POST", "/numbers/{id}/resume", resume),
    ("GET", "/numbers/{id}/settings", settings),
    ("POST", "/numbers/{id}/settings", change),
    ("GET", "/numbers/{id}/remove", ask_remove),
    ("POST", "/numbers/{id}/remove", remove),
)
