"""Many small broadcasts on one number: one turn serves many of them, and whoever has large ones is served as well."""

import time
from collections import Counter
from pathlib import Path

import anyio
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from tests.sender.test_fairness import Numbers, numbers, reach
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import people
from wacrmd.clock import SECOND
from wacrmd.dispatch.queue import MAX_JOBS_AT_ONCE
from wacrmd.sender.lane import LOST_S
from wacrmd.sender.sender import MAX_BROADCASTS

pytestmark = pytest.mark.anyio


async def stored(made: Numbers, sizes: list[int]) -> list[str]:
    """Broadcasts of these sizes that are sending, of which nothing is claimed yet, and no worker any more."""
    # Before they are created: a turn that a job leaves behind when the workers stop would be in the way of the test's.
    await made.here.running.queue.stop(PATIENCE_S)
    return [await made.send(0, size) for size in sizes]


async def claimed(made: Numbers) -> dict[int, int]:
    """How many recipients of each broadcast have an attempt."""
    return await made.here.running.ctx.db.read(
        lambda tx: dict(
            tx.execute(
                "SELECT broadcast_id, count(*) FROM recipient WHERE attempt > 0 GROUP BY broadcast_id"
            ).fetchall()
        )
    )


async def commits(made: Numbers) -> list[int]:
    """A list that gets the number of writes of each commit from now on."""
    sizes: list[int] = []
    made.here.running.ctx.db.on_commit = lambda _, size: sizes.append(size)
    return sizes


async def turn(made: Numbers) -> None:
    """Run the job whose turn it is, and wait until its requests have ended."""
    sender = made.here.running.sender
    if sender._jobs:
        lane = sender._lane_of(next(iter(sender._jobs)))
        assert lane is not None
        await eventually(lambda: lane.turn is not None)
        await sender.send_broadcast(lane.turn or 0)
    else:
        await sender.send_broadcast(1)
    await eventually(lambda: not sender.in_flight)


async def test_one_turn_serves_many_broadcasts_in_one_transaction(tmp_path: Path) -> None:
    async with numbers(tmp_path, [200.0], stopped=True) as made:
        await stored(made, [1] * 30)
        sizes = await commits(made)
        await made.here.running.sender.send_broadcast(1)
        assert len(sizes) == 1
        served = [*range(1, 11), *range(21, 31)]
        assert await claimed(made) == dict.fromkeys(served, 1), "20 tokens, and the line's order"
        await reach(made, 0, 20)


@pytest.mark.exhaustive(only=True)
async def test_one_turn_serves_a_limited_number_of_broadcasts(tmp_path: Path) -> None:
    async with numbers(tmp_path, [1000.0], stopped=True) as made:
        await stored(made, [1] * (MAX_BROADCASTS + 50))
        await turn(made)  # until the first answer a number has few places
        made.clock.advance(SECOND)
        before = len(await claimed(made))
        await turn(made)
        assert len(await claimed(made)) <= before + MAX_BROADCASTS


async def test_a_job_whose_broadcast_was_claimed_already_writes_nothing(tmp_path: Path) -> None:
    async with numbers(tmp_path, [200.0], stopped=True) as made:
        await stored(made, [1] * 10)
        sender = made.here.running.sender
        await turn(made)
        assert sum((await claimed(made)).values()) == 10
        sizes = await commits(made)
        for broadcast_id in range(1, 11):
            await sender.send_broadcast(broadcast_id)
        assert sizes == []


async def test_broadcasts_that_start_at_the_same_time_by_schedule_are_read_together_too(
    tmp_path: Path,
) -> None:
    async with numbers(tmp_path, [200.0], stopped=True) as made:
        await stored(made, [1] * 6)
        sender = made.here.running.sender
        await made.here.running.ctx.db.write(
            lambda tx: tx.execute("UPDATE broadcast SET scheduled_at = id / 4").rowcount
        )
        await turn(made)
        assert set(await claimed(made)) == {1, 2, 3}
        await sender.send_broadcast(5)
        assert set(await claimed(made)) == {1, 2, 3, 5, 6}


async def test_a_paused_or_cancelled_broadcast_and_an_opt_out_in_a_turn_of_many(tmp_path: Path) -> None:
    async with numbers(tmp_path, [200.0], stopped=True) as made:
        ids, here = await stored(made, [1] * 8), made.here
        await here.running.sender._join(1)  # all join the line, and no turn is taken yet
        await here.admin("broadcast.pause", id=ids[1])
        await here.admin("broadcast.cancel", id=ids[2])
        await here.admin("optout.add", account="shop", phone=people(1, 3)[0]["to"])
        await here.running.sender.check_lanes()
        await turn(made)
        assert set(await claimed(made)) == {1, 5, 6, 7, 8}
        assert (await here.show(ids[1]))["status"] == "paused"
        shown = await here.until_status(ids[3], "sent")
        assert (shown["cancelled_count"], shown["sent_count"]) == (1, 0)
        for index in (0, 4, 5, 6, 7):
            assert (await here.show(ids[index]))["status"] == "sent"


async def test_a_large_one_that_got_what_was_left_keeps_its_place(tmp_path: Path) -> None:
    """Half of the turns are for who has waited longest: of three tiny ones and a large one, that is the large one."""
    async with numbers(tmp_path, [100.0], stopped=True) as made:
        await stored(made, [100, 1, 1, 1])
        sender = made.here.running.sender
        await sender.send_broadcast(1)
        assert await claimed(made) == {4: 1, 1: 9}
        lane = sender._lane_of(1)
        assert lane is not None
        assert lane.line.order(4) == [1, 3, 2]


@pytest.mark.exhaustive(only=True)
async def test_neither_tiny_nor_large_broadcasts_are_starved(tmp_path: Path) -> None:
    async with numbers(tmp_path, [100.0], stopped=True) as made:
        await stored(made, [200, *[1] * 40, 200])
        for _ in range(12):
            await turn(made)
            made.clock.advance(100)
        counts = Counter(await claimed(made))
        assert [tiny for tiny in range(2, 42) if not counts[tiny]] == []
        assert counts[1] >= 20
        assert counts[42] >= 20


async def test_a_broadcast_that_crashes_in_a_turn_of_many_is_paused_and_the_others_are_sent(
    tmp_path: Path,
) -> None:
    async with numbers(tmp_path, [200.0]) as made:
        ids, here = await stored(made, [1] * 9), made.here
        await here.running.ctx.db.write(
            lambda tx: (
                tx.execute(
                    "CREATE TRIGGER poison BEFORE UPDATE ON recipient WHEN NEW.broadcast_id = 5 AND NEW.status = 'sending'"
                    " BEGIN SELECT RAISE(ABORT, 'poison'); END"
                ).rowcount
            )
        )
        with capture_logs() as events, anyio.fail_after(PATIENCE_S):
            await here.running.sender.send_broadcast(1)
            assert await claimed(made) == {}
            await turn(made)
            while (await here.show(ids[4]))["status"] != "paused":
                await here.running.sender.send_broadcast(5)
        crashed = [event["broadcast_row"] for event in events if event["event"] == "broadcast_job_crashed"]
        assert crashed == [5] * 5
        shown = await here.show(ids[4])
        assert (shown["status"], shown["hold"]["reason"]) == ("paused", "many_failures")
        assert set(await claimed(made)) == {1, 2, 3, 4, 6, 7, 8, 9}


async def test_each_request_of_a_turn_of_many_is_logged_with_the_id_of_its_own_broadcast(
    tmp_path: Path,
) -> None:
    async with numbers(tmp_path, [200.0]) as made:
        await stored(made, [1] * 3)
        ctx = made.here.running.ctx
        await ctx.db.write(lambda tx: tx.execute("UPDATE recipient SET params = '7'").rowcount)
        requests = await ctx.db.read(
            lambda tx: dict(tx.execute("SELECT uuid, request_id FROM broadcast").fetchall())
        )
        with capture_logs(processors=[merge_contextvars]) as events:
            await turn(made)
        logged = {event["broadcast"]: event["request_id"] for event in events if "broadcast" in event}
        assert logged == requests
        assert len(set(logged.values())) == 3


@pytest.mark.exhaustive(only=True)
async def test_a_resumed_number_with_many_broadcasts_is_not_given_a_job_for_each(tmp_path: Path) -> None:
    async with numbers(tmp_path, [1000.0], stopped=True) as made:
        ids, here = await stored(made, [1] * 250), made.here
        queue, number = here.running.queue, await made.state(0)
        await here.admin("number.pause", id=number["id"])
        await here.admin("number.resume", id=number["id"])
        jobs = [queue._given.get_nowait() for _ in range(queue._given.qsize())]
        assert len(jobs) <= MAX_JOBS_AT_ONCE
        for broadcast_id in filter(None, jobs):
            await here.running.sender._join(broadcast_id)
        assert len(here.running.sender._jobs) >= 0.9 * len(ids), "those have read nearly all"


@pytest.mark.exhaustive(only=True)
async def test_what_no_job_has_read_is_enqueued_by_the_scheduler(tmp_path: Path) -> None:
    """Broadcasts that began at different times by schedule are not read together."""
    async with numbers(tmp_path, [1000.0]) as made:
        number = await made.state(0)
        await made.here.admin("number.pause", id=number["id"])
        for _ in range(MAX_JOBS_AT_ONCE + 20):
            await made.send(0, 1)
        await made.here.running.ctx.db.write(
            lambda tx: tx.execute("UPDATE broadcast SET scheduled_at = id").rowcount
        )
        await made.here.admin("number.resume", id=number["id"])
        await reach(made, 0, MAX_JOBS_AT_ONCE + 20)


async def test_a_job_that_could_not_be_stored_is_tried_again_within_a_second(tmp_path: Path) -> None:
    async with numbers(tmp_path, [200.0]) as made:
        sender = made.here.running.sender
        await stored(made, [1] * 3)
        await sender._join(1)
        lane = sender._lane_of(1)
        assert lane is not None
        sender._lanes.advance(lane)
        given = lane.turn
        assert given is not None
        sender.job_not_stored(given)
        assert lane.turn is None
        began = time.monotonic()
        await eventually(lambda: lane.turn is not None)
        assert time.monotonic() - began < LOST_S, "long before it would count as lost"


async def test_a_new_token_in_a_turn_of_many_is_used_at_once_and_a_paused_one_stops_nobody(
    tmp_path: Path,
) -> None:
    async with numbers(tmp_path, [200.0], stopped=True) as made:
        ids, here = await stored(made, [1] * 5), made.here
        await here.running.sender._join(1)
        number = await made.state(0)
        await here.admin("number.set", id=number["id"], access_token="EAAnew")
        await here.admin("broadcast.pause", id=ids[4])
        await turn(made)
        assert await claimed(made) == {}
        assert not here.running.sender._jobs, "all must be read again"
        await turn(made)
        assert await claimed(made) == {1: 1, 2: 1, 3: 1, 4: 1}
