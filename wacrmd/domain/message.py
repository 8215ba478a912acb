"""A single message: a broadcast to one person, and what its sender is told about it; pure."""

from dataclasses import dataclass
from enum import Enum, auto

from wacrmd.domain.broadcast import Broadcast
from wacrmd.domain.hold import Hold, HoldReason
from wacrmd.domain.recipient import Recipient, RecipientStatus
from wacrmd.errors import Problem


@dataclass(frozen=True, slots=True)
class Message:
    """A single message as stored: its broadcast, and that one's only recipient."""

    broadcast: Broadcast
    recipient: Recipient


class Fate(Enum):
    """What is known of a message."""

    TAKEN = auto()
    """Meta has it."""
    REFUSED = auto()
    """Meta refused it, or wacrmd gave it up."""
    DROPPED = auto()
    """It is not sent any more."""
    UNKNOWN = auto()
    """Whether Meta has it is not known, and will not be soon."""
    OPEN = auto()
    """It waits, or is on its way."""


_FATES = {
    RecipientStatus.PENDING: Fate.OPEN,
    RecipientStatus.SENDING: Fate.OPEN,
    RecipientStatus.FAILED: Fate.REFUSED,
    RecipientStatus.CANCELLED: Fate.DROPPED,
    RecipientStatus.UNCERTAIN: Fate.UNKNOWN,
}

_SHORT = frozenset(
    {
        HoldReason.THROTTLED,
        HoldReason.META_UNREACHABLE,
        HoldReason.NO_ANSWER,
        HoldReason.NO_FREE_CONNECTION,
        HoldReason.WAITING_FOR_RETRY,
        HoldReason.MEDIA,
    }
)
"""Holds that may be over in seconds: it is worth waiting for them. Others last until somebody or a time ends them."""


def fate_of(status: RecipientStatus) -> Fate:
    """What is known of a message with this status."""
    return _FATES.get(status, Fate.TAKEN)


def is_worth_waiting(fate: Fate, hold: Hold | None) -> bool:
    """Whether Meta may answer soon."""
    return fate is Fate.OPEN and (hold is None or hold.reason in _SHORT)


def refused_sentence(code: int | None, title: str | None, details: str | None) -> str:
    """Why a message failed, as a sentence for people."""
    if code is None:
        return f"The message was not sent: {title or 'wacrmd gave it up'}"
    said = [f"Meta refused the message with {code}", *(each for each in (title, details) if each)]
    return ": ".join([*(each.rstrip(".") for each in said[:-1]), said[-1]])


_PLACES = {
    "template_name": "template.name",
    "template_language": "template.language",
    "recipients[0].to": "to",
}
_ONLY = "recipients[0]."
_CONTENT = ("header", "buttons", "components")


def in_message(problem: Problem) -> Problem:
    """A problem of a broadcast of one, at its place in the body of a message."""
    path = _PLACES.get(problem.path, problem.path)
    if path.startswith(_ONLY):
        path = f"template.{path.removeprefix(_ONLY)}"
    elif path.startswith(_CONTENT):
        path = f"template.{path}"
    return Problem(path, problem.message)
