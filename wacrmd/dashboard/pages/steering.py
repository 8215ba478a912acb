"""Pausing, resuming, cancelling and giving up; what cannot be taken back is asked about first."""

from dataclasses import dataclass

from starlette.responses import Response

from wacrmd.dashboard.buttons import CAN_CANCEL
from wacrmd.dashboard.forms import read_form
from wacrmd.dashboard.frame import Row, Visit
from wacrmd.dashboard.pages.login import own_path
from wacrmd.dashboard.render import isolated, people
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.errors import conflict
from wacrmd.views.broadcasts import BroadcastDetails

_S = BroadcastStatus
STANDS = {
    _S.DRAFT: "it is a draft, and nothing was sent yet",
    _S.SCHEDULED: "nothing was sent yet",
    _S.SENDING: "it is being sent",
    _S.PAUSED: "it is paused",
    _S.SENT: "nobody waits for it any more",
    _S.CANCELLED: "it was cancelled already",
}
"""Why something cannot be done with a broadcast now."""

NOBODY_UNCERTAIN = "Nobody is uncertain any more."


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked before something that cannot be taken back."""

    title: str
    text: str
    button: str
    danger: bool = True


def cancel_question(view: BroadcastDetails) -> Question:
    """Before a broadcast is cancelled."""
    count = people(view.pending_count)
    text = (
        f"{count} still waiting will never get this message. What was sent stays sent. "
        "This cannot be taken back: to reach them later, make a new broadcast. To stop for a while, pause instead."
    )
    return Question(f"Cancel {isolated(view.name)}?", text, f"Cancel for {count}")


def give_up_question(view: BroadcastDetails) -> Question:
    """Before uncertain people count as failed."""
    count = people(view.uncertain_count)
    text = (
        f"Nothing is sent. From now on this page counts {count} as failed, also whoever has the message. "
        "If WhatsApp reports a delivery later, they are shown as delivered."
    )
    return Question(f"Give up {count}?", text, f"Count {count} as failed")


async def pause(visit: Visit) -> Response:
    """Pause a broadcast."""
    uuid, form = visit.request.path_params["id"], await read_form(visit.request)
    made = await visit.perform("broadcast.pause", id=uuid)
    waiting = people(made.pending_count)
    text = (
        f"Paused: {isolated(made.name)}. {waiting} still waiting; who was just being sent to still gets it."
    )
    return visit.done(back_to(made.uuid, form.get("back")), text)


async def resume(visit: Visit) -> Response:
    """Continue a broadcast."""
    uuid, form = visit.request.path_params["id"], await read_form(visit.request)
    made = await visit.perform("broadcast.resume", id=uuid)
    text = f"Resumed: {isolated(made.name)}, for {people(made.pending_count)}."
    return visit.done(back_to(made.uuid, form.get("back")), text)


async def ask_cancel(visit: Visit) -> Response:
    """Ask whether a broadcast is to be cancelled."""
    view = await shown(visit, "cancel")
    if view.status not in CAN_CANCEL:
        raise conflict(f"It cannot be cancelled: {STANDS[view.status]}")
    return _ask(visit, view, cancel_question(view))


async def cancel(visit: Visit) -> Response:
    """Cancel a broadcast."""
    form = await read_form(visit.request)
    made = await visit.perform("broadcast.cancel", id=visit.request.path_params["id"])
    count = made.cancelled_count
    text = f"It does not go to {people(count)}." if count else "Nobody was waiting for it any more."
    text = f"Cancelled: {isolated(made.name)}. {text}"
    return visit.done(back_to(made.uuid, form.get("back")), text)


async def ask_give_up(visit: Visit) -> Response:
    """Ask whether uncertain people are to count as failed."""
    view = await shown(visit, "give-up")
    if not view.uncertain_count:
        return visit.done(back_to(view.uuid, None), NOBODY_UNCERTAIN)
    return _ask(visit, view, give_up_question(view))


async def give_up(visit: Visit) -> Response:
    """Count uncertain people as failed."""
    form = await read_form(visit.request)
    made = await visit.perform("broadcast.give-up", id=visit.request.path_params["id"])
    text = f"Counted as failed now: {people(made.failed)}." if made.failed else NOBODY_UNCERTAIN
    return visit.done(back_to(made.broadcast.uuid, form.get("back")), text)


async def again(visit: Visit) -> Response:
    """Make a draft with the same message, for all or some of the same people."""
    form = await read_form(visit.request)
    made = await visit.perform(
        "draft.again",
        id=visit.request.path_params["id"],
        whom=form.get("whom"),
        code=form.get("code") or None,
    )
    return visit.redirect(f"/broadcasts/new/{made.uuid}")


async def shown(visit: Visit, verb: str) -> BroadcastDetails:
    """The broadcast, if the visitor may do this with it."""
    view: BroadcastDetails = await visit.perform("broadcast.show", id=visit.request.path_params["id"])
    await visit.require(f"broadcast.{verb}")
    return view


def _ask(visit: Visit, view: BroadcastDetails, question: Question, **fields: str) -> Response:
    back = back_to(view.uuid, visit.param("back"))
    return visit.confirm(
        question.title,
        question.text,
        button=question.button,
        back=back,
        fields=fields | {"back": back},
        danger=question.danger,
    )


def back_to(uuid: str, path: str | None) -> str:
    """Where the visitor came from; the page of the broadcast if that is not known."""
    return own_path(path) if path else f"/broadcasts/{uuid}"


PAGES: tuple[Row, ...] = (
    ("POST", "/broadcasts/{id}/pause", pause),
    ("POST", "/broadcasts/{id}/resume", resume),
    ("GET", "/broadcasts/{id}/cancel", ask_cancel),
    ("POST", "/broadcasts/{id}/cancel", cancel),
    ("GET", "/broadcasts/{id}/give-up", ask_give_up),
    ("POST", "/broadcasts/{id}/give-up", give_up),
    ("POST", "/broadcasts/{id}/again", again),
)
