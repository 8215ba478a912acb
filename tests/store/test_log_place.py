"""After a kill the newest writes are in a log beside the path that was used: no start by another path leaves them behind."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.clock import ShiftClock
from tests.support.fork_server import fork_server
from tests.support.patience import PATIENCE_S
from wacrmd.errors import DatabaseContentError
from wacrmd.store import backups
from wacrmd.store.database import Database, Tx

pytestmark = pytest.mark.anyio

WRITE_AND_DIE = """
import anyio, os, signal, sys
from pathlib import Path
from wacrmd.clock import SystemClock
from wacrmd.services.daemon_clock import DaemonClock
from wacrmd.store.database import Database

async def main():
    async with Database.open(Path(sys.argv[1]), DaemonClock(SystemClock())) as db:
        await db.write(lambda tx: tx.execute("INSERT INTO setting (key, value) VALUES ('written', 'yes')"))
        os.kill(os.getpid(), signal.SIGKILL)

anyio.run(main)
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with a write that is only in its log."""
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    path = tmp_path / "here" / "wacrmd.db"
    assert fork_server().run(WRITE_AND_DIE, path, timeout=PATIENCE_S).returncode == -signal.SIGKILL
    assert path.with_name("wacrmd.db-wal").stat().st_size > 0
    return path


def _has_write(tx: Tx) -> bool:
    return tx.execute("SELECT 1 FROM setting WHERE key = 'written'").fetchone() is not None


async def has_write(path: Path) -> bool:
    async with Database.open(path, ShiftClock()) as db:
        return await db.read(_has_write)


def hard_link(path: Path, there: Path) -> Path:
    (there / "same.db").hardlink_to(path)
    return there / "same.db"


def without_its_log(path: Path, there: Path) -> Path:
    return path.rename(there / "moved.db")


def same(path: Path, there: Path) -> Path:
    return path


def linked_file(path: Path, there: Path) -> Path:
    (there / "link.db").symlink_to(path)
    return there / "link.db"


def linked_directory(path: Path, there: Path) -> Path:
    (there / "link").symlink_to(path.parent)
    return there / "link" / path.name


def with_its_log(path: Path, there: Path) -> Path:
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).rename(there / f"moved.db{end}")
    return path.rename(there / "moved.db")


def with_its_directory(path: Path, there: Path) -> Path:
    return path.parent.rename(there / "moved") / path.name


@pytest.mark.parametrize("way", [hard_link, without_its_log])
async def test_a_path_that_does_not_lead_to_the_log_is_refused(
    database: Path, tmp_path: Path, way: Callable[[Path, Path], Path]
) -> None:
    path = way(database, tmp_path / "there")
    for _ in range(2):
        with pytest.raises(DatabaseContentError) as caught:
            await has_write(path)
        assert str(caught.value) == (
            f"the newest writes of {path} are in {database}-wal, because it was last used as {database}: move that file to"
            f" {path}-wal, or start with the path that was used"
        )
    if way is without_its_log:
        database.with_name("wacrmd.db-wal").rename(f"{path}-wal")
        assert await has_write(path)
    else:
        assert await has_write(database)
        assert await has_write(path), "after a clean end nothing is in the log"
        assert await has_write(database)


@pytest.mark.parametrize("way", [same, linked_file, linked_directory, with_its_log, with_its_directory])
async def test_a_path_that_leads_to_the_log_is_taken(
    database: Path, tmp_path: Path, way: Callable[[Path, Path], Path]
) -> None:
    path = way(database, tmp_path / "there")
    assert await has_write(path)
    assert await has_write(path)


async def test_a_copy_is_another_file(database: Path, tmp_path: Path) -> None:
    backups.copy(database, tmp_path / "there" / "backup.db")
    assert await has_write(tmp_path / "there" / "backup.db")
    shutil.copy2(database, tmp_path / "there" / "copied.db")
    assert not await has_write(tmp_path / "there" / "copied.db"), "what cp leaves out nobody can know"


async def test_another_file_at_the_path_that_was_used_has_a_log_of_its_own(
    database: Path, tmp_path: Path
) -> None:
    """Such as the original, if this one is in the copy of a whole disk."""
    path = with_its_log(database, tmp_path / "there")
    for end in ("", "-wal"):
        (tmp_path / "here" / f"wacrmd.db{end}").write_text("of another one")
    assert await has_write(path)
