"""The wall clock is set back: what waits for a time of the old clock would wait for hours."""

from functools import partial

from wacrmd.clock import SECOND
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.store import due_times

log = get_logger(__name__)


class ClockWatch:
    """Moves next attempts back by as much as the clock was; a periodic job.

    What was stored between the change and the next run is moved as well, and tried that much too early, once.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._last = ctx.clock.now()

    async def run(self) -> None:
        """Look whether the clock was set back since the last run. Raises StorageError; then the next run does it."""
        ctx = self._ctx
        now = ctx.clock.now()
        back = self._last - now
        if back > 0:
            moved = await ctx.db.write(partial(due_times.move_back, by=back, now=now))
            log.warning(
                "clock_set_back",
                seconds=round(back / SECOND, 1),
                recipients=moved.recipients,
                deliveries=moved.deliveries,
            )
        self._last = now
