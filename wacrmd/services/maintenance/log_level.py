"""The log level: changed at run time, for some minutes or until the next restart."""

from wacrmd import log as logging
from wacrmd.clock import MINUTE
from wacrmd.services.context import Context
from wacrmd.views.maintenance import LogLevelView

log = logging.get_logger(__name__)


def current_log_level(ctx: Context) -> LogLevelView:
    """The level in force, until when, and the configured one."""
    ends = ctx.control.log_level_ends
    return LogLevelView(
        level=logging.level(),
        until=None if ends is None else ctx.clock.time_of(ends),
        configured=ctx.config.log.level,
    )


def set_log_level(ctx: Context, level: str, minutes: float | None) -> LogLevelView:
    """Log this level and those above it, for `minutes`; None: until the next restart or reload."""
    logging.set_level(level)
    ctx.control.log_level_ends = None if minutes is None else ctx.clock.monotonic() + round(minutes * MINUTE)
    return current_log_level(ctx)


async def restore_log_level(ctx: Context) -> None:
    """Restore the configured level when the minutes of another level are over."""
    ends = ctx.control.log_level_ends
    if ends is not None and ctx.clock.monotonic() >= ends:
        ctx.control.log_level_ends = None
        logging.set_level(ctx.config.log.level)
        log.info("log_level_restored", configured=ctx.config.log.level)
