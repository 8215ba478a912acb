"""What a visitor can do with a broadcast now; pure."""

from collections.abc import Callable
from dataclasses import dataclass

from wacrmd.clock import HOUR, SECOND, Millis
from wacrmd.dashboard.render import people
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.draft import DISCARDABLE, Again, DraftState
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.views.broadcasts import BroadcastDetails, BroadcastView
from wacrmd.views.drafts import DraftSummary

VERBS = ("pause", "resume", "cancel", "retry", "give-up")
"""Each is an operation `broadcast.…`, and the end of a path of the dashboard."""

QUIET_MS = 30 * SECOND
"""Once nothing has changed for so long, the buttons for those to whom it can be sent again have their numbers."""

_S = BroadcastStatus
CAN_PAUSE = frozenset({_S.SCHEDULED, _S.SENDING})
CAN_CANCEL = frozenset({_S.SCHEDULED, _S.SENDING, _S.PAUSED})
CAN_RETRY = frozenset({_S.SENDING, _S.PAUSED, _S.SENT})


def verbs_of(may: Callable[[str], bool]) -> frozenset[str]:
    """The verbs that a visitor may use."""
    return frozenset(each for each in VERBS if may(f"broadcast.{each}"))


@dataclass(frozen=True, slots=True)
class Button:
    """One thing to do."""

    verb: str
    word: str
    """In the list of broadcasts."""
    label: str
    """On the page of one."""
    asks: bool = False
    """Whether a page comes first that asks."""
    of: str | None = None
    """The status of the people concerned."""


def buttons(view: BroadcastView, may: frozenset[str]) -> list[Button]:
    """What can be done with the broadcast as a whole, of the verbs that the visitor may use.

    A number stands in a button only while it does not move: a button that is drawn anew each second loses clicks.
    The page that asks says it.
    """
    waiting, found = view.pending_count, []
    still = waiting and view.status is not _S.SENDING
    if view.status in CAN_PAUSE:
        found.append(Button("pause", "Pause", f"Pause ({people(waiting)} waiting)" if still else "Pause"))
    after_first = view.hold is not None and view.hold.reason is HoldReason.CANARY
    others = f"the other {people(waiting)}"
    if view.status is _S.PAUSED:
        label = f"Send to {others}" if after_first else f"Resume for {people(waiting)}"
        found.append(Button("resume", "Resume", label))
    if view.status in CAN_RETRY and view.failed_count:
        whom = "those" if view.status is _S.SENDING else people(view.failed_count)
        found.append(
            Button(
                "retry",
                "Send again",
                f"Send again to {whom} who failed",
                asks=True,
                of=RecipientStatus.FAILED.value,
            )
        )
    if view.status in CAN_CANCEL:
        label = f"Cancel for {others if after_first else people(waiting)}" if still else "Cancel"
        found.append(Button("cancel", "Cancel", label, asks=True))
    return [each for each in found if each.verb in may]


def planned_buttons(view: BroadcastDetails, may: frozenset[str]) -> list[Button]:
    """What can be done about the people who wait for another message."""
    if not view.is_retry_planned or view.status not in CAN_RETRY or "retry" not in may:
        return []
    label = "Change when it is tried again"
    return [Button("retry", label, label, asks=True, of=RecipientStatus.PENDING.value)]


def without_delivery(view: BroadcastView) -> int:
    """How many have no delivery yet, of those whose message Meta has accepted."""
    return view.sent_count - view.delivered_count


def can_send_undelivered_again(view: BroadcastView, may: frozenset[str], now: Millis) -> bool:
    """Whether the page offers to send again to those without delivery: not while it is sent, nor in the hour after that."""
    waits = now - (view.completed_at or view.started_at or now) >= HOUR
    may_again = "retry" in may and view.status in CAN_RETRY - {_S.SENDING}
    return may_again and waits and without_delivery(view) > 0


@dataclass(frozen=True, slots=True)
class AgainButton:
    """Whom a new broadcast with the same message can be for."""

    whom: Again
    label: str


_AGAIN = (
    (Again.FAILED, "To {those} who failed"),
    (Again.NOT_DELIVERED, "To {those} it did not reach"),
    (Again.NOT_READ, "To {those} who have not read it"),
    (Again.NOT_REPLIED, "To {those} who have not replied"),
    (Again.ALL, "Duplicate for the same people"),
    (Again.NOBODY, "Duplicate for other people"),
)


def again_buttons(view: BroadcastView, now: Millis) -> list[AgainButton]:
    """The buttons that concern somebody, with numbers while nothing moves; these move for days."""
    on_the_way = without_delivery(view)
    counts = {
        Again.FAILED: view.failed_count,
        Again.NOT_DELIVERED: on_the_way + view.failed_count,
        Again.NOT_READ: view.delivered_count - view.read_count,
        Again.NOT_REPLIED: view.delivered_count - view.replied_count,
    }
    is_quiet = now - view.updated_at >= QUIET_MS
    return [
        AgainButton(whom, label.format(those=people(counts.get(whom, 0)) if is_quiet else "those"))
        for whom, label in _AGAIN
        if counts.get(whom, 1) > 0
    ]


def draft_buttons(draft: DraftSummary | None, may: Callable[[str], bool]) -> list[Button]:
    """What can be done with a draft in the list of broadcasts; the verbs are the ends of paths below `/broadcasts/new/…`."""
    found: list[Button] = []
    if draft is not None and draft.state not in DISCARDABLE:
        return found  # somebody has sent it: it is being prepared
    if draft is not None and draft.state is DraftState.COLLECTING:
        found.append(Button("", "Look at it", "Look at it", asks=True))
    elif may("draft.change"):
        found.append(Button("", "Go on", "Go on", asks=True))
    if may("draft.discard"):
        found.append(Button("discard", "Throw away", "Throw away", asks=True))
    return found


def uncertain_buttons(view: BroadcastView, may: frozenset[str]) -> list[Button]:
    """What can be done about the people of whom it is not known whether they have the message."""
    count, found = view.uncertain_count, []
    if count and view.status in CAN_RETRY:
        label = f"Send again to {people(count)}"
        found.append(Button("retry", "Send again", label, asks=True, of=RecipientStatus.UNCERTAIN.value))
    if count:
        found.append(Button("give-up", "Give up", f"Count {people(count)} as failed", asks=True))
    return [each for each in found if each.verb in may]
