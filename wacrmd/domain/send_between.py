"""The hours of a broadcast: of which days, and by whose clock. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from wacrmd.fields import Doc, json_name

RECIPIENT_ZONE = "recipient"
"""The `zone` that means: by each person's own clock."""


class Day(StrEnum):
    """A day of the week."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


ALL_DAYS = tuple(Day)


@dataclass(frozen=True, slots=True)
class SendBetween:
    """The hours of a broadcast, as callers give and see them."""

    begin: Annotated[str, Doc("when it opens, such as `09:00`")] = field(metadata=json_name("from"))
    end: Annotated[str, Doc("when it closes, such as `20:00`; `24:00` is midnight")] = field(
        metadata=json_name("to")
    )
    days: Annotated[tuple[Day, ...], Doc("on which days")] = ALL_DAYS
    zone: Annotated[
        str,
        Doc("by which clock: `recipient`, that of each person's place, or a zone such as `Europe/Berlin`"),
    ] = RECIPIENT_ZONE

    def __str__(self) -> str:
        """In a sentence: `09:00-20:00 on Mon, Tue at each person's place`."""
        days = "" if set(self.days) == set(Day) else " on " + ", ".join(day.capitalize() for day in self.days)
        return f"{self.begin}-{self.end}{days} {self.place}"

    @property
    def is_always(self) -> bool:
        """Whether they are all hours, also those that clocks skip or show twice at midnight."""
        return (self.begin, self.end) == ("00:00", "24:00") and set(self.days) == set(Day)

    @property
    def place(self) -> str:
        """By whose clock, in a sentence."""
        return "at each person's place" if self.zone == RECIPIENT_ZONE else f"in {self.zone}"
