"""What became of messages, summed up by when they were sent, by country and by template. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from math import ceil
from typing import Any

from wacrmd.clock import DAY, MINUTE, SECOND, Millis
from wacrmd.domain.local_time import UnclearTimeError, read_duration, read_local
from wacrmd.domain.recipient import RecipientStatus

SLOT: Millis = 15 * MINUTE
"""Messages are summed up by quarters of an hour: clocks of all time zones differ by whole ones."""
FIRST: Millis = -2_208_988_800_000
LAST: Millis = 253_370_764_800_000
"""The beginnings of 1900 and 9999, UTC."""
MAX_DAYS = 366
DEFAULT_DAYS = 30
MAX_DIFFERENT = 20
"""Buttons, and reasons of wacrmd's own, that one broadcast has at most; the others are summed up."""
MAX_TEXT = 100

OPTED_OUT = "opted_out"
QUICK_REPLY = "quick_reply"
FAILED = "failed:"
"""Before Meta's code; before `:` and wacrmd's own reason where there is no code."""
BUTTON = "button:"

SHARES: Mapping[str, str] = {
    "delivered": "sent",
    "read": "delivered",
    "replied": "delivered",
    "quick_reply": "delivered",
    "clicked": "delivered",
    "opted_out": "total",
    "failed": "total",
}
"""What each share of a row of statistics is of."""

LADDER = (
    RecipientStatus.SENT,
    RecipientStatus.DELIVERED,
    RecipientStatus.READ,
    RecipientStatus.REPLIED,
)
_TRIED = frozenset({*LADDER, RecipientStatus.FAILED, RecipientStatus.UNCERTAIN})
"""The statuses of messages that were tried. The others have not been sent, or not yet."""

Key = tuple[int, str, str]
"""The slot, the country, and what is counted."""


class By(StrEnum):
    """What each row of statistics is about."""

    TEMPLATE = "template"
    COUNTRY = "country"
    HOUR = "hour"
    DAY = "day"


def tally(
    rows: Iterable[tuple[int, str, str, int | None, str | None, Millis | None, str | None]],
    opted_out: Collection[int],
    taps: Mapping[int, Collection[str]],
) -> Counter[Key]:
    """The sums of recipients: (id, address, status, code, title, when it was last tried, country) each.

    The country counts where the address says none: somebody was erased. Those that were not tried are left out. `opted_out`
    are the ids of those who opted out in answer to it, `taps` has the buttons that each one tapped.
    """
    from wacrmd.domain.address_country import country_of_address  # noqa: PLC0415 - commands must not load it

    found: Counter[Key] = Counter()
    for row_id, address, status, code, title, at, known in rows:
        if at is None or status not in _TRIED:
            continue
        slot, country = at // SLOT, country_of_address(address) or known or ""
        found[slot, country, _what(status, code, title)] += 1
        if row_id in opted_out:
            found[slot, country, OPTED_OUT] += 1
        if row_id in taps:
            found[slot, country, QUICK_REPLY] += 1
            for button in taps[row_id]:
                found[slot, country, BUTTON + button[:MAX_TEXT]] += 1
    return found


def _what(status: str, code: int | None, title: str | None) -> str:
    if status != RecipientStatus.FAILED:
        return status
    return f"{FAILED}{code}" if code is not None else f"{FAILED}:{(title or '')[:MAX_TEXT]}"


def is_message(what: str) -> bool:
    """Whether a sum counts messages by what became of them: each message is in one of these sums."""
    return what in _TRIED or what.startswith(FAILED)


def bounded(found: Counter[Key]) -> Counter[Key]:
    """The same with few different texts: those that are seldom are summed up under the empty one."""
    for beginning in (BUTTON, f"{FAILED}:"):
        sums: Counter[str] = Counter()
        for (_, _, what), count in found.items():
            if what.startswith(beginning):
                sums[what] += count
        seldom = {what for what, _ in sums.most_common()[MAX_DIFFERENT:]}
        for key in [key for key in found if key[2] in seldom]:
            found[key[0], key[1], beginning] += found.pop(key)
    return found


def period(since: str | None, until: str | None, zone: tzinfo, now: Millis) -> tuple[Millis, Millis]:
    """From when to before when: whole quarters of an hour. Raises ValueError, which says what was expected.

    A date is one in `zone`; that of the end is included. A duration is how long ago. Without a beginning it is the 30 days
    that end with the day of the end.
    """
    end = _known(now if until is None else _moment(until, zone, now, is_end=True))
    if since is None:
        last = datetime.fromtimestamp((end - 1) / SECOND, zone).date()
        begin = _midnight(last - timedelta(days=DEFAULT_DAYS - 1), zone)
    else:
        begin = _known(_moment(since, zone, now, is_end=False))
    days = _days_between(begin, end, zone)
    begin, end = begin // SLOT * SLOT, -(-end // SLOT) * SLOT
    if not begin < end:
        raise ValueError("expected a beginning before the end")
    if days > MAX_DAYS:
        raise ValueError(f"expected at most {MAX_DAYS} days, found {ceil(days * 10) / 10:g}")
    return begin, end


def _days_between(begin: Millis, end: Millis, zone: tzinfo) -> float:
    """How many days, of 24 hours or by the clocks of a zone: the fewer, because a year of dates may have an hour more."""
    first, last = (datetime.fromtimestamp(at / SECOND, zone).replace(tzinfo=None) for at in (begin, end))
    return min(end - begin, (last - first) / timedelta(milliseconds=1)) / DAY


def _known(at: Millis) -> Millis:
    """A time that can be rounded, and shown in every zone."""
    if not FIRST <= at <= LAST:
        raise ValueError("expected times from 1900 to 9998")
    return at


def _moment(text: str, zone: tzinfo, now: Millis, *, is_end: bool) -> Millis:
    ago = read_duration(text)
    if ago is not None:
        return now - ago
    try:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            return round(read_local(text, zone).timestamp() * SECOND)
        return _midnight(day + timedelta(days=1) if is_end else day, zone)
    except UnclearTimeError:
        raise
    except (ValueError, OverflowError):
        raise ValueError(
            f"expected a date such as 2026-11-01, an ISO time, or how long ago such as 7d, found {text!r}"
        ) from None


def _midnight(day: date, zone: tzinfo) -> Millis:
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * SECOND)


def place_of(slot: int, by: By, zone: tzinfo) -> str | int:
    """The date (ISO) or the hour of the day in which a slot is, by the clocks of a zone."""
    there = datetime.fromtimestamp(slot * SLOT / SECOND, UTC).astimezone(zone)
    return there.hour if by is By.HOUR else there.date().isoformat()


def reached(sums: Mapping[str, int]) -> dict[str, int]:
    """How many messages got as far as each step of the ladder, the later ones counted with the earlier ones."""
    found, count = {}, 0
    for status in reversed(LADDER):
        count += sums.get(status, 0)
        found[status.value] = count
    return found


def share(part: int, whole: int) -> float | None:
    """A part of a whole, from 0 to 1; None of nothing."""
    return round(part / whole, 4) if whole else None


def percents(row: Mapping[str, Any], name: str) -> int | None:
    """A share of a row in whole percents, rounded down: 100 % means all. None where the row has none."""
    part, whole = row[f"{name}_count"], row[f"{SHARES[name]}_count"]
    return int(100 * part // whole) if whole and row[f"{name}_share"] is not None else None
