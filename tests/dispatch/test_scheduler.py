"""The scheduler follows the given clock, whatever a job does and however the clock is set."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from tests.support.clock import START, ManualClock, ShiftClock
from tests.support.patience import PATIENCE_S
from tests.support.site import people, site
from wacrmd.clock import DAY, HOUR, SECOND, iso
from wacrmd.dispatch.scheduler import PeriodicJob, Scheduler
from wacrmd.services.daemon_clock import DaemonClock

pytestmark = pytest.mark.anyio


class Jobs:
    """Jobs that record their runs."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def job(self, name: str, interval: int, then: Callable[[], Awaitable[None]] | None = None) -> PeriodicJob:
        async def run() -> None:
            self.ran.append(name)
            if then is not None:
                await then()

        return PeriodicJob(name, interval, run)


async def test_each_job_runs_when_it_is_due(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        clock, jobs = ManualClock(), Jobs()
        here.running.ctx.clock = DaemonClock(clock)
        scheduler = Scheduler(here.running.ctx, [jobs.job("often", SECOND), jobs.job("seldom", 30 * SECOND)])
        for _ in range(31):
            await scheduler.run_due()
            await scheduler.run_due()
            clock.advance(SECOND)
        assert jobs.ran.count("often") == 31
        assert jobs.ran.count("seldom") == 2
        assert scheduler.passes == 62
        assert scheduler.passed_at == START + 30 * SECOND


async def test_a_job_that_fails_runs_again_and_delays_no_other(tmp_path: Path) -> None:
    async def fail() -> None:
        raise RuntimeError("a fault")

    async with site(tmp_path) as here:
        clock, jobs = ManualClock(), Jobs()
        here.running.ctx.clock = DaemonClock(clock)
        scheduler = Scheduler(here.running.ctx, [jobs.job("bad", SECOND, fail), jobs.job("good", SECOND)])
        for _ in range(3):
            await scheduler.run_due()
            clock.advance(SECOND)
        assert (jobs.ran.count("bad"), jobs.ran.count("good")) == (3, 3)


async def test_a_job_that_hangs_delays_no_other_and_is_not_started_twice(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        clock, jobs = ManualClock(), Jobs()
        here.running.ctx.clock = DaemonClock(clock)
        scheduler = Scheduler(
            here.running.ctx,
            [jobs.job("hangs", SECOND, anyio.sleep_forever), jobs.job("good", SECOND)],
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(scheduler.run)
            for wanted in range(1, 4):
                with anyio.fail_after(PATIENCE_S):
                    while jobs.ran.count("good") < wanted:
                        await scheduler.passed.wait()
                        await anyio.lowlevel.checkpoint()
                clock.advance(SECOND)
            tasks.cancel_scope.cancel()
        assert jobs.ran.count("hangs") == 1


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("leap", [-DAY, -HOUR, HOUR, DAY])
async def test_setting_the_clock_neither_stops_nor_hastens_a_job(tmp_path: Path, leap: int) -> None:
    async with site(tmp_path) as here:
        clock, jobs = ManualClock(), Jobs()
        here.running.ctx.clock = DaemonClock(clock)
        scheduler = Scheduler(here.running.ctx, [jobs.job("often", SECOND)])
        await scheduler.run_due()
        clock.leap(leap)
        await scheduler.run_due()
        assert jobs.ran == ["often"]
        clock.advance(SECOND)
        await scheduler.run_due()
        assert jobs.ran == ["often", "often"]


async def test_a_scheduled_broadcast_starts_at_its_time_and_not_before(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        broadcast_id = await here.send(people(3), scheduled_at=iso(clock.now() + HOUR))
        clock.advance(HOUR - 20 * SECOND)
        await here.running.scheduler.run_due()
        shown = await here.show(broadcast_id)
        assert (shown["status"], len(here.sim.ledger)) == ("scheduled", 0)
        clock.advance(20 * SECOND)
        await here.until_status(broadcast_id, "sent")
        assert len(here.sim.ledger) == 3
