"""One database, one process, whatever path leads to it; the other process is named, and a dead one blocks nobody."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.clock import ShiftClock
from wacrmd.errors import DatabaseInUseError, DatabaseUnusableError
from wacrmd.store.database import Database
from wacrmd.store.file_lock import lock_database

HOLD = """
import sys
from pathlib import Path
from wacrmd.store.file_lock import lock_database
with lock_database(Path(sys.argv[1]), create=True):
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lock of `path`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here" / "wacrmd.db"


def same(path: Path) -> Path:
    return path


def linked_file(path: Path) -> Path:
    link = path.parent.parent / "link.db"
    link.symlink_to(path)
    return link


def linked_directory(path: Path) -> Path:
    link = path.parent.parent / "link"
    link.symlink_to(path.parent)
    return link / path.name


def hard_link(path: Path) -> Path:
    other = path.parent.parent / "other"
    other.mkdir()
    (other / "same.db").hardlink_to(path)
    return other / "same.db"


def relative(path: Path) -> Path:
    return Path(os.path.relpath(path))


def moved(path: Path) -> Path:
    return path.rename(path.parent.parent / "moved.db")


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("way", [same, linked_file, linked_directory, hard_link, relative, moved])
def test_a_second_process_is_refused_on_every_way_to_the_file(
    database: Path, way: Callable[[Path], Path]
) -> None:
    with holder(database) as other:
        path = way(database)
        with pytest.raises(DatabaseInUseError) as caught, lock_database(path, create=True):
            pass
    said = str(caught.value)
    assert said.startswith(f"{path} is in use by another wacrmd (process {other.pid}, started 20")
    assert "-c '" in said
    assert "from wacrmd.store.file_lock import lock_database" in said
    assert said.endswith("): stop it first, or set another [storage] path")
    assert "\n" not in said
    assert len(said) < 500


def test_the_place_of_a_file_that_was_moved_away_stays_locked(database: Path) -> None:
    """Otherwise a backup could be restored there while the daemon goes on with the file that was moved."""
    with holder(database):
        database.rename(database.with_name("away.db"))
        with pytest.raises(DatabaseInUseError, match="process"), lock_database(database, create=False):
            pass
        assert not database.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_second_process_is_refused_through_a_bind_mount(database: Path, tmp_path: Path) -> None:
    """Of the file alone, and of its directory; in a mount namespace that ends with the process."""
    (tmp_path / "bound").mkdir()
    (tmp_path / "bound.db").touch()
    script = (
        "mount --bind {source} {target} && exec {python} -c "
        "'import sys; from pathlib import Path; from wacrmd.store.file_lock import lock_database\n"
        "with lock_database(Path(sys.argv[1]), create=True): pass' {path}"
    )
    with holder(database) as other:
        for source, target, path in (
            (database, tmp_path / "bound.db", tmp_path / "bound.db"),
            (database.parent, tmp_path / "bound", tmp_path / "bound" / database.name),
        ):
            command = script.format(source=source, target=target, path=path, python=sys.executable)
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-c", command], check=False, capture_output=True, text=True
            )
            if "unshare failed" in done.stderr or "permission denied" in done.stderr:
                pytest.skip("mounting is not allowed here")
            assert f"{path} is in use by another wacrmd (process {other.pid}, " in done.stderr


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_ends_with_its_process(database: Path, end: signal.Signals) -> None:
    with holder(database) as other:
        other.send_signal(end)
        other.wait()
        for _ in range(2):
            with lock_database(database, create=True):
                pass


def test_a_stopped_process_still_has_the_lock(database: Path) -> None:
    with holder(database) as other:
        other.send_signal(signal.SIGSTOP)
        with pytest.raises(DatabaseInUseError, match=f"process {other.pid}"), lock_database(database):
            pass


def test_a_child_of_the_process_does_not_keep_the_lock(database: Path) -> None:
    with lock_database(database, create=True):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        with lock_database(database):
            pass
    finally:
        child.kill()
        child.wait()


def test_a_missing_file_is_created_for_its_owner_alone_if_asked_for(database: Path) -> None:
    with lock_database(database):
        assert not database.exists()
    with lock_database(database, create=True):
        assert database.stat().st_mode & 0o777 == 0o600


def test_a_directory_that_is_missing_is_explained(tmp_path: Path) -> None:
    with (
        pytest.raises(DatabaseUnusableError, match="the directory must exist, and both must"),
        lock_database(tmp_path / "none" / "wacrmd.db", create=True),
    ):
        pass


def test_the_lock_file_is_never_opened_through_a_link(database: Path, tmp_path: Path) -> None:
    """Root locks a file in a directory of another user, who could lead it to any file."""
    database.with_name("wacrmd.db.lock").symlink_to(tmp_path / "victim")
    with (
        pytest.raises(DatabaseUnusableError, match=r"wacrmd\.db\.lock cannot be opened"),
        lock_database(database),
    ):
        pass
    assert not (tmp_path / "victim").exists()


@pytest.mark.anyio
@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "PRAGMA journal_mode = DELETE"])
async def test_sqlite_keeps_its_own_locks_while_the_database_is_open(database: Path, statement: str) -> None:
    """Closing a descriptor of the file would drop them, and another program could then damage it."""
    script = f"import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('{statement}')"

    def by_another_program(tx: sqlite3.Connection) -> str:
        tx.execute("INSERT INTO setting (key, value) VALUES ('a', 'b')")
        command = [sys.executable, "-c", script, str(database)]
        return subprocess.run(command, check=False, capture_output=True, text=True).stderr

    async with Database.open(database, ShiftClock()) as opened:
        with pytest.raises(DatabaseInUseError):
            async with Database.open(database, ShiftClock()):
                pass
        assert "database is locked" in await opened.write(by_another_program)
