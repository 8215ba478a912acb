"""Clicks on links of templates, as Meta's analytics count them by days of UTC (docs/meta.md, Template analytics). Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from wacrmd.clock import DAY, SECOND, Millis
from wacrmd.domain.template import Template
from wacrmd.domain.template_parts import objects, parts, upper

LOOKBACK_DAYS = 90
"""As far back as Meta's analytics go."""
COUNTED_DAYS = 7
"""For so many days after a message was sent its clicks are counted. Then Meta may set the counts back to zero."""

_CATEGORIES = ("", "MARKETING", "UTILITY")
"""Clicks of other categories are not counted; "": not known."""
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Clicks:
    """Who clicked a button: the number of people, and how often. Neither is part of the other; None: Meta does not say."""

    people: int | None
    clicks: int | None


@dataclass(frozen=True, slots=True)
class LinkClicks:
    """The clicks of a day (since the epoch, UTC) on the buttons of a template that have this text."""

    template_id: str
    day: int
    button: str
    counts: Clicks


def add_clicks(found: Iterable[Mapping[str, Clicks]]) -> dict[str, Clicks]:
    """Clicks by the text of the button, each type of count added up for itself."""
    total: dict[str, Clicks] = {}
    for clicks in found:
        for button, each in clicks.items():
            known = total.get(button, Clicks(None, None))
            total[button] = Clicks(_sum(known.people, each.people), _sum(known.clicks, each.clicks))
    return total


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


def days_to_read(now: Millis, last_read: Millis | None) -> range:
    """The days to be read, today included: those whose counts may have changed since they were read, or all there are.

    A last time that is still to come says nothing: the clock was wrong then.
    """
    today = now // DAY
    first = today - LOOKBACK_DAYS + 1
    if last_read is not None and last_read <= now:
        first = max(first, last_read // DAY - COUNTED_DAYS)
    return range(first, today + 1)


def believed(found: Iterable[LinkClicks], now: Millis) -> list[LinkClicks]:
    """Those that say something: a zero of a day that Meta does not count any more does not say that nobody clicked."""
    oldest = now // DAY - COUNTED_DAYS
    return [
        each for each in found if each.day >= oldest or (each.counts.people or 0) + (each.counts.clicks or 0)
    ]


def has_link(template: Template) -> bool:
    """Whether Meta may count clicks on a link of the template."""
    return upper(template.category) in _CATEGORIES and any(
        upper(button.get("type")) == "URL"
        for _, part in parts(template.components)
        if upper(part.get("type")) == "BUTTONS"
        for button in objects(part.get("buttons"))
    )


def days_of(begin: Millis, end: Millis, zone: tzinfo) -> range:
    """The days of UTC with the dates that a period has in a zone; those at its ends as a whole."""
    first, last = (datetime.fromtimestamp(at / SECOND, zone).date() for at in (begin, end - 1))
    return range(first.toordinal() - _EPOCH, last.toordinal() - _EPOCH + 1)


def are_of_utc(days: range, zone: tzinfo) -> bool:
    """Whether the days of a zone are those of UTC: its clocks have no offset."""
    return not any(datetime.fromtimestamp(day * DAY / SECOND, zone).utcoffset() for day in days)


def iso_date(day: int) -> str:
    """The date of a day since the epoch."""
    return datetime.fromtimestamp(day * DAY / SECOND, UTC).date().isoformat()
