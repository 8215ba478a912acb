"""Times that a person writes on the command line, and `--timezone` for those without an offset."""

from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import click

from wacrmd.clock import SECOND
from wacrmd.domain.local_time import UnclearTimeError, read_local
from wacrmd.domain.start_time import is_past, meant
from wacrmd.suggest import did_you_mean

_ZONE = "wacrmd.timezone"


def _zone(context: click.Context, parameter: click.Parameter, name: str | None) -> None:
    """Read a name such as Europe/Berlin and keep the zone for the times of the same command."""
    if name is None or context.resilient_parsing:
        return
    try:
        context.meta[_ZONE] = ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        guess = did_you_mean(name, available_timezones(), "{}")
        raise click.BadParameter(
            f"expected a time zone such as Europe/Berlin, found {name!r}{guess}", context, parameter
        ) from None


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

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The time in UTC."""
        return _utc(self.moment(value, param, ctx))

    def moment(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment that is meant; a usage error for a text that is no time, and for a local time that is unclear."""
        zone: tzinfo | None = ctx.meta.get(_ZONE) if ctx is not None else None
        try:
            return read_local(value, zone)
        except UnclearTimeError as error:
            self.fail(str(error), param, ctx)
        except ValueError:
            self.fail(f"expected a time such as '2026-12-01 09:00', found {value!r}", param, ctx)


class StartTime(LocalTime):
    """When something is to start: a time that is not more than a minute ago, as in the API."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The time in UTC."""
        moment = self.moment(value, param, ctx)
        now = datetime.now(UTC)
        if is_past(int(moment.timestamp() * SECOND), int(now.timestamp() * SECOND)):
            found = meant(moment, now)
            question = f"did you mean {found.isoformat(sep=' ', timespec='minutes')}?" if found else ""
            self.fail(f"{value} is in the past; {question or 'did you mean another year?'}", param, ctx)
        return _utc(moment)


class PastTime(LocalTime):
    """A time, or another text, which the daemon reads: how long ago (30min, 2h, 3d)."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The time in UTC, or the text as it is."""
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return str(value)
        return super().convert(value, param, ctx)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
