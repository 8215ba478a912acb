"""Time in milliseconds since the epoch, and clocks that tests can replace."""

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

import anyio

Millis = int
"""Milliseconds since 1970-01-01T00:00:00Z: the unit of every time in the database."""

SECOND: Millis = 1000
MINUTE: Millis = 60 * SECOND
HOUR: Millis = 60 * MINUTE
DAY: Millis = 24 * HOUR

_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MIN: Millis = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_MAX: Millis = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_ISO_CHARACTERS = re.compile(r"[0-9TtZzWw:.,+\- ]*[0-9Zz]", re.ASCII)
_MAX_OFFSET = timedelta(hours=14)
"""That of Kiribati; on the other side it is 12 hours."""
_MAX_SHOWN = 64


class Clock(Protocol):
    """The time by which a part of the daemon goes."""

    def now(self) -> Millis:
        """The time in milliseconds since the epoch. It may be corrected: measure and wait with the others."""

    def monotonic(self) -> Millis:
        """Milliseconds since some moment of this run: nobody sets this clock."""

    async def sleep(self, duration: Millis) -> None:
        """Return after so much time of `monotonic`, however the machine's clock is set meanwhile."""


class MachineClock(Protocol):
    """The two clocks of a machine; tests use clocks that they can set."""

    def wall(self) -> Millis:
        """Milliseconds since the epoch, as the machine has them: it may be set at any time, to any time."""

    def monotonic(self) -> Millis:
        """Milliseconds since some moment: nobody sets this clock, and it begins anew with the machine."""

    async def sleep(self, duration: Millis) -> None:
        """Return after so much time of `monotonic`."""


class SystemClock:
    """The clocks of this machine."""

    def wall(self) -> Millis:
        """Milliseconds since the epoch."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> Millis:
        """Milliseconds since the machine was started, without the time in which it was suspended."""
        return time.monotonic_ns() // 1_000_000

    async def sleep(self, duration: Millis) -> None:
        """Return after so much time of `monotonic`."""
        await anyio.sleep(duration / SECOND)


def iso(at: Millis) -> str:
    """`at` as ISO-8601 UTC with milliseconds, such as `2026-11-23T12:00:00.000Z`."""
    seconds, millis = divmod(at, SECOND)
    return f"{_whole_second(seconds)}.{millis:03}Z"


@lru_cache(maxsize=4096)
def _whole_second(seconds: int) -> str:
    """The seconds of a time; kept, because a list names the same seconds again and again."""
    return (
        datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()
    )  # strftime writes year 1 as 1


def parse_iso(text: str) -> Millis:
    """Milliseconds of an ISO-8601 time with an offset; raises ValueError for anything else."""
    moment = read_iso(text)
    if moment.tzinfo is None:
        raise ValueError("the time has no offset from UTC: write 2026-11-23T12:00:00Z or …+01:00")
    return millis(moment)


def read_iso(text: str) -> datetime:
    """An ISO-8601 time, with or without an offset; raises ValueError, with a text for people, for anything else.

    The letters may be in lower case (RFC 3339, 5.6). Python also reads a NUL after the time, and offsets of no place.
    """
    try:
        moment = datetime.fromisoformat(text.upper() if _ISO_CHARACTERS.fullmatch(text) else "")
    except ValueError:
        raise ValueError(f"found {text[:_MAX_SHOWN]!r}") from None
    offset = moment.utcoffset()
    if offset is not None and (abs(offset) > _MAX_OFFSET or offset % timedelta(minutes=1)):
        written = moment.isoformat().removeprefix(moment.replace(tzinfo=None).isoformat())
        raise ValueError(f"{written} is no offset from UTC of any place")
    return moment


def millis(moment: datetime) -> Millis:
    """Milliseconds of a time with an offset. Raises ValueError for one that is not in the years 1 to 9999 in UTC.

    `9999-12-31T23:59:59-12:00` is a valid text, but its time in UTC has no ISO form: `iso` could not write it.
    """
    at = (moment - _EPOCH) // _MILLISECOND
    if not _MIN <= at <= _MAX:
        raise ValueError("the time is outside of the years 1 to 9999 in UTC")
    return at
