"""The scheduler: runs periodic jobs. Jobs read from the rows what is due, so no timer can be lost."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import anyio

from wacrmd.clock import SECOND, Millis
from wacrmd.errors import Refusal
from wacrmd.log import get_logger
from wacrmd.services.context import Context, JobQueue
from wacrmd.store import broadcast_queue, broadcasts
from wacrmd.store.database import Tx

TICK: Millis = 1 * SECOND

log = get_logger(__name__)


@dataclass(slots=True)
class PeriodicJob:
    """Work that is done at an interval; a failure is logged, and it runs again when it is next due.

    `due_at` is by the monotonic clock.
    """

    name: str
    interval: Millis
    run: Callable[[], Awaitable[object]]
    due_at: Millis = 0
    running: bool = False


class Scheduler:
    """Runs its periodic jobs; `passes` and `passed` show the watchdog and tests that it works.

    One that is not `vital` runs jobs that may take minutes, such as a backup, and is not in the metrics.
    """

    def __init__(self, ctx: Context, jobs: list[PeriodicJob], *, vital: bool = True) -> None:
        self._ctx = ctx
        self._jobs = jobs
        self._vital = vital
        self.passes = 0
        self.passed_at: Millis = 0
        self.passed = anyio.Event()

    async def run(self) -> None:
        """Run due jobs every `TICK` until cancelled; a long job delays no other."""
        async with anyio.create_task_group() as tasks:
            while True:
                for job in self._due():
                    tasks.start_soon(self._run_job, job)
                self._end_pass()
                await self._ctx.clock.sleep(TICK)

    async def run_due(self) -> None:
        """Make one pass and wait for its jobs; for tests."""
        async with anyio.create_task_group() as tasks:
            for job in self._due():
                tasks.start_soon(self._run_job, job)
        self._end_pass()

    def _due(self) -> list[PeriodicJob]:
        """The jobs that are due; each is marked as running."""
        now = self._ctx.clock.monotonic()
        due = [job for job in self._jobs if not job.running and job.due_at <= now]
        for job in due:
            job.due_at, job.running = now + job.interval, True
        return due

    async def _run_job(self, job: PeriodicJob) -> None:
        try:
            await job.run()
        except Refusal as refusal:
            log.debug("periodic_job_postponed", job=job.name, reason=refusal.message)
        except Exception:
            log.exception("periodic_job_crashed", job=job.name)
        finally:
            job.running = False

    def _end_pass(self) -> None:
        self.passes += 1
        self.passed_at = self._ctx.clock.now()
        if self._vital:
            self._ctx.metrics.scheduler_last_pass.set(self.passed_at / SECOND)
        self.passed.set()
        self.passed = anyio.Event()


async def enqueue_due(ctx: Context) -> None:
    """Start scheduled broadcasts whose time has come, and enqueue those with due recipients.

    Broadcasts that are in a line or have a job already are left out: thousands of small ones stay cheap. While the
    daemon drains or the database cannot be written none is enqueued: its job could do nothing.
    """
    now = ctx.clock.now()
    if await ctx.db.read(partial(broadcast_queue.scheduled_due, now=now)):
        started = await ctx.db.write(partial(_start_scheduled, queue=ctx.queue, now=now))
        ctx.queue.wake()
        ctx.media.wake.set()
        ctx.changes.publish(started)
    due = [] if ctx.is_held else await ctx.db.read(partial(_due, queue=ctx.queue, now=now))
    if not ctx.is_held:  # that may have begun during the read
        ctx.queue.enqueue_many(each for each in due if not ctx.throughput.is_in_line(each))


def _start_scheduled(tx: Tx, *, queue: JobQueue, now: Millis) -> list[int]:
    started = broadcasts.start_scheduled(tx, now)
    for broadcast_id in started:
        queue.enqueue_in(tx, broadcast_id)
    return started


def _due(tx: Tx, *, queue: JobQueue, now: Millis) -> list[int]:
    """The broadcasts with due recipients for which no job is stored."""
    found = broadcast_queue.due(tx, now)
    waiting = queue.waiting_in(tx) if found else set[int]()
    return [broadcast_id for broadcast_id in found if broadcast_id not in waiting]
