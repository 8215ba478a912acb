"""Counts are counted once for each revision, and are never others than those of the rows."""

import random
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from tests.store.rows import NOW, broadcast, number
from tests.support.clock import ShiftClock, later
from tests.support.site import people, site
from wacrmd.domain.attempt import AttemptResult
from wacrmd.domain.broadcast import Broadcast, BroadcastFilter, Counted
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.services import broadcast_counts as remembering
from wacrmd.services.broadcast_counts import BroadcastCounts
from wacrmd.services.maintenance.counts import SETTLED, STEP, keep_counts
from wacrmd.store import attempts, broadcast_counts, broadcasts, integrity
from wacrmd.store.database import Database, Tx

pytestmark = pytest.mark.anyio

BROADCASTS, PEOPLE = 6, 40


def fill(tx: Tx) -> list[int]:
    number(tx)
    return [broadcast(tx, PEOPLE, uuid=f"6f1e2d3c-0000-4000-8000-{index:012}") for index in range(BROADCASTS)]


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "wacrmd.db", ShiftClock(stopped=True)) as opened:
        yield opened


def found(tx: Tx) -> list[Broadcast]:
    return broadcasts.page(tx, BroadcastFilter(), after=None, limit=100)


@pytest.mark.exhaustive(only=True)
async def test_what_concurrent_readers_see_is_what_the_rows_of_their_snapshot_say(db: Database) -> None:
    """Writers record results, readers ask for counts, the periodic job keeps them late; some writers fail."""
    ids = await db.write(fill)
    counts, chance = BroadcastCounts(), random.Random(11)
    looks = 0
    done = anyio.Event()

    def change(tx: Tx, seed: int) -> None:
        own = random.Random(seed)
        each = own.choice(ids)
        claims = attempts.claim(tx, each, own.randint(1, 3), NOW)
        status = own.choice([RecipientStatus.SENT, RecipientStatus.PENDING, RecipientStatus.UNCERTAIN])
        if own.random() < 0.8:
            results = [
                AttemptResult(claim.recipient_id, each, claim.attempt, status, NOW, NOW, "a note", None)
                for claim in claims
            ]
            attempts.record(tx, results)
            broadcasts.recipients_changed(tx, [each], NOW)
        counts.counted(tx, found(tx))
        if own.random() < 0.3:
            raise ValueError(seed)

    def look(tx: Tx) -> None:
        nonlocal looks
        looks += 1
        assert counts.counted(tx, found(tx)) == broadcast_counts.count(tx, ids)

    async def write() -> None:
        for _ in range(60):
            try:
                await db.write(partial(change, seed=chance.randrange(2**32)))
            except ValueError:
                continue

    async def read() -> None:
        while not done.is_set():
            await db.read(look)

    def count(tx: Tx) -> list[tuple[int, int, Counted]]:
        rows = broadcast_counts.uncounted(tx, NOW, 3)
        counted = broadcast_counts.count(tx, [each for each, _ in rows])
        return [(each, revision, counted[each]) for each, revision in rows]

    async def keep() -> None:
        while not done.is_set():
            counted = await db.read(count)
            await anyio.lowlevel.checkpoint()
            await db.write(partial(broadcast_counts.keep, counted=counted))

    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(read)
        tasks.start_soon(keep)
        async with anyio.create_task_group() as writers:
            for _ in range(3):
                writers.start_soon(write)
        done.set()
    await db.read(look)
    assert looks > 10
    assert not integrity.check(db.path).problems


async def test_each_revision_is_counted_once(db: Database) -> None:
    ids = await db.write(fill)
    counts, statements = BroadcastCounts(), list[str]()

    def look(tx: Tx) -> None:
        tx.set_trace_callback(statements.append)
        counts.counted(tx, found(tx))
        tx.set_trace_callback(None)

    def counted() -> list[str]:
        return [each for each in statements if each.startswith("SELECT broadcast_id, status")]

    for _ in range(3):
        await db.read(look)
    assert len(counted()) == 1
    await db.write(lambda tx: attempts.claim(tx, ids[2], 1, NOW))
    for _ in range(3):
        await db.read(look)
    assert len(counted()) == 2
    assert f"json_each('[{ids[2]}]')" in counted()[1], "the others have not changed"


async def test_those_looked_at_longest_ago_are_forgotten(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembering, "MAX_REMEMBERED", 3)
    await db.write(fill)
    counts = BroadcastCounts()
    for each in await db.read(found):
        await db.read(partial(counts.counted, found=[each]))
    assert list(counts._remembered) == [3, 2, 1]


async def test_settled_broadcasts_have_their_counts_kept_until_they_change(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock) as here:
        ctx = here.running.ctx
        broadcast_id = await here.send(people(3), scheduled_at=later())
        assert await keep_counts(ctx) == 0, "it has just changed"
        clock.advance(SETTLED)
        assert await keep_counts(ctx) <= 1, "the daemon's own job may have been faster"
        (kept,) = await ctx.db.read(found)
        assert kept.kept_counts == '{"billed":[],"by_button":{},"by_status":{"pending":3},"held":[]}'
        await here.admin("broadcast.cancel", id=broadcast_id)
        (kept,) = await ctx.db.read(found)
        assert kept.kept_counts is None
        assert (await here.show(broadcast_id))["cancelled_count"] == 3


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE recipient SET status = 'cancelled' WHERE id = 1",
        "INSERT INTO button_reply VALUES (1, 'Yes', 2)",
        "UPDATE recipient SET held = NULL WHERE id = 2",
        "UPDATE recipient SET sent_at = 7 WHERE id = 2",
        "UPDATE recipient SET pricing_id = 1 WHERE id = 3",
        "UPDATE pricing SET type = 'regular' WHERE id = 2",
    ],
)
async def test_kept_counts_that_contradict_the_rows_are_a_damage(db: Database, change: str) -> None:
    ids = await db.write(fill)
    odd = 'No\n\t"\\\u2028é/\x01'

    def fill_more(tx: Tx) -> None:
        tx.execute("INSERT INTO button_reply VALUES (1, ?, 1), (1, 'Yes', 1)", (odd,))
        tx.execute("INSERT INTO pricing VALUES (1, ?, 't', NULL, 1), (2, NULL, NULL, 'PMP', NULL)", (odd,))
        tx.execute("UPDATE recipient SET status = 'sent', held = 'paused', sent_at = 5 WHERE id = 2")
        tx.execute("UPDATE recipient SET pricing_id = id - 3 WHERE id IN (4, 5)")

    await db.write(fill_more)
    counted = await db.read(lambda tx: broadcast_counts.count(tx, ids))
    assert counted[ids[0]] == Counted(
        {"pending": PEOPLE - 1, "sent": 1},
        {odd: 1, "Yes": 1},
        [("paused", 1, 5)],
        [(None, None, 1), (odd, "t", 1)],
    )
    await db.write(partial(broadcast_counts.keep, counted=[(each, 1, counted[each]) for each in ids]))
    assert not integrity.check(db.path).problems
    assert await db.read(lambda tx: BroadcastCounts().counted(tx, found(tx))) == counted
    await db.write(lambda tx: tx.execute(change))
    (problem,) = integrity.check(db.path).problems
    assert problem.startswith("the kept counts of a broadcast are not those of its recipients: ")
    assert BROADCASTS < STEP
