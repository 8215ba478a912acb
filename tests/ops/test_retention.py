"""Rows older than configured are deleted in small steps, and their space is returned to the file system."""

from pathlib import Path

import pytest

from tests.support.clock import ShiftClock
from tests.support.site import Site, people, site
from wacrmd import periodic_jobs
from wacrmd.clock import DAY, HOUR, iso
from wacrmd.services.maintenance.retention import cutoffs, prune
from wacrmd.store import retention
from wacrmd.store.database import Tx

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]

TABLES = (
    "broadcast",
    "recipient",
    "recipient_history",
    "inbound_message",
    "unmatched_status",
    "idempotency",
    "account_event",
    "audit",
)


def counts(tx: Tx) -> dict[str, int]:
    return {table: tx.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


@pytest.fixture(autouse=True)
def no_maintenance_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, the daemon's own job would delete rows too: the tests advance the clock by years."""
    monkeypatch.setattr(periodic_jobs, "maintenance", lambda *_: [])


async def sent_broadcast(here: Site, size: int = 30) -> str:
    broadcast_id = await here.send(people(size))
    await here.until_status(broadcast_id, "sent")
    await here.sim.idle()
    return broadcast_id


async def test_a_finished_broadcast_is_deleted_with_all_its_rows_and_an_unfinished_one_is_kept(
    tmp_path: Path,
) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, replied_share=0.5, delivered_share=1.0) as here:
        ctx = here.running.ctx
        await sent_broadcast(here)
        later = await here.send(people(5), scheduled_at=iso(clock.now() + DAY))
        await here.admin("broadcast.pause", id=later)
        body = {"template_name": "x", "recipients": people(1)}
        answer = await here.api.post("/api/v1/broadcasts", json=body, headers={"Idempotency-Key": "k"})
        await here.until_status(answer.json()["data"]["broadcast_id"], "sent")
        await here.sim.idle()
        clock.advance(89 * DAY)
        await prune(ctx)
        held = await ctx.db.read(counts)
        assert held["recipient"] == 36
        assert held["recipient_history"] >= 60
        assert held["inbound_message"] > 0
        assert held["idempotency"] == 0
        clock.advance(2 * DAY)
        await prune(ctx)
        held = await ctx.db.read(counts)
        assert (held["recipient_history"], held["inbound_message"], held["recipient"]) == (0, 0, 36)
        clock.advance(275 * DAY)
        gone = await prune(ctx)
        assert (gone["broadcast"], gone["recipient"]) == (2, 31)
        held = await ctx.db.read(counts)
        assert (held["broadcast"], held["recipient"]) == (1, 5)
        assert held["audit"] > 0
        assert (await here.show(later))["pending_count"] == 5
        assert 'wacrmd_rows_pruned_total{table="recipient"} 31.0' in (await here.api.get("/metrics")).text


async def test_while_the_clock_is_not_trusted_nothing_is_deleted(tmp_path: Path) -> None:
    """Also not what is old enough by the daemon's own time: it can wait."""
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        await sent_broadcast(here)
        clock.advance(100 * DAY)
        clock.leap(HOUR)
        assert await prune(here.running.ctx) == {}
        clock.leap(-HOUR)
        assert (await prune(here.running.ctx))["recipient_history"] >= 30


async def test_with_retention_off_nothing_is_deleted(tmp_path: Path) -> None:
    clock = ShiftClock()
    extra = (
        "[retention]\nrecipients_days = 0\nhistory_days = 0\naudit_days = 0\nwebhook_deliveries_days = 0\n"
    )
    async with site(tmp_path, clock=clock, extra=extra, replied_share=1.0, delivered_share=1.0) as here:
        await sent_broadcast(here)
        before = await here.running.ctx.db.read(counts)
        clock.advance(5000 * DAY)
        await prune(here.running.ctx)
        assert await here.running.ctx.db.read(counts) == before


async def test_a_large_broadcast_is_deleted_in_steps_of_bounded_size(tmp_path: Path) -> None:
    """No step deletes more than its limit, and the counts of a half-deleted broadcast still add up."""
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        ctx = here.running.ctx
        broadcast_id = await here.send(people(1000), scheduled_at=iso(clock.now() + DAY))
        await here.api.post(f"/api/v1/broadcasts/{broadcast_id}/cancel")
        clock.advance(400 * DAY)
        limits = cutoffs(ctx.config, ctx.clock)
        gone, more = await ctx.db.write(lambda tx: retention.broadcasts(tx, limits, 300))
        assert (gone["recipient"], gone["broadcast"], more) == (300, 0, True)
        assert (await here.show(broadcast_id))["total_recipients"] == 700
        for expected in ((300, 0), (300, 0), (100, 1)):
            gone, _ = await ctx.db.write(lambda tx: retention.broadcasts(tx, limits, 300))
            assert (gone["recipient"], gone["broadcast"]) == expected
        assert (await here.api.get(f"/api/v1/broadcasts/{broadcast_id}")).status_code == 404


async def test_free_space_is_returned_to_the_file_system(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        ctx = here.running.ctx

        def fill(tx: Tx) -> None:
            tx.executemany(
                "INSERT INTO account_event (field, detail, received_at) VALUES ('x', ?, 1)",
                [("y" * 2000,) for _ in range(3000)],
            )

        await ctx.db.write(fill)
        await ctx.db.outside_transaction(lambda tx: tx.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
        before = ctx.db.path.stat().st_size
        assert before > 6_000_000
        await prune(ctx)
        await ctx.db.outside_transaction(lambda tx: tx.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
        assert ctx.db.path.stat().st_size < before / 5
