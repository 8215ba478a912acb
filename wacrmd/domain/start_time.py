"""When a broadcast is to start: what is too late or too far, and what was probably meant. Pure."""

from datetime import UTC, datetime, timedelta

from wacrmd.clock import DAY, MINUTE, SECOND, Millis, iso, millis

MAX_AHEAD: Millis = 366 * DAY
"""How far in the future a start may be."""

LATEST: Millis = MINUTE
"""How long ago a start may be and still mean "now": the request took a while, or two clocks differ a little."""


def is_past(at: Millis, now: Millis) -> bool:
    """Whether a start is so long ago that it must be a mistake."""
    return at < now - LATEST


def meant(moment: datetime, now: datetime) -> datetime | None:
    """The coming time that a past one was probably meant for, in the time zone of `moment`; None if there is none.

    On the same day it is the same time tomorrow. Otherwise the year is wrong, as in the first weeks of a new one.
    """
    if moment > now - timedelta(days=1):
        return moment + timedelta(days=1)
    for year in (now.year, now.year + 1):
        try:
            found = moment.replace(year=year)
        except ValueError:  # 29 February
            continue
        if now < found <= now + timedelta(milliseconds=MAX_AHEAD):
            return found
    return None


def past_sentence(at: Millis, now: Millis) -> str:
    """Why a start in the past is refused, with the question what was meant."""
    moment, today = (datetime.fromtimestamp(each / SECOND, UTC) for each in (max(at, 0), now))
    found = meant(moment, today) if at > 0 else None
    question = f"did you mean {iso(millis(found))}? " if found is not None else "did you mean another year? "
    return f"{iso(at)} is in the past, it is now {iso(now)}: {question}To start at once, leave it out"
