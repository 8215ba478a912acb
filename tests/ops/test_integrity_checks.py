"""The checks for damage: at the start of what is open, once a day of all, and what they tell."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from tests.support.clock import ShiftClock
from tests.support.damage import KINDS, forget_pages, pages_of
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import NOBODY, Site, configuration, people, site
from wacrmd import daemon
from wacrmd.admin.protocol import RpcError
from wacrmd.clock import DAY, HOUR, iso
from wacrmd.services.maintenance import integrity
from wacrmd.store import open_check
from wacrmd.store.outage import Cause

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]

ZEROS, RANDOM = KINDS[:2]


@asynccontextmanager
async def daemon_alone(folder: Path, clock: ShiftClock) -> AsyncIterator[daemon.Daemon]:
    """The daemon on the files of a site that has ended."""
    async with daemon.run(configuration(folder, NOBODY.rstrip("/")), clock) as running:
        yield running


def advice(running: daemon.Daemon) -> str:
    """What is told about the outage."""
    return running.ctx.db.outage.advice if running.ctx.db.outage else ""


async def checked(here: Site) -> dict[str, Any]:
    """The last full check, as `status` shows it, once there is one."""
    with anyio.fail_after(PATIENCE_S):
        while not (await here.admin("status"))["database"]["last_check"]:
            await here.running.scheduler.passed.wait()
    found: dict[str, Any] = (await here.admin("status"))["database"]["last_check"]
    return found


async def test_the_whole_file_is_checked_once_a_day_at_a_quiet_moment(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        await here.until_status(await here.send(people(20)), "sent")
        await here.sim.idle()  # else Meta is silent for the ten minutes
        assert (await here.admin("status"))["database"]["last_check"] is None, "a start has enough to do"
        clock.advance(integrity.NOT_BEFORE)
        first = await checked(here)
        assert first["problems"] == []
        status = await here.admin("status")
        assert status["healthy"], status
        metrics = (await here.api.get("/metrics")).text
        (line,) = [
            each for each in metrics.splitlines() if each.startswith("wacrmd_database_last_check_timestamp")
        ]
        assert abs(float(line.split()[1]) * 1000 - clock.now()) < HOUR
        clock.advance(DAY - HOUR)
        await here.running.integrity.run()
        assert (await checked(here)) == first
        clock.advance(HOUR)
        await eventually_checked_again(here, first)


async def eventually_checked_again(here: Site, before: dict[str, Any]) -> dict[str, Any]:
    with anyio.fail_after(PATIENCE_S):
        while (found := await checked(here)) == before:
            await here.running.scheduler.passed.wait()
    return found


async def test_damage_that_only_the_daily_check_sees_holds_everything_also_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a file that is too large to be checked whole at the start."""
    monkeypatch.setattr(open_check, "SMALL_FILE_BYTES", 0)
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        later = await here.send(people(20), scheduled_at=iso(clock.now() + 9 * DAY))
        await forget_pages(here.running.ctx.db)
        (page, *_) = pages_of(tmp_path / "wacrmd.db", "audit_at")
        ZEROS.apply(tmp_path / "wacrmd.db", page)
        assert (await here.api.get("/readyz")).status_code == 200
        with capture_logs() as events:
            clock.advance(integrity.NOT_BEFORE)
            await eventually(lambda: "index audit_at" in advice(here.running))
        assert "makes that anew from the rows" in advice(here.running)
        told = [each["reason"] for each in events if each["event"] == "database_outage_started"]
        assert told[-1] == advice(here.running)
        await eventually(lambda: any(each["event"] == "database_problems_found" for each in events))
        shown = await here.show(later)
        assert shown["status"] == "scheduled"
        assert (await here.post(people(3, 500))).status_code == 503
        assert (await checked(here))["problems"]
    async with daemon_alone(tmp_path, clock) as running:
        await eventually(lambda: "index audit_at" in advice(running))


LOOKED_AT = {
    "setting": True,
    "number": True,
    "app_secret": True,
    "broadcast": True,
    "broadcast_status": True,
    "recipient": True,
    "recipient_count": True,
    "recipient_due": True,
    "optout": True,
    "audit": False,
    "recipient_history": False,
}
"""Tables and indexes, each with whether a start looks at what is open in it."""


async def test_at_the_start_of_a_large_file_what_is_open_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_check, "SMALL_FILE_BYTES", 0)
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        await here.until_status(await here.send(people(50)), "sent")
        await here.send(people(20, 100), scheduled_at=iso(clock.now() + HOUR))
        await here.admin("optout.add", account="shop", phone=people(1, 100)[0]["to"])
    for name, is_open in LOOKED_AT.items():
        folder = tmp_path / name
        folder.mkdir()
        for file in ("wacrmd.db", "wacrmd.db.key"):
            shutil.copy(tmp_path / file, folder)
        RANDOM.apply(folder / "wacrmd.db", pages_of(folder / "wacrmd.db", name)[-1])
        async with daemon_alone(folder, clock) as running:
            assert running.ctx.db.is_damaged is is_open, name
            if is_open:
                kind = "index" if "_" in name and name != "app_secret" else "table"
                assert f"{kind} {name}" in advice(running)


async def test_what_the_start_had_no_time_for_is_looked_at_in_the_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_check, "SMALL_FILE_BYTES", 0)
    monkeypatch.setattr(integrity.look_at_open, "__defaults__", (0.0,))
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        await here.send(people(20), scheduled_at=iso(clock.now() + HOUR))
    ZEROS.apply(tmp_path / "wacrmd.db", pages_of(tmp_path / "wacrmd.db", "recipient_due")[0])
    async with daemon_alone(tmp_path, clock) as running:
        await eventually(lambda: running.ctx.db.is_damaged)
        await eventually(lambda: "index recipient_due" in advice(running))


async def test_an_error_in_reading_names_what_is_broken_soon(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(50))
        await here.until_status(broadcast_id, "sent")
        await forget_pages(here.running.ctx.db)
        for page in pages_of(tmp_path / "wacrmd.db", "recipient_history"):
            ZEROS.apply(tmp_path / "wacrmd.db", page)
        recipient = (await here.api.get(f"/api/v1/broadcasts/{broadcast_id}/recipients")).json()["data"][0]
        answer = await here.api.get(f"/api/v1/broadcasts/{broadcast_id}/recipients/{recipient['id']}")
        assert answer.status_code == 503
        assert here.running.ctx.db.is_damaged
        await eventually(lambda: "table recipient_history" in advice(here.running))
        assert (await here.api.get("/readyz")).status_code == 503


@contextmanager
def unreadable(file: Path) -> Iterator[None]:
    """Let every descriptor that this process has of the file fail when it is read."""
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    kept: dict[int, int] = {}
    try:
        for link in Path("/proc/self/fd").iterdir():
            if link.exists() and link.resolve() == file:
                kept[int(link.name)] = os.dup(int(link.name))
        for descriptor in kept:
            os.dup2(folder, descriptor, inheritable=False)
        yield
    finally:
        for descriptor, copy in kept.items():
            os.dup2(copy, descriptor, inheritable=False)
            os.close(copy)
        os.close(folder)


async def test_a_disk_that_cannot_be_read_is_told_and_its_end_as_well(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(50))
        await here.until_status(broadcast_id, "sent")
        db = here.running.ctx.db
        await forget_pages(db)
        with capture_logs() as events:
            with unreadable(tmp_path / "wacrmd.db"):
                assert (await here.api.get("/api/v1/me")).status_code == 503
                assert Cause.UNREADABLE in db.outages
                ready = await here.api.get("/readyz")
                assert ready.status_code == 503
                assert "I/O errors" in ready.json()["error"]["message"]
                await anyio.sleep(2.5)  # it is tried again, in vain
                assert Cause.UNREADABLE in db.outages
            await eventually(lambda: db.outage is None)
        names = [each["event"] for each in events if each["log_level"] != "debug"]
        assert names.count("database_outage_started") == names.count("database_outage_ended") == 1
        await here.until_status(await here.send(people(5, 100)), "sent")


async def test_a_check_that_runs_when_the_daemon_stops_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    monkeypatch.setattr("wacrmd.store.damage.examine", lambda run: run.rows(endless))
    monkeypatch.setattr("wacrmd.store.integrity.examine", lambda run: run.rows(endless))
    with anyio.fail_after(PATIENCE_S):
        async with site(tmp_path) as here, anyio.create_task_group() as tasks:
            tasks.start_soon(integrity.check, here.running.ctx)
            await anyio.sleep(0.2)
            tasks.cancel_scope.cancel()


async def test_damage_that_a_backup_finds_holds_everything(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.until_status(await here.send(people(20)), "sent")
        await forget_pages(here.running.ctx.db)
        ZEROS.apply(tmp_path / "wacrmd.db", pages_of(tmp_path / "wacrmd.db", "idempotency_created")[0])
        with pytest.raises(RpcError, match="is damaged"):
            await here.admin("backup", file=str(tmp_path / "copy.db"))
        assert "index idempotency_created" in advice(here.running)
        assert "wacrmd repair" in advice(here.running)
        assert not (tmp_path / "copy.db").exists()
