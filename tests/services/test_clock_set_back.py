"""When the wall clock is set back, nothing waits until the old time comes again."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from tests.support.clock import ShiftClock
from tests.support.patience import PATIENCE_S, eventually
from tests.support.receiver import receiver
from tests.support.site import Site, people, site
from wacrmd.clock import DAY, HOUR, MINUTE, SECOND, Millis, iso
from wacrmd.store.database import Tx

pytestmark = pytest.mark.anyio

LOCAL = """
[outbound_webhooks]
allow_private = ["127.0.0.0/8"]
"""


def waits_for_retry(shown: dict[str, Any]) -> bool:
    return (shown["hold"] or {}).get("reason") == "waiting_for_retry"


async def set_back(here: Site, clock: ShiftClock, back: Millis) -> dict[str, Any]:
    """Set the clock back, and wait until that is noticed; the line of the log about it."""
    with capture_logs() as events:
        clock.advance(-back)
        await eventually(lambda: any(event["event"] == "clock_set_back" for event in events))
    return next(dict(event) for event in events if event["event"] == "clock_set_back")


async def next_attempts(here: Site) -> list[Millis]:
    """The times of the next attempts of all recipients that are pending."""

    def work(tx: Tx) -> list[Millis]:
        rows = tx.execute("SELECT next_attempt_at FROM recipient WHERE status = 'pending' ORDER BY id")
        return [at for (at,) in rows]

    return await here.running.ctx.db.read(work)


def failed_deliveries(tx: Tx) -> int:
    """How many deliveries have failed and are tried again."""
    (count,) = tx.execute(
        "SELECT count(*) FROM webhook_delivery WHERE status = 'pending' AND attempts > 0"
    ).fetchone()
    return int(count)


@pytest.mark.parametrize("back", [HOUR, DAY])
async def test_a_retry_is_made_after_its_delay(tmp_path: Path, back: Millis) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, error_share=1.0, error_code=131016) as here:
        broadcast_id = await here.send(people(3))
        await here.until(broadcast_id, waits_for_retry)
        logged = await set_back(here, clock, back)
        found = await next_attempts(here)
        assert len(found) == 3
        assert all(clock.now() < at < clock.now() + MINUTE for at in found), "nor before its delay"
        here.sim.change(error_share=0)
        clock.advance(MINUTE)
        assert (await here.until_status(broadcast_id, "sent"))["sent_count"] == 3
    assert (logged["recipients"], logged["deliveries"]) == (3, 0)
    assert logged["seconds"] == pytest.approx(back / SECOND, abs=MINUTE / SECOND)


async def test_the_time_of_a_paused_broadcast_is_moved_and_that_of_a_schedule_stays(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, error_share=1.0, error_code=131016) as here:
        broadcast_id = await here.send(people(1))
        await here.until(broadcast_id, waits_for_retry)
        await here.admin("broadcast.pause", id=broadcast_id)
        later = iso(clock.now() + HOUR)
        scheduled = await here.send(people(1, 10), scheduled_at=later)
        await set_back(here, clock, HOUR)
        assert (await next_attempts(here))[0] < clock.now() + MINUTE
        shown = await here.show(scheduled)
        assert (shown["status"], shown["scheduled_at"]) == ("scheduled", later)


async def test_a_delivery_to_a_local_app_does_not_wait_until_the_old_time(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with receiver() as local, site(tmp_path, clock=clock, extra=LOCAL) as here:
        local.answers = {"/hook": 500}
        await here.admin("webhook.add", account="shop", url=f"{local.url}/hook", events=["broadcast.sent"])
        await here.until_status(await here.send(people(1)), "sent")
        with anyio.fail_after(PATIENCE_S):
            while not await here.running.ctx.db.read(  # noqa: ASYNC110 - nothing tells when it is stored
                failed_deliveries
            ):
                await anyio.sleep(0.01)
        local.answers = {}
        assert (await set_back(here, clock, DAY))["deliveries"] == 1
        clock.advance(MINUTE)
        await local.until(lambda: len(local.requests) == 2)


async def test_a_clock_that_runs_moves_nothing(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, error_share=1.0, error_code=131016) as here:
        broadcast_id = await here.send(people(3))
        await here.until(broadcast_id, waits_for_retry)
        before = await next_attempts(here)
        for step in (0, SECOND, 0, 5 * SECOND):
            clock.advance(step)
            await here.running.scheduler.run_due()
        assert await next_attempts(here) == before
