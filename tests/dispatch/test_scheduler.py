"""The sweeper: by the clock that is given, whatever a chore does, and whatever is done to the clock."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from tests.support.clock import START, ManualClock, ShiftClock
from tests.support.patience import PATIENCE_S
from tests.support.site import people, site
from wacrmd.clock import DAY, HOUR, SECOND, iso
from wacrmd.dispatch.scheduler import PeriodicJob, Scheduler

pytestmark = pytest.mark.anyio


class Doings:
    """Chores that note when they are done."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def job(self, name: str, every: int, then: Callable[[], Awaitable[None]] | None = None) -> PeriodicJob:
        async def run() -> None:
            self.done.append(name)
            if then is not None:
                await then()

        return PeriodicJob(name, every, run)


async def test_each_chore_is_done_when_it_is_due(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        clock, doings = ManualClock(), Doings()
        here.running.ctx.clock = clock
        scheduler = Scheduler(
            here.running.ctx, [doings.job("often", SECOND), doings.job("seldom", 30 * SECOND)]
        )
        for _ in range(31):
            await scheduler.run_due()
            await scheduler.run_due()
            clock.advance(SECOND)
        assert doings.done.count("often") == 31
        assert doings.done.count("seldom") == 2
        assert scheduler.passes == 62
        assert scheduler.passed_at == START + 30 * SECOND


async def test_one_that_fails_is_done_again_and_holds_up_no_other(tmp_path: Path) -> None:
    async def fail() -> None:
        raise RuntimeError("a fault")

    async with site(tmp_path) as here:
        clock, doings = ManualClock(), Doings()
        here.running.ctx.clock = clock
        scheduler = Scheduler(here.running.ctx, [doings.job("bad", SECOND, fail), doings.job("good", SECOND)])
        for _ in range(3):
            await scheduler.run_due()
            clock.advance(SECOND)
        assert (doings.done.count("bad"), doings.done.count("good")) == (3, 3)


async def test_one_that_hangs_holds_up_no_other_and_is_not_begun_twice(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        clock, doings = ManualClock(), Doings()
        here.running.ctx.clock = clock
        scheduler = Scheduler(
            here.running.ctx,
            [doings.job("hangs", SECOND, anyio.sleep_forever), doings.job("good", SECOND)],
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(scheduler.run)
            for wanted in range(1, 4):
                with anyio.fail_after(PATIENCE_S):
                    while doings.done.count("good") < wanted:
                        await scheduler.passed.wait()
                        await anyio.lowlevel.checkpoint()
                clock.advance(SECOND)
            tasks.cancel_scope.cancel()
        assert doings.done.count("hangs") == 1


@pytest.mark.parametrize("jump", [-DAY, -HOUR, HOUR, DAY])
async def test_a_clock_that_is_set_stops_no_chore(tmp_path: Path, jump: int) -> None:
    async with site(tmp_path) as here:
        clock, doings = ManualClock(), Doings()
        here.running.ctx.clock = clock
        scheduler = Scheduler(here.running.ctx, [doings.job("often", SECOND)])
        await scheduler.run_due()
        clock.advance(jump)
        await scheduler.run_due()
        assert doings.done == ["often", "often"]
        await scheduler.run_due()
        assert doings.done == ["often", "often"]


async def test_the_machines_clock_set_back_does_not_stop_the_sweeper(tmp_path: Path) -> None:
    """What rests until a time of the wall clock would rest for an hour."""
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        clock.advance(-HOUR)
        before = here.running.scheduler.passes
        with anyio.fail_after(PATIENCE_S):
            while here.running.scheduler.passes < before + 3:
                await here.running.scheduler.passed.wait()
        await here.until_status(await here.send(people(20)), "sent")


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
