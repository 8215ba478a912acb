"""The watchdog: tells systemd that the daemon is alive only while its vital parts are, and says what it does."""

import time
from collections.abc import Callable

import anyio

from wacrmd.dispatch.queue import DispatchQueue
from wacrmd.dispatch.scheduler import Scheduler
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.services.maintenance import metrics
from wacrmd.store.database import StorageTrouble, Tx
from wacrmd.systemd.notify import Notifier

PINGS = 3
"""Pings in one watchdog interval, so that a single late one does no harm."""
STATUS_EVERY_S = 10.0
ANSWER_WITHIN_S = 10.0
"""How long the database may take for a read and an empty transaction."""
STALLED_AFTER_S = 120.0
"""How long the sweeper may be busy with one pass."""

log = get_logger(__name__)


class Watchdog:
    """Pings the service manager while the database answers, all workers live and the sweeper passes.

    Measures by the monotonic clock: a wall clock that is set must not look like a stall. A full disk is no
    reason to withhold a ping: the daemon says so and goes on by itself, a restart would mend nothing.
    """

    def __init__(
        self,
        ctx: Context,
        scheduler: Scheduler,
        queue: DispatchQueue,
        notifier: Notifier,
        *,
        answer_within_s: float = ANSWER_WITHIN_S,
        stalled_after_s: float = STALLED_AFTER_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ctx = ctx
        self._sweeper = scheduler
        self._bell = queue
        self._notifier = notifier
        self._answer_within_s = answer_within_s
        self._stalled_after_s = stalled_after_s
        self._monotonic = monotonic
        self._passes = -1
        self._passed_at = monotonic()
        self._healthy = True

    async def run(self) -> None:
        """Ping and report until cancelled; does nothing where no service manager listens."""
        if not self._notifier.active:
            return
        interval = self._notifier.watchdog_interval_s
        every = STATUS_EVERY_S if interval is None else min(STATUS_EVERY_S, interval / PINGS)
        reported_at = -STATUS_EVERY_S
        while True:
            ailment = await self.ailment()
            if ailment is None:
                self._notifier.watchdog()
            if (ailment is None) is not self._healthy:
                self._healthy = ailment is None
                if ailment is None:
                    log.info("watchdog_ping_resumed")
                else:
                    log.error("watchdog_ping_withheld", reason=ailment)
                reported_at = -STATUS_EVERY_S
            if self._monotonic() - reported_at >= STATUS_EVERY_S:
                reported_at = self._monotonic()
                await self._report(ailment)
            await anyio.sleep(every)

    async def ailment(self) -> str | None:
        """What is wrong with a vital part; None while all of them work."""
        now = self._monotonic()
        if self._sweeper.passes != self._passes:
            self._passes, self._passed_at = self._sweeper.passes, now
        if now - self._passed_at > self._stalled_after_s:
            return f"the sweeper has not ended a pass for {now - self._passed_at:.0f} s"
        slots = self._bell.health()
        if slots.workers_alive < slots.workers:
            return f"{slots.workers - slots.workers_alive} of {slots.workers} sender workers are dead"
        with anyio.move_on_after(self._answer_within_s) as patience:
            try:
                await self._ctx.db.write(_nothing)
                await self._ctx.db.read(_nothing)
            except StorageTrouble:
                return None
        if patience.cancelled_caught:
            return f"the database has not answered for {self._answer_within_s:.0f} s"
        return None

    async def _report(self, ailment: str | None) -> None:
        if ailment is not None:
            self._notifier.status(f"Not well: {ailment}")
            return
        with anyio.move_on_after(self._answer_within_s):
            try:
                self._notifier.status(await metrics.summary(self._ctx))
            except StorageTrouble as trouble:
                self._notifier.status(f"The database cannot be used: {trouble.advice}")


def _nothing(tx: Tx) -> None:
    """Prove that a connection and its thread answer."""
    tx.execute("SELECT 1").fetchone()
