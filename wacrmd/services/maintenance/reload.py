"""Reload: reads the configuration again and applies what a running daemon can change."""

from typing import Any

import anyio
import anyio.to_thread

from wacrmd import config as configuration
from wacrmd import log as logging
from wacrmd.config import Config
from wacrmd.errors import ConfigError, Problem, and_more, bad_request, conflict
from wacrmd.services.context import Context
from wacrmd.store import numbers
from wacrmd.views.maintenance import ConfigChange, ReloadReport

log = logging.get_logger(__name__)


async def reload_config(ctx: Context) -> ReloadReport:
    """Read the configuration again and apply it; the report says what was applied and what needs a restart.

    Raises Refusal for a configuration that cannot be used; then nothing changes.
    """
    reread = ctx.control.reread
    if reread is None:
        raise conflict("This daemon runs without a configuration file: there is nothing to read again")
    try:
        wanted = await anyio.to_thread.run_sync(reread)
        running, applied, needs_restart = configuration.reload(ctx.config, wanted)
        if ctx.control.adopt is not None:
            ctx.control.adopt(running)
    except ConfigError as error:
        raise bad_request(
            f"The configuration cannot be used, nothing is changed: {error.problems[0]}{and_more(error.problems)}",
            [Problem("config", problem) for problem in error.problems],
        ) from None
    before, ctx.config = ctx.config, running
    await _apply(ctx, applied)
    log.info("config_reloaded", applied=applied, needs_restart=needs_restart)
    return ReloadReport(
        applied=[_change(key, before, running) for key in applied],
        needs_restart=[_change(key, before, wanted) for key in needs_restart],
        warnings=configuration.warnings(running),
    )


async def _apply(ctx: Context, keys: list[str]) -> None:
    """Apply changed keys to the parts that keep a copy of the value."""
    if "log.level" in keys:
        logging.set_level(ctx.config.log.level)
        ctx.control.log_level_ends = None
    logging.mask_phone_numbers(ctx.config.log.mask_phone_numbers)
    if "sender.messages_per_second" in keys:
        for number in await ctx.db.read(numbers.all_of):
            rate = number.rate(ctx.config.sender.messages_per_second)
            ctx.throughput.set_rate(number.id, rate)
    ctx.changes.wake_all()


def _change(key: str, before: Config, after: Config) -> ConfigChange:
    """One key with its old and its new value."""
    return ConfigChange(key=key, old=_json_value(before, key), new=_json_value(after, key))


def _json_value(config: Config, key: str) -> Any:
    """The value of `section.name` for JSON, paths and addresses as text."""
    section, _, name = key.partition(".")
    value = getattr(getattr(config, section), name)
    if isinstance(value, bool | int | float | str):
        return value
    return [str(each) for each in value] if isinstance(value, list | tuple) else str(value)
