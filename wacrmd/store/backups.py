"""Backups: checked copies of the database file, made while the daemon writes; each appears complete or not at all."""

import os
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from wacrmd.errors import DatabaseUnusableError
from wacrmd.store import integrity
from wacrmd.store.connection import open_reader
from wacrmd.store.integrity import IntegrityReport


def copy(
    source: Path,
    target: Path,
    *,
    overwrite: bool = False,
    prepare: Callable[[sqlite3.Connection], object] | None = None,
) -> IntegrityReport:
    """Copy the database at `source`, which may be in use, to `target`: one file, mode 0600, checked.

    `prepare` may change the copy before it gets its name; `target` appears complete or not at all. Raises
    FileExistsError unless `overwrite`, OSError for a target that cannot be written, DatabaseUnusableError for a
    source that is damaged.
    """
    if target.exists() and (not overwrite or target.samefile(source)):
        raise FileExistsError(target)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(6)}.partial")
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        _copy_content(source, partial, prepare)
        report = integrity.check(partial)
        if report.problems:
            raise DatabaseUnusableError(f"{source} is damaged: {report.problems[0]} (see wacrmd check-db)")
        _publish(partial, target, overwrite=overwrite)
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            partial.with_name(partial.name + suffix).unlink(missing_ok=True)
    return IntegrityReport(target, report.schema, target.stat().st_size)


def _copy_content(source: Path, target: Path, prepare: Callable[[sqlite3.Connection], object] | None) -> None:
    try:
        # In one step: with `pages` SQLite starts again at each write of another connection and may never finish.
        with closing(open_reader(source)) as origin, closing(sqlite3.connect(target)) as copied:
            origin.backup(copied)
            copied.execute("PRAGMA journal_mode = DELETE")
            if prepare is not None:
                with copied:
                    prepare(copied)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise OSError(f"{target.parent} is full: free some space or choose another place") from error
        raise integrity.unusable(source, error) from error


def _publish(partial: Path, target: Path, *, overwrite: bool) -> None:
    """Give the finished copy its name, durably; raises FileExistsError if a file of that name has appeared."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    if overwrite:
        partial.replace(target)
    else:
        target.hardlink_to(partial)
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
