"""The daemon's own levers: read the configuration again, drain, log more for a while, look into the audit."""

import re
from datetime import UTC, datetime
from functools import partial
from typing import Any

import anyio
import anyio.to_thread

from wacrmd import config as configuration
from wacrmd import log as logging
from wacrmd.clock import DAY, HOUR, MINUTE, SECOND, Millis, sleep_for
from wacrmd.config import Config
from wacrmd.errors import ConfigError, Problem, bad_request, conflict
from wacrmd.services.context import Context
from wacrmd.store import audit as audit_log
from wacrmd.store import broadcasts, numbers
from wacrmd.views.maintenance import AuditView, ConfigChange, DrainView, LogLevelView, ReloadReport

POLL_EVERY: Millis = 50
"""How often a drain looks whether the last request has ended."""

_AGO = re.compile(r"([0-9]{1,6})\s*(s|min|m|h|d|w)")
_UNITS: dict[str, Millis] = {
    "s": SECOND,
    "min": MINUTE,
    "m": MINUTE,
    "h": HOUR,
    "d": DAY,
    "w": 7 * DAY,
}

log = logging.get_logger(__name__)


async def reload(ctx: Context) -> ReloadReport:
    """Read the configuration again and take over what a running daemon can; tells what waits for a restart.

    Refuses a configuration that cannot be used, with nothing changed.
    """
    reread = ctx.control.reread
    if reread is None:
        raise conflict("This daemon runs without a configuration file: there is nothing to read again")
    try:
        wanted = await anyio.to_thread.run_sync(reread)
        running, applied, waiting = configuration.reload(ctx.config, wanted)
        if ctx.control.adopt is not None:
            ctx.control.adopt(running)
    except ConfigError as error:
        log.warning("config_reload_rejected", problems=error.problems)
        raise bad_request(
            f"The configuration cannot be used, nothing is changed: {error.problems[0]}"
            + (f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""),
            [Problem("config", problem) for problem in error.problems],
        ) from None
    before, ctx.config = ctx.config, running
    if "log.level" in applied:
        logging.set_level(running.log.level)
        ctx.control.log_level_until = None
    logging.mask_phone_numbers(running.log.mask_phone_numbers)
    if "sender.messages_per_second" in applied:
        for number in await ctx.db.read(numbers.all_of):
            ctx.throughput.set_rate(
                number.id, number.messages_per_second or running.sender.messages_per_second
            )
    ctx.changes.wake_all()
    log.info("config_reloaded", applied=applied, needs_restart=waiting)
    return ReloadReport(
        applied=[_change(key, before, running) for key in applied],
        needs_restart=[_change(key, before, wanted) for key in waiting],
        warnings=configuration.warnings(running),
    )


def _change(key: str, before: Config, after: Config) -> ConfigChange:
    """One key with its old and its new value, as JSON can hold them."""

    def value(config: Config) -> Any:
        section, _, name = key.partition(".")
        found = getattr(getattr(config, section), name)
        return found if isinstance(found, bool | int | float | str) else _texts(found)

    return ConfigChange(key=key, old=value(before), new=value(after))


def _texts(value: object) -> object:
    return [str(one) for one in value] if isinstance(value, list | tuple) else str(value)


async def drain(ctx: Context, *, wait_s: float) -> DrainView:
    """Claim no more and accept no more (503), and wait for what is in flight; the process can be stopped then."""
    if not ctx.draining:
        ctx.draining = True
        ctx.control.draining_since = ctx.clock.now()
        log.info("drain_started", in_flight=ctx.throughput.in_flight)
    ctx.changes.wake_all()
    with anyio.move_on_after(wait_s):
        while ctx.throughput.in_flight:
            await sleep_for(ctx.clock, POLL_EVERY)
    return DrainView(draining=True, since=ctx.control.draining_since, in_flight=ctx.throughput.in_flight)


async def undrain(ctx: Context) -> DrainView:
    """Go on as before a drain."""
    ctx.draining, ctx.control.draining_since = False, None
    for broadcast_id in await ctx.db.read(broadcasts.sending):
        ctx.queue.enqueue(broadcast_id)
    ctx.changes.wake_all()
    log.info("drain_cancelled")
    return DrainView(draining=False, since=None, in_flight=ctx.throughput.in_flight)


def set_log_level(ctx: Context, level: str, minutes: float | None) -> LogLevelView:
    """Log from this level on, for so many minutes or until the next restart or reload."""
    logging.set_level(level)
    ctx.control.log_level_until = None if minutes is None else ctx.clock.now() + round(minutes * MINUTE)
    return log_level(ctx)


def log_level(ctx: Context) -> LogLevelView:
    """The level in force, until when, and the configured one."""
    return LogLevelView(
        level=logging.level(), until=ctx.control.log_level_until, configured=ctx.config.log.level
    )


async def restore_log_level(ctx: Context) -> None:
    """Go back to the configured level once the time of another one is over."""
    until = ctx.control.log_level_until
    if until is not None and ctx.clock.now() >= until:
        ctx.control.log_level_until = None
        logging.set_level(ctx.config.log.level)
        log.info("log_level_restored", level=ctx.config.log.level)


async def audit(ctx: Context, *, since: str | None, limit: int) -> list[AuditView]:
    """Who changed what, oldest first; `since` is an ISO time or how long ago (`30min`, `2h`, `3d`)."""
    start = 0 if since is None else moment(since, ctx.clock.now())
    entries = await ctx.db.read(partial(audit_log.since, start=start, limit=limit))
    return [
        AuditView(
            at=entry.at,
            user=entry.user,
            uid=entry.uid,
            pid=entry.pid,
            method=entry.method,
            params=entry.params,
            result=entry.result,
        )
        for entry in entries
    ]


def moment(text: str, now: Millis) -> Millis:
    """The time that a person means by `2h`, `3d` or an ISO time; without an offset that is UTC. Refuses others."""
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return max(0, now - int(ago[1]) * _UNITS[ago[2]])
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request(
            f"since: expected a time such as 2026-11-23T12:00:00Z, or how long ago such as 2h or 3d, found {text!r}"
        ) from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * SECOND)
