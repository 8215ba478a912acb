"""The numbers that send: why one does not, what Meta thinks of it, pause, resume, check, and their settings."""

from typing import Any

from starlette.responses import Response

from wacrmd.dashboard.forms import Form, read_form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.form_page import FormPage
from wacrmd.dashboard.render import isolated, people
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.plain_words import plainly

SECRETS = ("access_token", "app_secret", "verify_token")
_TEXTS = ("label", "display_phone", "messages_per_second")
_FIELDS = ("account", "phone_number_id", "waba_id", *_TEXTS, *SECRETS)
_LIMITS = ("daily_limit", "portfolio")
_CHANGED = {
    "daily_limit": "limit",
    "label": "name",
    "display_phone": "phone number",
    "messages_per_second": "speed",
    "default": "usual number",
}
_MANY = 1000


async def index(visit: Visit) -> Response:
    """All numbers."""
    return visit.page("numbers.html", numbers=await visit.perform("number.list"))


async def one(visit: Visit) -> Response:
    """One number, with all that is known of it."""
    return await _show(visit)


async def _show(visit: Visit, checked: Any = None, *, status: int = 200) -> Response:
    found = await _number(visit)
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
        f"/numbers/{found.id}", f"Paused: {isolated(found.name)} sends nothing until somebody resumes it."
    )


async def ask_resume(visit: Visit) -> Response:
    """Say how many people get a message if the number sends again."""
    await visit.require("number.resume")
    found = await _number(visit)
    listed = await visit.perform(
        "broadcast.list", account=found.account, status=BroadcastStatus.SENDING.value, limit=_MANY
    )
    waiting = sum(each.pending_count for each in listed.items if each.number_id == found.id)
    more = " or more" if listed.next is not None else ""
    count = people(waiting) + more
    why = f" It does not send because: {plainly(found.hold.detail)}" if found.hold else ""
    return visit.confirm(
        f"Resume {isolated(found.name)}?",
        f"Its broadcasts go on. Still to be sent to: {count}. A message that was sent cannot be taken back.{why}",
        button=f"Resume, and send to {count}",
        back=f"/numbers/{found.id}",
        danger=False,
    )


async def resume(visit: Visit) -> Response:
    """Let a number send again."""
    found = await visit.perform("number.resume", id=visit.request.path_params["id"])
    return visit.done(f"/numbers/{found.id}", f"Resumed: {isolated(found.name)} sends again.")


async def _add(visit: Visit, form: Form, _about: None) -> Response:
    """Add a number with its secrets, which are shown nowhere."""
    made = await visit.perform(
        "number.add",
        **{name: form.text(name) for name in _FIELDS},
        default="default" in form,
        check="check" in form,
    )
    said = f" {made.check.detail}." if made.check is not None else ""
    return visit.done(f"/numbers/{made.id}", f"Added: {isolated(made.name)}.{said}")


async def _number(visit: Visit) -> Any:
    return await visit.perform("number.show", id=visit.request.path_params["id"])


def _first(number: Any) -> Form:
    given = {name: getattr(number, name) for name in (*_TEXTS, *_LIMITS)}
    pairs = [
        (name, f"{value:g}" if isinstance(value, float) else str(value))
        for name, value in given.items()
        if value
    ]
    return Form([*pairs, ("overlap_hours", "24"), ("check", "1")])


async def _change(visit: Visit, form: Form, number: Any) -> Response:
    """Change a number; secrets that were left empty stay."""
    rate = form.text("messages_per_second")
    changes: dict[str, Any] = {
        "label": _if_new(form.get("label", "").strip(), number.label),
        "display_phone": _if_new(form.get("display_phone", "").strip(), number.display_phone),
        "messages_per_second": _if_new(rate or "0", f"{number.messages_per_second:g}"),
        "daily_limit": _if_new(form.text("daily_limit") or "0", str(number.daily_limit or 0)),
        "portfolio": _if_new(form.get("portfolio", "").strip(), number.portfolio),
        "default": "default" in form or None,
        **{name: form.text(name) for name in SECRETS},
    }
    if not any(value is not None for value in changes.values()):
        return visit.done(f"/numbers/{number.id}", "Nothing was changed.")
    changed = await visit.perform(
        "number.set",
        id=number.id,
        **changes,
        overlap_hours=form.text("overlap_hours"),
        check="check" in form,
    )
    what = ", ".join(_CHANGED.get(name, name.replace("_", " ")) for name in changed.changed)
    return visit.done(f"/numbers/{number.id}", f"Changed: {what}.")


def _if_new(given: str, known: str | None) -> str | None:
    return None if given == (known or "") else given


async def ask_remove(visit: Visit) -> Response:
    """Ask before a number is taken out of use."""
    await visit.require("number.remove")
    found = await _number(visit)
    return visit.confirm(
        f"Remove {isolated(found.name)}?",
        "Its access token and its secrets are deleted. Its broadcasts stay readable. To send from it again, add it again.",
        button="Remove the number",
        back=f"/numbers/{found.id}",
    )


async def remove(visit: Visit) -> Response:
    """Take a number out of use."""
    gone = await visit.perform("number.remove", id=visit.request.path_params["id"])
    return visit.done("/numbers", f"Removed: {gone.display_phone or gone.label or gone.phone_number_id}.")


_NEW = FormPage(
    path="/numbers/new",
    operation="number.add",
    template="number_new.html",
    fields=_FIELDS,
    first=lambda _: Form([("check", "1")]),
    send=_add,
)
_SETTINGS = FormPage(
    path="/numbers/{id}/settings",
    operation="number.set",
    template="number_settings.html",
    fields=(*_TEXTS, *_LIMITS, *SECRETS, "overlap_hours"),
    about=_number,
    first=_first,
    send=_change,
)

PAGES: tuple[Row, ...] = (
    ("GET", "/numbers", index),
    *_NEW.rows,
    ("GET", "/numbers/{id}", one),
    ("POST", "/numbers/{id}/check", check),
    ("POST", "/numbers/{id}/pause", pause),
    ("GET", "/numbers/{id}/resume", ask_resume),
    ("POST", "/numbers/{id}/resume", resume),
    *_SETTINGS.rows,
    ("GET", "/numbers/{id}/remove", ask_remove),
    ("POST", "/numbers/{id}/remove", remove),
)
