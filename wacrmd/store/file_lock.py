"""The lock that keeps a second daemon from a database, and the mode of a new database file."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from wacrmd.errors import DatabaseInUseError, DatabaseUnusableError


def lock_database(path: Path) -> int:
    """Lock the database for this process; returns the descriptor that holds the lock until it is closed.

    The lock is on a file of its own, because closing any descriptor of the database would drop SQLite's POSIX locks.
    Raises DatabaseInUseError when another process has the lock, DatabaseUnusableError when the file cannot be made.
    """
    lock = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseUnusableError(
            f"{lock} cannot be opened ({error.strerror}): the directory must exist and belong to the daemon's user"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise DatabaseInUseError(
            f"another wacrmd already uses {path}: stop it first, or set another [storage] path"
        ) from error
    return descriptor


def create_private(path: Path) -> None:
    """Create a missing database file with mode 0600, because it holds phone numbers; SQLite's WAL gets the same mode.

    Must run before SQLite opens the file, because closing a descriptor of it later would drop SQLite's locks.
    """
    with suppress(OSError):  # it exists, or SQLite's own error will say why it cannot be made
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
