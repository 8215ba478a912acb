"""A drain for good outlasts a restart, is shown everywhere, and ends only with `wacrmd undrain`."""

from pathlib import Path
from typing import Any

import pytest

from tests.operator.conftest import Wacrmd
from tests.support.clock import ShiftClock
from tests.support.patience import eventually
from tests.support.site import Site, people, site
from wacrmd.sender import job
from wacrmd.services.context import Context
from wacrmd.services.maintenance.drain import start_drain
from wacrmd.store import drains
from wacrmd.views.maintenance import DrainView

pytestmark = pytest.mark.anyio


async def metric(here: Site, name: str) -> float:
    text = (await here.api.get("/metrics")).text
    (line,) = [line for line in text.splitlines() if line.startswith(f"wacrmd_{name} ")]
    return float(line.split()[1])


@pytest.mark.exhaustive(only=True)
async def test_a_drain_for_good_outlasts_a_restart_and_is_shown(tmp_path: Path, wacrmd: Wacrmd) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, messages_per_second=100) as here:
        broadcast_id = await here.send(people(100))
        await here.until(broadcast_id, lambda shown: shown["sent_count"] > 0)
        code, out, _ = await wacrmd("drain", "--for-good")
        assert (code, "also after a restart, until: wacrmd undrain" in out) == (0, True)
        sent = len(here.sim.ledger.entries)
        assert 0 < sent < 100
    async with site(tmp_path, clock=clock, messages_per_second=1000) as here:
        await here.running.scheduler.passed.wait()
        await here.running.scheduler.passed.wait()
        assert here.sim.ledger.entries == []
        shown = await here.show(broadcast_id)
        assert shown["hold"]["reason"] == "draining"
        assert "until wacrmd undrain" in shown["hold"]["detail"]
        refused = await here.post(people(1))
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "60")
        assert "until wacrmd undrain" in refused.json()["error"]["message"]
        ready = await here.api.get("/readyz")
        assert (ready.status_code, "drained for good" in ready.text) == (503, True)
        status = await here.admin("status")
        assert (status["healthy"], status["draining"], status["drain"]["for_good"]) == (False, True, True)
        assert any("wacrmd undrain" in warning for warning in status["warnings"])
        assert status["summary"].startswith("Drained for good")
        (check,) = [each for each in (await here.admin("doctor"))["checks"] if each["check"] == "drain"]
        assert "wacrmd undrain" in check["advice"]
        assert await metric(here, "draining") == await metric(here, "drained_for_good") == 1
        # another drain, as before a restart, does not end it
        assert (await here.admin("drain"))["for_good"]
        assert await wacrmd("undrain") == (0, "The drain has ended: broadcasts go on.\n", "")
        assert await here.running.ctx.db.read(drains.stored) is None
        assert await metric(here, "draining") == await metric(here, "drained_for_good") == 0
        await here.until_status(broadcast_id, "sent")
        assert len(here.sim.ledger.entries) == 100 - sent


@pytest.mark.parametrize("ended_by", [("undrain",), ("drain", "--off")])
async def test_either_command_ends_either_drain(
    tmp_path: Path, wacrmd: Wacrmd, ended_by: tuple[str, ...]
) -> None:
    async with site(tmp_path) as here:
        for begun_by in (("drain",), ("drain", "--for-good"), ("drain", "--for-good", "--json")):
            assert (await wacrmd(*begun_by))[0] == 0
            assert (await wacrmd(*ended_by))[:2] == (0, "The drain has ended: broadcasts go on.\n")
            assert not here.running.ctx.draining
            assert await here.running.ctx.db.read(drains.stored) is None
        await here.until_status(await here.send(people(3)), "sent")


async def test_a_drain_becomes_one_for_good_and_keeps_its_time(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        began = await here.admin("drain")
        clock.advance(60_000)
        assert await here.admin("drain", for_good=True) == began | {"for_good": True}


async def test_nothing_is_claimed_once_a_drain_has_found_nothing_in_flight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that had begun before the drain, and was reading, must not claim after it."""
    found: list[DrainView] = []

    async def drained_meanwhile(ctx: Context, *args: Any) -> Any:
        jobs = await job.load_jobs(ctx, *args)
        found.append(await start_drain(ctx, wait_s=1))
        return jobs

    monkeypatch.setattr("wacrmd.sender.sender.load_jobs", drained_meanwhile)
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(5))
        await eventually(lambda: found)
        await here.running.scheduler.passed.wait()
        assert found[0].in_flight == 0
        assert here.sim.ledger.entries == []
        monkeypatch.undo()
        await here.admin("undrain")
        await here.until_status(broadcast_id, "sent")
