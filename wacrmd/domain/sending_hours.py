"""When messages may be sent to a person, by the hours of a broadcast. Pure."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from wacrmd.clock import DAY, SECOND, Millis
from wacrmd.domain.phone_zones import zones_of
from wacrmd.domain.send_between import ALL_DAYS, RECIPIENT_ZONE, SendBetween

MIDNIGHT = 24
"""The hour of the clock that ends a day."""
AHEAD_DAYS = 8
"""So many days are looked at for the next opening: a week, and the day on which it begins."""

Interval = tuple[Millis, Millis]
"""From the first moment to the one after the last."""


def zones_for(hours: SendBetween, address: str) -> tuple[str, ...]:
    """The zones in all of which the hour must be one of these, for a person with this address."""
    return zones_of(address) if hours.zone == RECIPIENT_ZONE else (hours.zone,)


def opens_at(hours: SendBetween, address: str, now: Millis) -> Millis | None:
    """From when a message may be sent to this address: `now`, or later; None: at no time of the coming week.

    In the hour that clocks show twice or skip, it may be open less long than the clocks say, never longer.
    """
    return next_open(hours, zones_for(hours, address), now)


def next_open(hours: SendBetween, zones: tuple[str, ...], now: Millis) -> Millis | None:
    """The first moment from `now` on that is within the hours in all of these zones; None: in the coming week none is."""
    if hours.is_always:
        return now
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
