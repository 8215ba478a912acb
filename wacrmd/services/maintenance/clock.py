"""The machine's clock: watched, compared with Meta's, accepted by an operator (`services/daemon_clock.py`)."""

from dataclasses import replace
from functools import partial

from wacrmd.clock import MINUTE, SECOND, Millis, iso
from wacrmd.domain.downtime import Downtime
from wacrmd.log import get_logger
from wacrmd.meta.probe import UnreachableError, probe
from wacrmd.services.context import Context
from wacrmd.services.daemon_clock import DaemonClock
from wacrmd.store import clock as known_times
from wacrmd.store import due_times
from wacrmd.store.clock import KnownTime
from wacrmd.store.database import Database, Tx
from wacrmd.views.maintenance import ClockView

FIRST_TIMEOUT_S = 3.0
"""How long a start waits for Meta's time, if the clock is not trusted."""
TIMEOUT_S = 10.0
MAX_PAUSE: Millis = 1 * MINUTE
"""The longest time between two questions for Meta's time, while the clock is not trusted."""
STORE_INTERVAL: Millis = 1 * MINUTE
"""How often the time is stored."""

log = get_logger(__name__)


async def resume_clock(db: Database, clock: DaemonClock) -> None:
    """Let the clock go on from where the last process left it, if there was one."""

    def work(tx: Tx) -> tuple[KnownTime | None, list[Downtime]]:
        return known_times.known_time(tx), known_times.downtimes(tx)

    known, downtimes = await db.read(work)
    if known is not None:
        clock.resume(known.at, is_confirmed=known.is_confirmed, accepted=known.accepted, downtimes=downtimes)


async def ask_meta(ctx: Context, timeout_s: float = TIMEOUT_S) -> bool:
    """Ask Meta for its time; whether it answered."""
    url = f"{ctx.config.meta.graph_url}/{ctx.config.meta.api_version}/"
    try:
        answer = await probe("GET", url, timeout_s=timeout_s, doubted=ctx.clock.doubted)
    except UnreachableError:
        return False
    if answer.date is None:
        return False
    ctx.clock.heard(answer.date)
    return True


class MetaTime:
    """Asks Meta for its time while the machine's clock is not trusted; a periodic job."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._pause: Millis = SECOND
        self._not_before: Millis = 0

    async def run(self) -> None:
        """Ask if that is needed: at once, then less and less often."""
        clock = self._ctx.clock
        if clock.is_trusted:
            self._pause, self._not_before = SECOND, 0
        elif clock.monotonic() >= self._not_before:
            await ask_meta(self._ctx)
            self._not_before = clock.monotonic() + self._pause
            self._pause = min(2 * self._pause, MAX_PAUSE)


class ClockWatch:
    """Notices that the daemon's time was corrected, and that the machine's is not trusted any more; a periodic job.

    It stores the time, so that the next start knows it.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._offset = ctx.clock.stored_offset
        self._stored: KnownTime | None = None
        self._stored_at: Millis = 0
        self._was_trusted = True

    async def run(self) -> None:
        """Look at the clocks. Raises StorageError; then the next run does what is left."""
        self._tell()
        clock = self._ctx.clock
        ahead = clock.offset - self._offset
        is_corrected = abs(ahead) >= SECOND
        if is_corrected:
            now = clock.now()
            await (self._was_down(now - ahead, now) if ahead > 0 else self._was_set_back(-ahead, now))
            self._offset += ahead
        if self._ctx.db.outage is None and (is_corrected or self._is_outdated()):
            await self.store()

    async def store(self) -> None:
        """Store the time. Raises StorageError."""
        known = self._known()
        await self._ctx.db.write(partial(known_times.set_known_time, known=known))
        self._stored, self._stored_at = known, self._ctx.clock.monotonic()

    def _known(self) -> KnownTime:
        evidence = self._ctx.clock.evidence
        return KnownTime(self._ctx.clock.now(), evidence.is_confirmed, evidence.accepted)

    def _is_outdated(self) -> bool:
        if self._stored is None or self._ctx.clock.monotonic() - self._stored_at >= STORE_INTERVAL:
            return True
        return replace(self._stored, at=0) != replace(self._known(), at=0)

    async def _was_down(self, began_at: Millis, ended_at: Millis) -> None:
        downtime = Downtime(began_at, ended_at)
        await self._ctx.db.write(partial(known_times.add_downtime, downtime=downtime))
        log.info("downtime_noticed", since=iso(began_at), seconds=round((ended_at - began_at) / SECOND, 1))

    async def _was_set_back(self, by: Millis, now: Millis) -> None:
        moved = await self._ctx.db.write(partial(due_times.move_back, by=by, now=now))
        self._ctx.clock.was_set_back(now)
        log.warning(
            "clock_set_back",
            seconds=round(by / SECOND, 1),
            recipients=moved.recipients,
            deliveries=moved.deliveries,
        )

    def _tell(self) -> None:
        """Log once that the machine's clock is not trusted, and once that it is again."""
        clock = self._ctx.clock
        hold = clock.hold
        if (hold is None) is self._was_trusted:
            return
        self._was_trusted = hold is None
        meta = None if clock.meta is None else iso(clock.meta)
        if hold is None:
            clock.distrusted_since = None
            log.info("clock_trusted", machine=iso(clock.machine), meta=meta)
        else:
            clock.distrusted_since = hold.since
            log.warning("clock_distrusted", machine=iso(clock.machine), daemon=iso(clock.now()), meta=meta)


def show_clock(ctx: Context) -> ClockView:
    """The machine's clock, Meta's and the time by which the daemon goes."""
    clock = ctx.clock
    return ClockView(
        is_trusted=clock.is_trusted,
        now=clock.now(),
        machine=clock.machine,
        meta=clock.meta,
        hold=clock.hold,
        accepted_s=clock.evidence.accepted // SECOND,
    )


def accept_clock(ctx: Context) -> ClockView:
    """Go by the machine's clock, whatever Meta's says now; repeating it changes nothing."""
    if not ctx.clock.is_trusted:
        ctx.clock.accept()
    return show_clock(ctx)
