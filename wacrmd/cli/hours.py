"""Hours on the command line: `mon-fri 09:00-20:00 Europe/Berlin`, of which only the times are required."""

import re

import click

from wacrmd.fields import JsonObject

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIMES = re.compile(r"([0-9]{1,2}:[0-9]{2})\s*-\s*([0-9]{1,2}:[0-9]{2})", re.ASCII)
_DASHES = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2212", "------")
"""What text programs make of a hyphen."""
_EXPECTED = "expected hours such as 09:00-20:00, 'mon-fri 09:00-20:00' or 'mon,sat 10:00-14:00 Europe/Berlin'"


class Hours(click.ParamType[JsonObject | str]):
    """Hours as the daemon takes them; with `none`, that word as it is."""

    name = "hours"

    def __init__(self, *, none: bool = False) -> None:
        self._none = none

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> JsonObject | str:
        """Read hours; fails with a sentence. The daemon checks times and zone."""
        if not isinstance(value, str):
            return dict(value) if isinstance(value, dict) else str(value)
        if self._none and value.strip().lower() == "none":
            return "none"
        written = value.translate(_DASHES)
        times = _TIMES.search(written)
        if times is None:
            self.fail(f"{_EXPECTED}, found {value!r}", param, ctx)
        around = f"{written[: times.start()]} {written[times.end() :]}"
        words = re.sub(r"\s*,\s*", ",", around).split()
        days = next((found for word in words if (found := _days(word))), None)
        zones = [word for word in words if not _days(word)]
        if len(words) - len(zones) > 1 or len(zones) > 1:
            self.fail(f"{_EXPECTED}, found {value!r}", param, ctx)
        hours: JsonObject = {"from": times[1], "to": times[2]}
        if days:
            hours["days"] = days
        if zones:
            hours["zone"] = zones[0]
        return hours


def _days(word: str) -> list[str] | None:
    """The days of `mon-fri` or `mon,sat`; None for a word that is none."""
    found = list[str]()
    for part in word.lower().split(","):
        first, dash, last = part.partition("-")
        begin, end = _day(first), _day(last if dash else first)
        if begin is None or end is None:
            return None
        span = range(begin, end + 1) if begin <= end else (*range(begin, 7), *range(end + 1))
        found += [_DAYS[day] for day in span]
    return found


def _day(word: str) -> int | None:
    return next((names.index(word) for names in (_DAYS, _NAMES) if word in names), None)


def hours_shown(hours: JsonObject | None) -> str | None:
    """Hours as they are written; None for none."""
    if hours is None:
        return None
    days = "" if len(hours["days"]) == len(_DAYS) else f"{','.join(hours['days'])} "
    place = "each person's time" if hours["zone"] == "recipient" else hours["zone"]
    return f"{days}{hours['from']}-{hours['to']}, {place}"
