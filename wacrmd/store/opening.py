"""Opening the database file: what stops a start for good, and what may end by itself."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from wacrmd.errors import DatabaseContentError, DatabaseUnusableError, WacrmdError
from wacrmd.store.disk_usage import disk_usage
from wacrmd.store.file_lock import lock_database
from wacrmd.store.outage import BROKEN_DISK, FULL, NO_FILES, StorageError, advice_of, is_damage

_LATER = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""Errors of the disk that may end by themselves."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """`lock_database` for a daemon; raises StorageError if the disk is why the lock cannot be had now."""
    with ExitStack() as stack:
        try:
            stack.enter_context(lock_database(path, create=True))
        except DatabaseUnusableError as error:
            raise postponed(error) or error from error.__cause__
        yield


def postponed(error: WacrmdError) -> StorageError | None:
    """The error of a start that is to be tried again, where the disk is why a file cannot be opened or made now."""
    cause = error.__cause__
    return StorageError(str(error)) if isinstance(cause, OSError) and cause.errno in _LATER else None


def check_not_lost(path: Path) -> None:
    """Raise DatabaseContentError where a database was in use and is empty or gone: a new one would be made in its place.

    A start that is killed while it makes the file has made neither the key nor a write-ahead log yet.
    """
    if path.exists() and not path.stat().st_size and Path(f"{path}.key").exists():
        raise DatabaseContentError(
            f"{path} is damaged (it is empty, and its key is there): restore a backup with wacrmd restore; to begin"
            " anew, move it away"
        )
    log = Path(f"{path.resolve()}-wal")
    if not path.exists() and log.exists() and log.stat().st_size:
        raise DatabaseContentError(
            f"{path} is missing, and its newest writes are there, in {log}: put it back; to restore a backup or to begin"
            " anew, move that file away first"
        )


def unopened(path: Path, error: sqlite3.Error) -> StorageError | DatabaseUnusableError:
    """Why the file cannot be opened, and whether it may be opened later."""
    if is_damage(error):
        return DatabaseContentError(f"{path} is damaged ({error}): run wacrmd repair, or restore a backup")
    advice = advice_of(error)
    code = error.sqlite_errorcode
    usage = disk_usage(path)
    if code == sqlite3.SQLITE_IOERR_SHMSIZE and not usage.is_full:  # SQLite knows no other error of that file
        advice = BROKEN_DISK
    if code & 0xFF == sqlite3.SQLITE_CANTOPEN:
        later = FULL if usage.is_full else NO_FILES if usage.free_files == 0 else None
        return StorageError(later) if later else DatabaseUnusableError(f"{path} cannot be used: {advice}")
    if advice is None:  # a statement of a migration that fails will fail again
        return DatabaseUnusableError(f"{path} cannot be used: {error}")
    return StorageError(advice)
