"""First a few people, then all: whether what became of the first lets the others follow. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from wacrmd.clock import Millis, iso
from wacrmd.domain.percent import percent
from wacrmd.errors import counted
from wacrmd.fields import Doc

MAX_COUNT = 1000
"""People to whom a broadcast is sent first, at most."""


@dataclass(frozen=True, slots=True)
class Canary:
    """To how many people a broadcast is sent first, and when the others follow."""

    count: Annotated[int, Doc("how many people get it first, spread over their countries")]
    wait_minutes: Annotated[int, Doc("how long to wait after the last of them, before the figures count")] = (
        15
    )
    min_delivered: Annotated[float, Doc("the share of them that must have it by then, from 0 to 1")] = 0.8
    max_failed: Annotated[float, Doc("the share of them to whom it may have failed, from 0 to 1")] = 0.1

    def __str__(self) -> str:
        """In a sentence: `50 people first, then after 15 minutes the others, if …`."""
        return (
            f"{counted(self.count, 'person', 'people')} first; the others {counted(self.wait_minutes, 'minute')} later, if"
            f" {_share(self.min_delivered)} of them have it and at most {_share(self.max_failed)} failed"
        )


class CanaryPhase(StrEnum):
    """How far a broadcast with a canary is; NULL in the database: the first people are not chosen yet."""

    SENDING = "sending"
    """The first people are being sent to."""
    WAITING = "waiting"
    """All of them were tried: what becomes of it is waited for."""
    PASSED = "passed"
    """All others may be sent to."""


@dataclass(frozen=True, slots=True)
class CanaryFigures:
    """What became of the first people; those who opted out before the send are not counted."""

    people: int
    delivered: int
    failed: int
    left: int
    """How many are still to be sent to, or just being sent to."""

    @property
    def sentence(self) -> str:
        """The figures for people: `of the first 50 people 44 (88 %) have it, to 2 (4 %) it failed`."""
        of = "of 1 person" if self.people == 1 else f"of the first {self.people} people"
        have = "has" if self.delivered == 1 else "have"
        return (
            f"{of} {self.delivered} ({self._percent(self.delivered)}) {have} it,"
            f" to {self.failed} ({self._percent(self.failed)}) it failed"
        )

    def _percent(self, count: int) -> str:
        return _share(count / self.people) if self.people else "0 %"


def problem(canary: Canary, figures: CanaryFigures) -> str | None:
    """Why the others may not follow, for people; None if they may."""
    if not figures.people:
        return "Nobody of the first people could be sent to: all have opted out"
    # Divided, a share is the same number as it is when somebody writes it: 0.29 * 100 is less than 29.
    enough = figures.delivered / figures.people >= canary.min_delivered
    if enough and figures.failed / figures.people <= canary.max_failed:
        return None
    wanted = f"at least {_share(canary.min_delivered)} and at most {_share(canary.max_failed)} were expected"
    sentence = figures.sentence
    return (
        f"{sentence[0].upper()}{sentence[1:]}; {wanted}. See why, then resume it for the others, or cancel it"
    )


def waiting_detail(canary: Canary, figures: CanaryFigures, until: Millis) -> str:
    """Why a broadcast waits after its first people, for people."""
    return (
        f"So far {figures.sentence}; at {iso(until)} the others follow if it is at least"
        f" {_share(canary.min_delivered)} and at most {_share(canary.max_failed)}"
    )


def _share(part: float) -> str:
    return f"{percent(part)} %"
