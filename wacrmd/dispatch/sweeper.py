"""The sweeper: whatever is due by the clock is looked for in the rows, so nothing depends on a hint or a timer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import anyio

from wacrmd.clock import SECOND, Millis
from wacrmd.errors import Refusal
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.store import broadcasts

TICK: Millis = 1 * SECOND

log = get_logger(__name__)


@dataclass(slots=True)
class Chore:
    """Work that is done every so often; one that fails is logged and done again when it is next due."""

    name: str
    every: Millis
    run: Callable[[], Awaitable[object]]
    due_at: Millis = 0


class Sweeper:
    """Runs its chores by the clock; `passes` and `passed` tell tests and the watchdog that it lives."""

    def __init__(self, ctx: Context, chores: list[Chore]) -> None:
        self._ctx = ctx
        self._chores = chores
        self.passes = 0
        self.passed_at: Millis = 0
        self.passed = anyio.Event()

    async def run(self) -> None:
        """Sweep every `TICK` until cancelled."""
        while True:
            await self.sweep()
            await self._ctx.clock.sleep_until(self._ctx.clock.now() + TICK)

    async def sweep(self) -> None:
        """Do every chore that is due."""
        for chore in self._chores:
            now = self._ctx.clock.now()
            if now < chore.due_at:
                continue
            chore.due_at = now + chore.every
            try:
                await chore.run()
            except Refusal as refusal:
                log.warning("chore_postponed", chore=chore.name, reason=refusal.message)
            except Exception:
                log.exception("chore_failed", chore=chore.name)
        self.passes += 1
        self.passed_at = self._ctx.clock.now()
        self._ctx.metrics.sweeper_passed.set(self.passed_at / SECOND)
        self.passed.set()
        self.passed = anyio.Event()


async def ring_due(ctx: Context) -> None:
    """Start scheduled broadcasts whose time has come, and ring for every broadcast with a due recipient."""
    now = ctx.clock.now()
    if await ctx.db.read(partial(broadcasts.scheduled_due, now=now)):
        started = await ctx.db.write(partial(broadcasts.start_scheduled, now=now))
        ctx.changes.publish(started)
    for broadcast_id in await ctx.db.read(partial(broadcasts.due, now=now)):
        ctx.bell.ring(broadcast_id)
