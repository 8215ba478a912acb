"""The sender when wacrmd itself fails: cancelled jobs, crashes, and results that cannot be written."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from huey.signals import SIGNAL_ENQUEUED

from tests.support.clock import ShiftClock
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import Site, people, site
from wacrmd.clock import DAY, SECOND
from wacrmd.store.database import Tx

pytestmark = pytest.mark.anyio


def in_flight(tx: Tx) -> int:
    (count,) = tx.execute("SELECT count(*) FROM recipient WHERE status = 'sending'").fetchone()
    return int(count)


@pytest.mark.exhaustive(only=True)
async def test_a_cancelled_job_leaves_no_attempt_without_a_request(tmp_path: Path) -> None:
    """Wherever the job is cancelled, attempts that are on disk are made, so no recipient becomes uncertain."""
    async with site(tmp_path, messages_per_second=1000) as here:
        ctx, sender = here.running.ctx, here.running.sender
        await here.admin("number.pause", id=here.number["id"])
        await here.send(people(400))
        await here.running.queue.stop(1)
        await ctx.db.write(
            lambda tx: (
                tx.execute(
                    "UPDATE number SET state = 'active', hold_reason = NULL, hold_detail = NULL, hold_since = NULL"
                ).rowcount
            )
        )
        for steps in range(40):
            async with anyio.create_task_group() as run:
                run.start_soon(sender.send_broadcast, 1)
                for _ in range(steps):
                    await anyio.lowlevel.checkpoint()
                run.cancel_scope.cancel()
        await eventually(lambda: not sender.in_flight)
        assert await ctx.db.read(in_flight) == 0
        sent = await ctx.db.read(
            lambda tx: tx.execute(
                "SELECT count(*) FROM recipient WHERE status IN ('sent', 'delivered', 'read')"
            ).fetchone()[0]
        )
        assert sent == len(here.sim.ledger) > 0


async def test_a_result_that_cannot_be_written_does_not_affect_others(tmp_path: Path) -> None:
    """Its attempt stays in flight and expires; the daemon neither dies nor writes the others twice."""
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, webhooks=False) as here:
        ctx = here.running.ctx
        await ctx.db.write(
            lambda tx: (
                tx.execute(
                    "CREATE TRIGGER poison BEFORE UPDATE ON recipient WHEN NEW.id = 3 AND NEW.status = 'sent'"
                    " BEGIN SELECT RAISE(ABORT, 'poison'); END"
                ).rowcount
            )
        )
        broadcast_id = await here.send(people(20))
        shown = await here.until(broadcast_id, lambda b: b["sent_count"] == 19)
        assert shown["pending_count"] == 1
        await eventually(lambda: not here.running.sender.in_flight)
        clock.advance(DAY)
        await here.running.sender.expire_old_leases()
        shown = await here.until_status(broadcast_id, "sent")
        assert (shown["sent_count"], shown["uncertain_count"]) == (19, 1)
        attempts = await ctx.db.read(
            lambda tx: tx.execute(
                "SELECT count(*) FROM recipient_history WHERE event = 'attempt' GROUP BY recipient_id"
            ).fetchall()
        )
        assert set(attempts) == {(1,)}
        assert here.sim.ledger.counts()["duplicate_to"] == 0


async def test_faults_after_the_answer_take_no_places_and_pause_the_broadcast(tmp_path: Path) -> None:
    """A setting that no file can have makes wacrmd fail at each answer of Meta. The attempts expire."""
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, webhooks=False) as here:
        ctx, sender, config = here.running.ctx, here.running.sender, here.running.ctx.config
        unfit = config.sender.model_copy(update={"max_age_hours": None})
        ctx.config = config.model_copy(update={"sender": unfit})
        broadcast_id = await here.send(people(40))
        shown = await here.until_status(broadcast_id, "paused")
        assert "Sending failed inside wacrmd 5 times: TypeError" in shown["hold"]["detail"]
        await eventually(lambda: not sender.in_flight)
        state = sender.state(here.number["id"])
        assert state is not None
        assert state.in_flight == 0
        ctx.config = config
        await here.until_status(await here.send(people(20, 40)), "sent")
        crashed = len(here.sim.ledger) - 20
        clock.advance(DAY)
        await sender.expire_old_leases()
        assert (await here.show(broadcast_id))["uncertain_count"] == crashed > 0
        await here.admin("broadcast.resume", id=broadcast_id)
        shown = await here.until_status(broadcast_id, "sent")
        assert shown["sent_count"] == 40 - crashed
        assert here.sim.ledger.counts()["distinct_to"] == len(here.sim.ledger) == 60


async def test_repeated_crashes_of_a_job_pause_the_broadcast_with_a_reason(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, messages_per_second=1) as here:
        await here.admin("number.pause", id=here.number["id"])
        other = await here.send(people(1, 500))
        broadcast_id = await here.send(people(50))
        await here.running.ctx.db.write(
            lambda tx: (
                tx.execute("UPDATE broadcast SET content = '[1]' WHERE uuid = ?", (broadcast_id,)).rowcount
            )
        )
        with anyio.fail_after(PATIENCE_S):
            while (await here.show(broadcast_id))[
                "status"
            ] != "paused":  # a worker may be running the job at the same time
                await here.running.sender.send_broadcast(2)
        shown = await here.until_status(broadcast_id, "paused")
        assert shown["hold"]["reason"] == "many_failures"
        assert "Sending failed inside wacrmd 5 times: TypeError" in shown["hold"]["detail"]
        await here.admin("number.resume", id=here.number["id"])
        await here.until_status(other, "sent")


@pytest.mark.exhaustive(only=True)
async def test_stopping_waits_for_requests_in_flight(tmp_path: Path) -> None:
    """After SIGTERM nothing is uncertain, and the next start sends the others."""
    async with site(tmp_path, latency_ms=300, messages_per_second=100) as here:
        broadcast_id = await here.send(people(300))
        await here.until(broadcast_id, lambda b: b["sent_count"] > 10)
        first = here.sim.ledger
    async with site(tmp_path) as here:
        shown = await here.until_status(broadcast_id, "sent")
        assert (shown["sent_count"], shown["uncertain_count"]) == (300, 0)
        assert 10 < len(first) < 300
        assert len(first) + len(here.sim.ledger) == 300


@asynccontextmanager
async def waiting_for_tokens(folder: Path) -> AsyncIterator[tuple[Site, ShiftClock]]:
    """A site whose clock is stopped, with three broadcasts in line; after the block they are sent."""
    clock = ShiftClock(stopped=True)
    async with site(folder, clock=clock) as here:
        sender = here.running.sender
        # More than the 50 tokens of the burst: the first one could else be sent before the others are in line.
        broadcasts = [await here.send(people(60, 60 * each)) for each in range(3)]
        await eventually(lambda: all(sender.is_in_line(each) for each in (1, 2, 3)) and not sender.in_flight)
        yield here, clock
        clock.go()
        for each in broadcasts:
            await here.until_status(each, "sent")


async def enqueued_in_five_seconds(here: Site, clock: ShiftClock) -> list[int]:
    """The broadcasts for which jobs are enqueued in five seconds of the clock.

    The thread that stores jobs stores them in their order: what was given to it before is stored before the job 0.
    """
    queue, stored = here.running.queue, list[int]()
    queue._huey.signal(SIGNAL_ENQUEUED)(lambda _, task: stored.append(task.args[0]))

    async def all_stored() -> list[int]:
        queue.enqueue(0)
        await eventually(lambda: 0 in stored)
        jobs = [each for each in stored if each]
        stored.clear()
        return jobs

    await all_stored()  # jobs of before
    jobs = list[int]()
    for _ in range(5):
        clock.advance(SECOND)
        await here.running.scheduler.run_due()
        jobs += await all_stored()
    return jobs


@pytest.mark.exhaustive(only=True)
async def test_while_the_database_cannot_be_written_no_jobs_are_enqueued(tmp_path: Path) -> None:
    """Each would fail and be logged. If another program has locked the file, more would come than can be tried."""
    async with waiting_for_tokens(tmp_path) as (here, clock):
        db = here.running.ctx.db
        await db.outside_transaction(lambda tx: tx.execute("PRAGMA query_only = ON").fetchall())
        clock.advance(SECOND)
        await eventually(lambda: db.outage is not None)
        here.running.sender._leave(3)  # the scheduler would enqueue what is in no line
        assert await enqueued_in_five_seconds(here, clock) == []
        await db.outside_transaction(lambda tx: tx.execute("PRAGMA query_only = OFF").fetchall())


@pytest.mark.exhaustive(only=True)
async def test_while_draining_no_jobs_are_enqueued(tmp_path: Path) -> None:
    """Each would be written to the file, and end at once."""
    async with waiting_for_tokens(tmp_path) as (here, clock):
        await here.admin("drain", wait_s=0)
        assert await enqueued_in_five_seconds(here, clock) == []
        await here.admin("drain", off=True)
