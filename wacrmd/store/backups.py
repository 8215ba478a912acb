"""Backups: checked copies of the database file, made while the daemon writes; each appears complete or not at all."""

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from shutil import copyfileobj

from wacrmd.errors import DatabaseUnusableError
from wacrmd.store import integrity
from wacrmd.store.connection import open_reader
from wacrmd.store.integrity import IntegrityReport

PARTS = ("", "-wal", "-journal")
"""The files that a database can have its content in, by what follows its name."""
PIECE_BYTES = 1 << 20


Prepare = Callable[[sqlite3.Connection], object]
"""Changes a copy, before it gets its name."""


def copy(
    source: Path, target: Path, *, overwrite: bool = False, prepare: Prepare | None = None
) -> IntegrityReport:
    """Copy the database at `source`, which may be in use, to `target`: one file, mode 0600, checked.

    `target` appears complete or not at all. Raises FileExistsError unless `overwrite`, OSError for a target that
    cannot be written, DatabaseUnusableError for a source that is damaged.
    """
    if target.exists() and (not overwrite or target.samefile(source)):
        raise FileExistsError(target)
    with _partial(target) as partial:
        _copy_content(source, partial, prepare)
        report = _sound(partial, source)
        _publish(partial, target, overwrite=overwrite)
    return IntegrityReport(target, report.schema, target.stat().st_size)


def restore(parts: Mapping[str, int], source: Path, target: Path, prepare: Prepare) -> IntegrityReport:
    """Make the database `target` of a backup, whose files are open: descriptors by what follows its name (`PARTS`).

    `source` is what the backup is called in messages. Raises as `copy`.
    """
    with _partial(target) as partial:
        for end, descriptor in parts.items():
            with open(descriptor, "rb", closefd=False) as part, _beside(partial, end).open("wb") as written:
                copyfileobj(part, written, PIECE_BYTES)
        try:
            with closing(sqlite3.connect(partial)) as restored:
                restored.execute("PRAGMA journal_mode = DELETE")  # takes in what its -wal or -journal has
        except sqlite3.Error as error:
            raise integrity.unusable(source, error) from error
        report = _sound(partial, source)
        with closing(sqlite3.connect(partial)) as restored, restored:
            prepare(restored)
        _publish(partial, target, overwrite=False)
    return IntegrityReport(target, report.schema, target.stat().st_size)


@contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """An empty file of mode 0600 beside `target`, which only this process knows; it is gone after the block."""
    partial = target.with_name(f".{target.name}.{secrets.token_hex(6)}.partial")
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        yield partial
    finally:
        for end in (*PARTS, "-shm"):
            _beside(partial, end).unlink(missing_ok=True)


def _beside(file: Path, end: str) -> Path:
    return file.with_name(file.name + end)


def _sound(partial: Path, source: Path) -> IntegrityReport:
    """The report on a copy of `source` that has no damage. Raises DatabaseUnusableError for another one."""
    report = integrity.check(partial, name=source)
    if report.problems:
        raise DatabaseUnusableError(f"{source} is damaged: {report.problems[0]} (see wacrmd check-db)")
    return report


def _copy_content(source: Path, target: Path, prepare: Prepare | None) -> None:
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
