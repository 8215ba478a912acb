"""The watchdog: sends systemd a keep-alive ping while the vital parts work, and a line on what the daemon does."""

import time
from collections.abc import Callable

import anyio

from wacrmd.dispatch.queue import DispatchQueue
from wacrmd.dispatch.scheduler import Scheduler
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.services.maintenance.summary import summary
from wacrmd.store.database import Tx
from wacrmd.store.outage import StorageError
from wacrmd.systemd.notify import Notifier

PINGS_PER_INTERVAL = 3
"""Keep-alive pings in one watchdog interval, so that a single late one does no harm."""
STATUS_INTERVAL_S = 10.0
"""Time between two status lines."""
DATABASE_TIMEOUT_S = 10.0
"""How long the database may take for a read and an empty transaction."""
SCHEDULER_TIMEOUT_S = 120.0
"""How long the scheduler may take for one pass over its jobs."""

log = get_logger(__name__)


class Watchdog:
    """Sends pings while the database answers, all sender workers are alive and the scheduler makes its passes.

    Measures time with the monotonic clock, because a wall clock that is set must not look like a stall. Sends
    pings also while the disk is full: the daemon continues by itself when there is space, a restart would not help.
    """

    def __init__(
        self,
        ctx: Context,
        scheduler: Scheduler,
        queue: DispatchQueue,
        notifier: Notifier,
        *,
        database_timeout_s: float = DATABASE_TIMEOUT_S,
        scheduler_timeout_s: float = SCHEDULER_TIMEOUT_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ctx = ctx
        self._scheduler = scheduler
        self._queue = queue
        self._notifier = notifier
        self._database_timeout_s = database_timeout_s
        self._scheduler_timeout_s = scheduler_timeout_s
        self._monotonic = monotonic
        self._passes = -1
        self._passed_at = monotonic()
        self._was_healthy = True

    async def run(self) -> None:
        """Send pings and status lines until cancelled; does nothing without a service manager."""
        if not self._notifier.active:
            return
        interval = self._notifier.watchdog_interval_s
        pause = (
            STATUS_INTERVAL_S if interval is None else min(STATUS_INTERVAL_S, interval / PINGS_PER_INTERVAL)
        )
        reported_at = -STATUS_INTERVAL_S
        while True:
            problem = await self.problem()
            if problem is None:
                self._notifier.watchdog()
            if (problem is None) is not self._was_healthy:
                self._was_healthy = problem is None
                if problem is None:
                    log.info("watchdog_ping_resumed")
                else:
                    log.error("watchdog_ping_withheld", reason=problem)
                reported_at = -STATUS_INTERVAL_S
            if self._monotonic() - reported_at >= STATUS_INTERVAL_S:
                reported_at = self._monotonic()
                await self._send_status(problem)
            await anyio.sleep(pause)

    async def problem(self) -> str | None:
        """What is wrong with a vital part; None while all of them work."""
        now = self._monotonic()
        if self._scheduler.passes != self._passes:
            self._passes, self._passed_at = self._scheduler.passes, now
        if now - self._passed_at > self._scheduler_timeout_s:
            return f"the scheduler has not finished a pass for {now - self._passed_at:.0f} s"
        if dead := self._queue.workers_dead():
            return f"{dead} of {self._queue.workers} sender workers are dead"
        with anyio.move_on_after(self._database_timeout_s) as scope:
            try:
                await self._ctx.db.write(_do_nothing)
                await self._ctx.db.read(_do_nothing)
            except StorageError:
                return None
        if scope.cancelled_caught:
            return f"the database has not answered for {self._database_timeout_s:.0f} s"
        return None

    async def _send_status(self, problem: str | None) -> None:
        if problem is not None:
            self._notifier.status(f"Unhealthy: {problem}")
            return
        with anyio.move_on_after(self._database_timeout_s):
            try:
                self._notifier.status(await summary(self._ctx))
            except StorageError as error:
                self._notifier.status(f"The database cannot be used: {error.advice}")


def _do_nothing(tx: Tx) -> None:
    """Prove that a connection and its thread answer."""
    tx.execute("SELECT 1").fetchone()
