"""What a visitor can do with a broadcast now; pure."""

from collections.abc import Callable
from dataclasses import dataclass

from wacrmd.dashboard.render import people
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.views.broadcasts import BroadcastView

VERBS = ("pause", "resume", "cancel", "retry", "give-up")
"""Each is an operation `broadcast.…`, and the end of a path of the dashboard."""

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

    The number of those who wait stands in a button only while it does not move: a button that is drawn anew each
    second loses clicks. The page that asks says it.
    """
    waiting, found = view.pending_count, []
    still = waiting and view.status is not _S.SENDING
    if view.status in CAN_PAUSE:
        found.append(Button("pause", "Pause", f"Pause ({people(waiting)} wait)" if still else "Pause"))
    if view.status is _S.PAUSED:
        found.append(Button("resume", "Resume", f"Resume for {people(waiting)}"))
    if view.status in CAN_RETRY and view.failed_count:
        label = f"Send again to {people(view.failed_count)} who failed"
        found.append(Button("retry", "Retry", label, asks=True, of=RecipientStatus.FAILED.value))
    if view.status in CAN_CANCEL:
        label = f"Cancel for {people(waiting)}" if still else "Cancel"
        found.append(Button("cancel", "Cancel", label, asks=True))
    return [each for each in found if each.verb in may]


def draft_buttons(may: Callable[[str], bool]) -> list[Button]:
    """What can be done with a draft in the list of broadcasts; the verbs are the ends of paths below `/broadcasts/new/…`."""
    found = []
    if may("draft.change"):
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
