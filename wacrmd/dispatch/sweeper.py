"""The sweeper: whatever is due by the clock is looked for in the rows, so nothing depends on a hint or a timer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import anyio

from wacrmd.clock import SECOND, Millis, rest
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
    running: bool = False


class Sweeper:
    """Runs its chores by the clock; `passes` and `passed` tell tests and the watchdog that it lives.

    One that is not `vital` may take its time over a chore, such as a backup: nobody's message waits for it.
    """

    def __init__(self, ctx: Context, chores: list[Chore], *, vital: bool = True) -> None:
        self._ctx = ctx
        self._chores = chores
        self._vital = vital
        self.passes = 0
        self.passed_at: Millis = 0
        self.passed = anyio.Event()

    async def run(self) -> None:
        """Sweep every `TICK` until cancelled; a chore that takes long holds up no other one."""
        async with anyio.create_task_group() as tasks:
            while True:
                for chore in self._due():
                    tasks.start_soon(self._do, chore)
                self._pass()
                await rest(self._ctx.clock, TICK)

    async def sweep(self) -> None:
        """Do every chore that is due, and return when all of them are done."""
        async with anyio.create_task_group() as tasks:
            for chore in self._due():
                tasks.start_soon(self._do, chore)
        self._pass()

    def _due(self) -> list[Chore]:
        """The chores whose time has come (also where the clock was set back), each marked as running."""
        now = self._ctx.clock.now()
        due = [
            chore
            for chore in self._chores
            if not chore.running and not now < chore.due_at <= now + chore.every
        ]
        for chore in due:
            chore.due_at, chore.running = now + chore.every, True
        return due

    async def _do(self, chore: Chore) -> None:
        try:
            await chore.run()
        except Refusal as refusal:
            log.warning("chore_postponed", chore=chore.name, reason=refusal.message)
        except Exception:
            log.exception("chore_failed", chore=chore.name)
        finally:
            chore.running = False

    def _pass(self) -> None:
        self.passes += 1
        self.passed_at = self._ctx.clock.now()
        if self._vital:
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
