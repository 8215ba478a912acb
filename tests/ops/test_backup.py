"""Backups made while messages are sent are complete and checked, and replace no file by mistake."""

import os
import shutil
import sqlite3
import stat
from pathlib import Path

import anyio
import pytest

from tests.support.clock import ShiftClock
from tests.support.patience import eventually
from tests.support.site import Site, people, site
from tests.support.users import listing
from wacrmd import periodic_jobs
from wacrmd.admin.protocol import RpcError
from wacrmd.cli.main import main
from wacrmd.clock import DAY, MINUTE, parse_iso
from wacrmd.config import parse
from wacrmd.errors import DatabaseUnusableError
from wacrmd.services.maintenance.backups import FILE_NAME, DailyBackup, backup_due, private_directory
from wacrmd.store import backups, integrity

pytestmark = pytest.mark.anyio


async def test_a_backup_while_sending_is_one_checked_file_with_one_snapshot(tmp_path: Path) -> None:
    async with site(tmp_path, messages_per_second=300) as here:
        broadcast_id = await here.send(people(200))
        await here.until(broadcast_id, lambda shown: shown["sent_count"] > 20)
        made = await here.admin("backup", file=str(tmp_path / "copy.db"))
        await here.until_status(broadcast_id, "sent")
    copy = tmp_path / "copy.db"
    assert made == {"file": str(copy), "bytes": copy.stat().st_size, "schema": 1}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    found = integrity.check(copy)
    assert found.problems == []
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM recipient").fetchone() == (200,)
    connection.close()


async def test_a_backup_replaces_a_file_only_with_force(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        target = tmp_path / "copy.db"
        target.write_text("precious")
        with pytest.raises(RpcError, match=r"exists: choose another name, or say --force"):
            await here.admin("backup", file=str(target))
        assert target.read_text() == "precious"
        await here.admin("backup", file=str(target), force=True)
        assert integrity.check(target).problems == []
        with pytest.raises(RpcError, match="expected an absolute path"):
            await here.admin("backup", file="copy.db")
        with pytest.raises(RpcError, match="the daemon cannot write"):
            await here.admin("backup", file=str(tmp_path / "no" / "copy.db"))


async def test_the_daily_backup_is_made_once_a_day_and_only_the_newest_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # otherwise the daemon's own job may come first
    monkeypatch.setattr(periodic_jobs, "maintenance", lambda *_: [])
    clock = ShiftClock()
    extra = f'[backup]\ndirectory = "{tmp_path}/backups"\nkeep = 2\n'
    async with site(tmp_path, clock=clock, extra=extra) as here:
        job = DailyBackup(here.running.ctx)
        kept: list[str] = []
        for _ in range(4):
            clock.advance(DAY)
            await job.run()
            await job.run()
            kept = sorted(file.name for file in (tmp_path / "backups").iterdir())
        assert len(kept) == 2
        assert all(FILE_NAME.fullmatch(name) for name in kept)
        assert integrity.check(tmp_path / "backups" / kept[-1]).problems == []
        text = (await here.api.get("/metrics")).text
        (line,) = [
            line for line in text.splitlines() if line.startswith("wacrmd_last_backup_timestamp_seconds ")
        ]
        assert abs(float(line.split()[1]) * 1000 - clock.now()) < MINUTE


async def due_backups(here: Site, clock: ShiftClock, folder: Path) -> set[str]:
    """Let a day and some more attempts pass; the files that have the name of a daily backup then."""
    job = DailyBackup(here.running.ctx)
    clock.advance(DAY)
    for _ in range(4):
        await job.run()
        clock.advance(16 * MINUTE)
    return {each.name async for each in anyio.Path(folder).iterdir() if FILE_NAME.fullmatch(each.name)}


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("how", ["moved away", "replaced"])
async def test_no_backup_is_lost_while_the_database_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Every 15 minutes another copy was made, of the wrong file if it was replaced, and an older one removed."""
    monkeypatch.setattr(periodic_jobs, "maintenance", lambda *_: [])
    clock, extra = ShiftClock(), f'[backup]\ndirectory = "{tmp_path}/backups"\nkeep = 2\n'
    path = tmp_path / "wacrmd.db"
    async with site(tmp_path, clock=clock, extra=extra) as here:
        before = await due_backups(here, clock, tmp_path / "backups")
        assert len(before) == 1
        path.rename(tmp_path / "away.db")
        if how == "replaced":
            shutil.copy(tmp_path / "backups" / next(iter(before)), path)
        with pytest.raises(RpcError, match=r"was (deleted|replaced)"):
            await here.admin("backup", file=str(tmp_path / "by-hand.db"))
        assert not (tmp_path / "by-hand.db").exists()
        await eventually(lambda: here.running.ctx.db.outage is not None)
        assert await due_backups(here, clock, tmp_path / "backups") == before
        (tmp_path / "away.db").rename(path)


async def test_what_cannot_be_removed_is_no_failed_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise another copy would be made every 15 minutes until the disk is full."""
    monkeypatch.setattr(periodic_jobs, "maintenance", lambda *_: [])
    folder = tmp_path / "backups"
    (folder / "wacrmd-20200101T000000Z.db").mkdir(parents=True)
    (folder / "wacrmd-20200102T000000Z.db").symlink_to("nowhere")
    clock, extra = ShiftClock(), f'[backup]\ndirectory = "{folder}"\nkeep = 1\n'
    async with site(tmp_path, clock=clock, extra=extra) as here:
        assert len(await due_backups(here, clock, folder)) == 3


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (None, "2026-11-23T02:00:00Z", True),
        ("2026-11-23T03:30:00Z", "2026-11-23T12:00:00Z", False),
        ("2026-11-22T03:30:05Z", "2026-11-23T03:29:59Z", False),
        ("2026-11-22T03:30:05Z", "2026-11-23T03:30:00Z", True),
        ("2026-11-20T03:30:05Z", "2026-11-23T02:00:00Z", True),
    ],
)
def test_a_backup_is_due_once_its_time_has_passed_since_the_last(
    last: str | None, now: str, due: bool
) -> None:
    config = parse('[backup]\ndirectory = "/backups"\n', "test.toml")
    assert backup_due(config, parse_iso(last) if last else None, parse_iso(now)) is due
    assert not backup_due(parse("", "test.toml"), None, parse_iso(now))


def test_a_damaged_file_is_detected_and_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "wacrmd.db"
    with sqlite3.connect(path) as connection:
        schema = Path(__file__).parents[2] / "wacrmd/store/migrations/0001_initial.sql"
        connection.executescript(schema.read_text())
        connection.execute("PRAGMA application_id = 0x77616372")
        connection.execute("PRAGMA user_version = 1")
        connection.executemany(
            "INSERT INTO account_event (field, subject, detail, received_at) VALUES ('x', 'y', ?, 1)",
            [("z" * 900,)] * 200,
        )
    connection.close()
    assert integrity.check(path).problems == []
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size - 6 * 4096)
        file.write(b"\xff" * 4096)
    assert integrity.check(path).problems != []
    with pytest.raises(DatabaseUnusableError, match="is damaged"):
        backups.copy(path, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()
    (tmp_path / "other.db").write_text(
        "no database at all, but long enough to be read as a header of one" * 20
    )
    with pytest.raises(DatabaseUnusableError, match="cannot be read as a database"):
        integrity.check(tmp_path / "other.db")


def test_a_pipe_keeps_nobody_waiting_who_checks_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """In a directory of another user, root would wait for ever."""
    os.mkfifo(tmp_path / "wacrmd.db")
    config = tmp_path / "config.toml"
    config.write_text(
        f'[storage]\npath = "{tmp_path}/wacrmd.db"\n[admin]\nsocket = "{tmp_path}/admin.sock"\n'
    )
    for line in (["check-db", f"{tmp_path}/wacrmd.db"], ["--config", str(config), "doctor"]):
        assert main(line) in (1, 69)
        said = capfd.readouterr()
        assert "it is no plain file" in said.out + said.err


async def test_the_daily_backup_spares_the_files_of_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that has the name of an old daily backup, in the directory of the backups."""
    monkeypatch.setattr(periodic_jobs, "maintenance", lambda *_: [])
    clock, name = ShiftClock(), "wacrmd-20200101T000000Z.db"
    extra = f'[storage]\npath = "{tmp_path}/{name}"\n[backup]\ndirectory = "{tmp_path}"\nkeep = 1\n'
    async with site(tmp_path, clock=clock, extra=extra) as here:
        (tmp_path / ".wacrmd-20200102T000000Z.db.0123456789ab.partial").touch()
        job = DailyBackup(here.running.ctx)
        for _ in range(3):
            clock.advance(DAY)
            await job.run()
        await here.until_status(await here.send(people(3)), "sent")
    kept = [each for each in sorted(listing(tmp_path)) if each.endswith((".db", ".partial"))]
    assert (kept[0], len(kept)) == (name, 2)


def test_a_directory_that_vanishes_with_the_daemon_is_known(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "100 99 254:0 / / rw - ext4 /dev/vda rw\n"
        "101 100 254:0 /tmp/systemd-private-0a1b-wacrmd.service-x/tmp /tmp rw - ext4 /dev/vda rw\n"
        "102 100 0:30 / /var/tmp rw - tmpfs tmpfs rw\n"
    )
    assert private_directory(Path("/tmp/copy.db"), mounts) == "/tmp"
    assert private_directory(Path("/tmp/../tmp/x/copy.db"), mounts) == "/tmp"
    assert private_directory(Path("/var/tmp/copy.db"), mounts) is None
    assert private_directory(Path("/var/lib/wacrmd/copy.db"), mounts) is None
    assert private_directory(Path("/tmpfiles/copy.db"), mounts) is None
    assert private_directory(Path("/tmp/copy.db"), tmp_path / "none") is None
