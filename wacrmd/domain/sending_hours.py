"""The hours in which messages may be sent: of which days, and by whose clock. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

from wacrmd.clock import DAY, SECOND, Millis
from wacrmd.domain.phone_zones import zones_of
from wacrmd.fields import Doc, json_name

RECIPIENT_ZONE = "recipient"
"""The `zone` that means: by each person's own clock."""
MIDNIGHT = 24
"""The hour of the clock that ends a day."""
AHEAD_DAYS = 8
"""So many days are looked at for the next opening: a week, and the day on which it begins."""

Interval = tuple[Millis, Millis]
"""From the first moment to the one after the last."""


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
    def place(self) -> str:
        """By whose clock, in a sentence."""
        return "at each person's place" if self.zone == RECIPIENT_ZONE else f"in {self.zone}"

    def zones(self, address: str) -> tuple[str, ...]:
        """The zones in all of which the hour must be one of these, for a person with this address."""
        return zones_of(address) if self.zone == RECIPIENT_ZONE else (self.zone,)

    def next_open(self, address: str, now: Millis) -> Millis | None:
        """From when a message may be sent to this address: `now`, or later; None: at no time of the coming week.

        In the hour that clocks show twice or skip, it may be open less long than the clocks say, never longer.
        """
        return next_open(self, self.zones(address), now)


def next_open(hours: SendBetween, zones: tuple[str, ...], now: Millis) -> Millis | None:
    """The first moment from `now` on that is within the hours in all of these zones; None: in the coming week none is."""
    openings = _openings(hours, zones, now // DAY)
    at = bisect_right(openings, now, key=lambda each: each[1])
    return max(now, openings[at][0]) if at < len(openings) else None


@lru_cache(maxsize=1024)
def _openings(hours: SendBetween, zones: tuple[str, ...], day: int) -> Sequence[Interval]:
    """When it is open in all zones, from a day (of UTC, since the epoch) on, in order."""
    common: list[Interval] | None = None
    for zone in zones:
        found = _openings_in(hours, ZoneInfo(zone), day)
        common = found if common is None else _in_both(common, found)
    return common or []


def _openings_in(hours: SendBetween, zone: ZoneInfo, day: int) -> list[Interval]:
    first = datetime.fromtimestamp(day * DAY / SECOND, UTC).date() - timedelta(days=1)
    days = [first + timedelta(days=each) for each in range(AHEAD_DAYS + 2)]
    wanted = {ALL_DAYS.index(each) for each in hours.days}
    found = [
        (max(_moments(each, hours.begin, zone)), min(_moments(each, hours.end, zone)))
        for each in days
        if each.weekday() in wanted
    ]
    return [each for each in found if each[0] < each[1]]


def _moments(day: date, clock: str, zone: ZoneInfo) -> tuple[Millis, Millis]:
    """When the clocks of a zone show a time; they differ where it is shown twice, or skipped."""
    hour, minute = (int(part) for part in clock.split(":"))
    if hour == MIDNIGHT:
        day, hour = day + timedelta(days=1), 0
    shown = datetime.combine(day, time(hour, minute), zone)
    first, second = (round(shown.replace(fold=fold).timestamp() * SECOND) for fold in (0, 1))
    return first, second


def _in_both(one: Sequence[Interval], other: Sequence[Interval]) -> list[Interval]:
    """What two lists of intervals, each in order, have in common."""
    found = list[Interval]()
    at = 0
    for begin, end in one:
        while at < len(other) and other[at][1] <= begin:
            at += 1
        for its_begin, its_end in other[at:]:
            if its_begin >= end:
                break
            found.append((max(begin, its_begin), min(end, its_end)))
    return found
