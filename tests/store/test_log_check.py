"""A log that has lost committed writes after a kill stops the start, before SQLite forgets that there were any."""

import os
import re
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import ManualClock
from wacrmd.cli.main import main
from wacrmd.errors import DatabaseContentError, DatabaseUnusableError
from wacrmd.services.daemon_clock import DaemonClock
from wacrmd.store import log_check
from wacrmd.store.connection import open_writer
from wacrmd.store.database import Database
from wacrmd.store.log_check import lost_writes, remember_boot
from wacrmd.store.migrate import migrate
from wacrmd.store.outage import StorageError
from wacrmd.store.repair import NEWEST, RowsLostError, repair

pytestmark = pytest.mark.anyio

NOW = ManualClock().wall()
FRAME_BYTES = 24 + 4096


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database whose daemon was killed: some pages in it, newer ones in its log."""
    source, file = tmp_path / "source.db", tmp_path / "wacrmd.db"
    with closing(open_writer(source)) as connection:
        migrate(connection, source)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for name in range(20):
            connection.execute("INSERT INTO account (id, name, created_at) VALUES (?1, ?1, 1)", (str(name),))
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        for name in range(20, 50):
            connection.execute("INSERT INTO account (id, name, created_at) VALUES (?1, ?1, 1)", (str(name),))
        for end in ("", "-wal", "-shm"):
            shutil.copy(f"{source}{end}", f"{file}{end}")
    file.with_name("wacrmd.db.lock").touch()
    remember_boot(file)
    return file


def flip(log: Path) -> None:
    content = bytearray(log.read_bytes())
    content[32 + 40 * FRAME_BYTES + 2000] ^= 1
    log.write_bytes(content)


def cut_off(log: Path) -> None:
    os.truncate(log, 32 + 40 * FRAME_BYTES + 500)


def put_another(log: Path) -> None:
    content = bytearray(log.read_bytes())
    content[16:24] = b"another."
    log.write_bytes(content)


async def started(file: Path) -> list[str]:
    async with Database.open(file, DaemonClock(ManualClock())) as db:
        return [
            name for (name,) in await db.read(lambda tx: tx.execute("SELECT name FROM account").fetchall())
        ]


async def test_a_whole_log_is_taken(file: Path) -> None:
    assert lost_writes(file) is None
    assert len(await started(file)) == 50
    assert lost_writes(file) is None


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (flip, r"is damaged after 40 of \d+ writes"),
        (cut_off, r"is damaged after 40 of \d+ writes"),
        (put_another, r"is damaged after 0 of \d+ writes"),
        (Path.unlink, "is gone, which had the newest writes"),
    ],
)
async def test_lost_writes_stop_the_start_until_a_person_accepts_that(
    file: Path, harm: Callable[[Path], None], said: str
) -> None:
    log = file.with_name("wacrmd.db-wal")
    whole = log.read_bytes()
    harm(log)
    for _ in range(2):
        with pytest.raises(DatabaseContentError, match=said):
            await started(file)
        with pytest.raises(RowsLostError, match=said):
            repair(file, accept_loss=False, now=NOW)
    log.write_bytes(whole)
    assert lost_writes(file) is None, "nothing was changed"
    harm(log)
    done = repair(file, accept_loss=True, now=NOW)
    assert done.lost.rows == {NEWEST: None}
    assert len(await started(file)) < 50


async def test_who_looks_at_the_file_before_does_not_make_it_startable(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SQLite begins a new index when it opens the file, also to read."""
    file.with_name("wacrmd.db-wal").unlink()
    config = file.with_name("config.toml")
    config.write_text(f'[storage]\npath = "{file}"\n[admin]\nsocket = "{file.parent}/none.sock"\n')
    assert main(["check-db", str(file)]) == 1
    assert main(["--config", str(config), "doctor"]) == 69
    said = capsys.readouterr()
    assert "is gone, which had the newest writes" in said.err
    assert "is gone, which had the newest writes" in said.out
    with pytest.raises(DatabaseContentError, match="is gone"):
        await started(file)


async def test_after_a_restart_of_the_machine_the_index_of_the_log_is_not_believed(file: Path) -> None:
    """Nor is one whose run of the machine is not known. No clock is asked: it may have been set."""
    file.with_name("wacrmd.db-wal").unlink()
    for boot in ("", "6a9d9b66-4c4c-4f0e-9a9d-2f6f2f6a5c11\n"):
        file.with_name("wacrmd.db.lock").write_text(boot)
        assert lost_writes(file) is None
    await started(file)
    assert re.fullmatch(r"[0-9a-f]{32}\n", file.with_name("wacrmd.db.lock").read_text())


async def test_a_service_that_does_not_see_the_machine_is_told_its_run(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ProcSubset=pid` hides it; the unit names it by `%b`, without hyphens."""
    file.with_name("wacrmd.db-wal").unlink()
    monkeypatch.setattr(log_check, "_BOOT_ID", file / "hidden")
    assert lost_writes(file) is None
    monkeypatch.setenv("WACRMD_BOOT_ID", file.with_name("wacrmd.db.lock").read_text().strip())
    assert lost_writes(file) is not None


async def test_an_index_that_is_older_than_the_log_is_not_believed(file: Path) -> None:
    """As on a disk that was unplugged: the index is not synchronised, and the log has begun anew since."""
    index, log = file.with_name("wacrmd.db-shm"), file.with_name("wacrmd.db-wal")
    old = index.read_bytes()
    with closing(open_writer(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
        connection.execute("INSERT INTO account (id, name, created_at) VALUES ('new', 'new', 1)")
        newer = log.read_bytes()
    index.write_bytes(old)
    log.write_bytes(newer)
    assert lost_writes(file) is None
    assert "new" in await started(file)


async def test_a_start_that_ends_before_sqlite_opens_the_log_does_not_vouch_for_an_older_index(
    file: Path,
) -> None:
    """As after a power cut that the index survived better than the log, where something else stops the first start."""
    log = file.with_name("wacrmd.db-wal")
    file.with_name("wacrmd.db.lock").write_text("an earlier run\n")
    cut_off(log)
    content = log.read_bytes()
    log.unlink()
    log.mkdir()
    with pytest.raises((StorageError, DatabaseUnusableError)):
        await started(file)
    log.rmdir()
    log.write_bytes(content)
    assert lost_writes(file) is None
    assert len(await started(file)) < 50


async def test_a_daemon_that_stops_while_one_looks_has_lost_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite writes the log to the file and removes both, after the index was read and before the log is."""
    look = log_check._whole_frames

    def stopped(*arguments: Any) -> int:
        file.with_name("wacrmd.db-shm").unlink()
        file.with_name("wacrmd.db-wal").unlink()
        return look(*arguments)

    monkeypatch.setattr(log_check, "_whole_frames", stopped)
    assert lost_writes(file) is None


async def test_a_log_that_cannot_be_read_is_left_to_sqlite(file: Path) -> None:
    log = file.with_name("wacrmd.db-wal")
    log.unlink()
    log.mkdir()
    assert lost_writes(file) is None
    with pytest.raises((StorageError, DatabaseUnusableError)):
        await started(file)
