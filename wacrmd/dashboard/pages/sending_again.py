"""Sending the same message again: to those who failed, who are uncertain, or who have no delivery yet; and when."""

from typing import Any

from starlette.responses import Response

from wacrmd.clock import iso
from wacrmd.dashboard import chosen_time
from wacrmd.dashboard.buttons import CAN_RETRY, without_delivery
from wacrmd.dashboard.forms import STATUSES, Form, mistakes, read_form, whole_number
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.steering import STANDS, back_to, shown
from wacrmd.dashboard.render import isolated, people
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.recipient import NO_CODE, RecipientStatus
from wacrmd.domain.time_zones import zone_names
from wacrmd.errors import Refusal, bad_request, conflict
from wacrmd.services.failures import why_final
from wacrmd.views.broadcasts import BroadcastDetails, FailureView, RetriedDetails

_S = RecipientStatus
HOURS = "48"
"""How long somebody has had no delivery, where nothing else is chosen."""
_BUTTONS = {_S.SENT: "Send again", _S.PENDING: "Change the time"}
FIELDS = {"code", "hours", *chosen_time.FIELDS}


def question(view: BroadcastDetails, status: RecipientStatus) -> str:
    """What is to know before the message is sent again."""
    begins = " when the broadcast is resumed" if view.status is BroadcastStatus.PAUSED else ""
    match status:
        case _S.UNCERTAIN:
            text = (
                f"Nobody knows whether the message has reached {people(view.uncertain_count)}."
                f" Who has it gets it twice. It is sent again{begins}."
            )
        case _S.SENT:
            text = (
                f"WhatsApp has taken the message for {people(without_delivery(view))} and not delivered it yet, mostly"
                " because their phones are off. It delivers the old message for up to 30 days, and cannot be told to stop:"
                f" whoever turns the phone on after this has it twice. It is sent again{begins} to those who have none then."
            )
        case _S.PENDING:
            until = (
                f"{view.hold.detail}."
                if view.hold is not None and view.hold.reason is HoldReason.WAITING_FOR_RETRY
                else "They wait for another message."
            )
            return (
                f"{until} Somebody has asked for it, or a rule does. All who wait for another message wait for the time that"
                f" you choose here{begins and ', and until the broadcast is resumed'}."
            )
        case _:
            text = (
                f"The message goes again to people who did not get it{begins}. Who has opted out is left out."
                " Look at the reasons first: most fail again for the same reason."
            )
    return f"{text} What was sent cannot be taken back."


def reasons(view: BroadcastDetails) -> list[tuple[int, FailureView, int, bool]]:
    """Why people failed: code, the first of its reasons, how many, and whether it makes sense to send again."""
    found: dict[int, tuple[FailureView, int]] = {}
    for each in view.failures:
        code = NO_CODE if each.code is None else each.code
        first, count = found.get(code, (each, 0))
        found[code] = (first, count + each.count)
    return [(code, each, count, why_final(code) is None) for code, (each, count) in found.items()]


async def ask(visit: Visit) -> Response:
    """Ask to whom the message is to be sent again, and when."""
    status = _people_of(visit.param("of") or _S.FAILED)
    view = await shown(visit, "retry")
    if view.status not in CAN_RETRY:
        raise conflict(f"It cannot be sent again: {STANDS[view.status]}")
    if not _count(view, status):
        waits = {_S.SENT: "waits for a delivery", _S.PENDING: "waits for another message"}
        nobody = f"Nobody {waits.get(status, f'is {status.value}')}"
        return visit.done(back_to(view.uuid, visit.param("back")), f"{nobody} any more.")
    return _page(visit, view, status, None, None)


async def retry(visit: Visit) -> Response:
    """Send the message again."""
    await visit.require("broadcast.retry")
    form = await read_form(visit.request)
    status = _people_of(form.get("of"))
    uuid = visit.request.path_params["id"]
    try:
        made: RetriedDetails = await visit.perform("broadcast.retry", id=uuid, **_params(visit, form, status))
    except Refusal as refusal:
        mistakes(refusal, FIELDS)
        return _page(visit, await shown(visit, "retry"), status, form, refusal)
    return visit.done(back_to(made.broadcast_id, form.get("back")), done(made, status))


def done(made: RetriedDetails, status: RecipientStatus) -> str:
    """What a retry has done."""
    text = f"The message goes again to {people(made.requeued)}."
    if made.moved:
        moved = f"{people(made.moved)} who waited for another message: the time is changed."
        text = f"{text} {moved}" if made.requeued else moved
    elif status is _S.PENDING:
        text = "Nothing is changed: nobody waits for another message, or all wait for this time already."
    elif not made.requeued:
        text = "Nobody is left to send to: an earlier click has done it, or they have opted out."
    if made.waiting and made.waiting_until is not None:
        until = iso(made.waiting_until)[:16].replace("T", " ")
        text += f" WhatsApp allows no earlier message to {people(made.waiting)}: the last one waits until {until} UTC."
    if made.left_out:
        text += f" Not to {people(made.left_out)}, to whom it would fail again."
    return text


def _params(visit: Visit, form: Form, status: RecipientStatus) -> dict[str, Any]:
    """What the form asks for, as the operation takes it."""
    at = chosen_time.chosen_time(form, visit.ctx.clock.now())
    params: dict[str, Any] = {"at": None if at is None else iso(at)}
    match status:
        case _S.UNCERTAIN:
            params["uncertain"] = True
        case _S.SENT:
            hours = whole_number(form.text("hours"))
            if not hours:
                raise bad_request("hours: write for how many hours they have had no delivery, such as 48")
            params["not_delivered_after_hours"] = hours
        case _S.PENDING:
            params["waiting"] = True
        case _:
            params["failed"] = True
            if form.get("reasons"):
                params["codes"] = _codes(form)
    return params


def _codes(form: Form) -> list[int] | None:
    """The reasons that are ticked; None: all of them."""
    ticked = form.every("code")
    if not ticked:
        raise bad_request("code: tick a reason at least")
    if len(ticked) == whole_number(form.get("reasons")):
        return None
    try:
        return [int(each) for each in ticked]
    except ValueError:
        raise bad_request("code: expected codes of Meta's") from None


def _page(
    visit: Visit, view: BroadcastDetails, status: RecipientStatus, form: Form | None, refusal: Refusal | None
) -> Response:
    found = reasons(view) if status is _S.FAILED else []
    left_out = sum(count for _, _, count, makes_sense in found if not makes_sense)
    usual = {str(code) for code, _, _, makes_sense in found if makes_sense}
    return visit.page(
        "retry.html",
        status=200 if refusal is None else STATUSES[refusal.code],
        title=f"When is {isolated(view.name)} tried again?"
        if status is _S.PENDING
        else f"Send {isolated(view.name)} again?",
        text=question(view, status),
        view=view,
        of=status.value,
        reasons=found,
        possible=len(usual),
        ticked=usual if form is None else set(form.every("code")),
        # a click too early must not send what somebody has planned
        form={
            "when": chosen_time.LATER if status is _S.PENDING else chosen_time.NOW,
            "zone": "UTC",
            "hours": HOURS,
        }
        | dict(form or {}),
        errors={} if refusal is None else mistakes(refusal, FIELDS),
        button=_BUTTONS.get(status) or f"Send again to {people(_count(view, status) - left_out)}",
        zones=sorted(zone_names()),
        back=back_to(view.uuid, form.get("back") if form is not None else visit.param("back")),
    )


def _count(view: BroadcastDetails, status: RecipientStatus) -> int:
    counts = {
        _S.UNCERTAIN: view.uncertain_count,
        _S.SENT: without_delivery(view),
        _S.PENDING: int(view.is_retry_planned),
    }
    return counts.get(status, view.failed_count)


def _people_of(status: str | None) -> RecipientStatus:
    if status not in (_S.FAILED, _S.UNCERTAIN, _S.SENT, _S.PENDING):
        raise bad_request("of: expected failed, uncertain, sent or pending")
    return RecipientStatus(status)


PAGES: tuple[Row, ...] = (
    ("GET", "/broadcasts/{id}/retry", ask),
    ("POST", "/broadcasts/{id}/retry", retry),
)
