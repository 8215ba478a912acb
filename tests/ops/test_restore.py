"""`wacrmd restore` puts a backup in place, the daemon continues from it, and no file is overwritten."""

import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import ShiftClock
from tests.support.site import people, site
from wacrmd.cli.main import main
from wacrmd.clock import HOUR, iso
from wacrmd.domain.user import Role
from wacrmd.store import login_sessions
from wacrmd.store.file_lock import lock_database

pytestmark = pytest.mark.anyio


def config_file(folder: Path, database: Path) -> Path:
    file = folder / "config.toml"
    file.write_text(f'[storage]\npath = "{database}"\n')
    return file


@pytest.mark.exhaustive(only=True)
async def test_a_restored_site_has_all_data_and_sends_nothing_until_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Back up during a broadcast, finish it, delete the file, restore, start: the broadcast is paused."""
    backup, old = tmp_path / "backup.db", tmp_path / "old"
    old.mkdir()
    clock = ShiftClock()
    async with site(old, clock=clock) as here:
        broadcast_id = await here.send(people(40))
        await here.until_status(broadcast_id, "sent")
        waiting = await here.send(people(20, start=500), scheduled_at=iso(clock.now() + HOUR))
        session: dict[str, Any] = {
            "hashed": b"cookie",
            "uid": 0,
            "name": "root",
            "role": Role.ADMIN,
            "now": clock.wall(),
        }
        await here.running.ctx.db.write(partial(login_sessions.begin_by_link, **session))
        await here.admin("backup", file=str(backup))
        clock.advance(2 * HOUR)
        await here.until_status(waiting, "sent")
    new = tmp_path / "new"
    new.mkdir()
    key = old / "wacrmd.db.key"
    (new / "wacrmd.db.key").touch(mode=0o600)
    (new / "wacrmd.db.key").write_bytes(key.read_bytes())
    config = config_file(tmp_path, new / "wacrmd.db")
    assert main(["restore", str(backup), "--config", str(config)]) == 0
    assert "Paused: 1 unfinished broadcast, see" in capsys.readouterr().err
    async with site(new, clock=clock) as here:
        assert (await here.show(broadcast_id))["sent_count"] == 40
        held = await here.show(waiting)
        assert (held["status"], held["pending_count"]) == ("paused", 20)
        assert "Restored from backup.db" in held["hold"]["detail"]
        found = await here.running.ctx.db.read(
            partial(login_sessions.find, hashed=b"cookie", now=clock.wall())
        )
        assert found is None, "who has logged out since is not known"
        await here.running.scheduler.passed.wait()
        await here.running.scheduler.passed.wait()
        assert here.sim.ledger.counts()["total"] == 0
        await here.admin("broadcast.resume", id=waiting)
        done = await here.until_status(waiting, "sent")
        assert done["sent_count"] == 20


def test_restore_refuses_to_overwrite_and_checks_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "wacrmd.db"
    config = config_file(tmp_path, database)
    schema = (Path(__file__).parents[2] / "wacrmd/store/migrations/0001_initial.sql").read_text()

    def make(file: Path, application_id: int, version: int) -> Path:
        with sqlite3.connect(file) as connection:
            connection.executescript(schema)
            connection.execute(f"PRAGMA application_id = {application_id}")
            connection.execute(f"PRAGMA user_version = {version}")
        connection.close()
        return file

    good = make(tmp_path / "good.db", 0x77616372, 1)
    foreign = make(tmp_path / "foreign.db", 0x1234, 1)
    newer = make(tmp_path / "newer.db", 0x77616372, 9999)
    for file, sentence in (
        (foreign, "is not a database of wacrmd"),
        (newer, "has schema 9999"),
        (config, "cannot be read as a database"),
    ):
        assert main(["restore", str(file), "--config", str(config)]) == 1
        assert sentence in capsys.readouterr().err
        assert not database.exists()
    assert main(["restore", str(good), "--config", str(config)]) == 0
    before = database.read_bytes()
    assert main(["restore", str(good), "--config", str(config)]) == 1
    assert f"{database} exists and is not overwritten: move it away first" in capsys.readouterr().err
    assert database.read_bytes() == before
    database.rename(tmp_path / "away.db")
    with lock_database(database):
        assert main(["restore", str(good), "--config", str(config)]) == 75


def test_a_backup_can_be_checked_without_a_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.db"
    bad.write_bytes(b"SQLite format 3\0" + bytes(5000))
    assert main(["check-db", str(bad)]) == 1
    assert "cannot be read as a database" in capsys.readouterr().err
