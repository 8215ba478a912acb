"""Times that a person writes on the command line, and `--timezone` for those without an offset."""

import os
import re
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from wacrmd.clock import HOUR, SECOND, read_iso
from wacrmd.domain.local_time import UnclearTimeError, read_duration, read_local
from wacrmd.domain.number_text import read_amount
from wacrmd.domain.start_time import is_past, meant
from wacrmd.domain.time_zones import EXAMPLE, zone_named

_ZONE = "wacrmd.timezone"
AT = "2026-12-01 09:00+02:00"
_DATE = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}", re.ASCII)
_POSIX_ZONE = re.compile(r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+\-]{3,}>)[+\-]?[0-9]", re.ASCII)
"""How a zone is written by its offset, such as CET-1CEST."""
_OFFSET = re.compile(r"[+\-][0-9]", re.ASCII)


def _zone(context: click.Context, parameter: click.Parameter, name: str | None) -> None:
    """Read a name such as Europe/Berlin and keep the zone for the times of the same command."""
    if name is None or context.resilient_parsing:
        return
    try:
        context.meta[_ZONE] = zone_named(name)
    except ValueError as error:
        said = str(error)
        if _OFFSET.search(name):
            said = f"expected a time zone such as {EXAMPLE}, found {name!r}; an offset belongs to the time, as in {AT!r}"
        raise click.BadParameter(said, context, parameter) from None


timezone_option = click.option(
    "--timezone",
    metavar="ZONE",
    is_eager=True,
    expose_value=False,
    callback=_zone,
    help="The time zone of times without an offset, such as Europe/Berlin. Default: that of this machine.",
)


class LocalTime(click.ParamType[str]):
    """A time as people write it, as ISO-8601 in UTC. Without an offset it is local time (see `timezone_option`)."""

    name = "time"
    expected = "expected a time such as '2026-12-01 09:00'"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The time in UTC."""
        return _utc(self.moment(value, param, ctx))

    def moment(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment that is meant; a usage error for a text that is no time, and for a local time that is unclear."""
        zone = _zone_of(ctx)
        try:
            if zone is None and read_iso(value).tzinfo is None:
                _check_machine_zone()
            return read_local(value, zone)
        except UnclearTimeError as error:
            self.fail(str(error), param, ctx)
        except ValueError as error:
            self.fail(f"{self.expected}: {error}", param, ctx)


class StartTime(LocalTime):
    """When something is to start: a time that is not more than a minute ago, as in the API."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The time in UTC."""
        if _DATE.fullmatch(value):
            self.fail(f"expected a date and a time such as '{value} 09:00', found {value!r}", param, ctx)
        moment = self.moment(value, param, ctx)
        now = datetime.now(UTC)
        if is_past(int(moment.timestamp() * SECOND), int(now.timestamp() * SECOND)):
            found = meant(moment, now)
            question = f"did you mean {found.isoformat(sep=' ', timespec='minutes')}?" if found else ""
            self.fail(f"{value} is in the past; {question or 'did you mean another year?'}", param, ctx)
        return _utc(moment)


class PastTime(LocalTime):
    """A time, or how long ago (30min, 2h, 3d), which the daemon reads."""

    expected = "expected a time such as '2026-12-01 09:00', or how long ago such as 2h or 3d"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The time in UTC, or how long ago as it is written."""
        return str(value) if read_duration(value) is not None else super().convert(value, param, ctx)


class Hours(click.ParamType[float]):
    """How long, as 30min, 24h, 7d or a number of hours; in hours, `least` to `most` as the daemon takes them."""

    name = "time"

    def __init__(self, *, most: int, least: int = 0) -> None:
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The hours."""
        text = str(value)
        duration = read_duration(text)
        hours = read_amount(text) if duration is None else duration / HOUR
        if hours is None or hours < 0:
            self.fail(f"expected a time such as 30min, 24h or 7d, found {text!r}", param, ctx)
        if not self.least <= hours <= self.most:
            most = f"{self.most // 24}d"
            bounds = f"from {self.least}h to {most}, such as 48h" if self.least else f"at most {most}"
            self.fail(f"expected {bounds}, found {text!r}", param, ctx)
        return hours


def start_shown(start: str | None, context: click.Context) -> str:
    """When a start in UTC is, for a sentence: in the time zone in which it was written, and in UTC."""
    if start is None:
        return "at once"
    utc = datetime.fromisoformat(start)
    zone = _zone_of(context)
    there = utc.astimezone(zone)
    where = f"({zone})" if zone is not None else "(this machine)"
    return f"at {there:%Y-%m-%d %H:%M} {_offset(there)} {where}, {utc:%Y-%m-%d %H:%M} UTC"


def _offset(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")[16:]


def _zone_of(context: click.Context | None) -> tzinfo | None:
    """The time zone that the command names, None for that of this machine."""
    return context.meta.get(_ZONE) if context is not None else None


def _check_machine_zone() -> None:
    """Raise ValueError where the time zone of this machine is a name that nothing knows: it would be UTC."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if not named or _POSIX_ZONE.match(named) or (named.startswith("/") and Path(named).is_file()):
        return
    try:
        ZoneInfo(named)
    except (LookupError, ValueError, OSError):
        raise ValueError(f"TZ is {os.environ['TZ']!r}, which is no time zone") from None


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
