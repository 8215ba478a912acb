"""Backups: checked copies of the database file, made while the daemon writes; each appears complete or not at all."""

import errno
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from shutil import copyfileobj

from wacrmd.errors import DatabaseDamagedError, DatabaseUnusableError
from wacrmd.new_file import NewFile, new_file
from wacrmd.store import integrity
from wacrmd.store.connection import open_reader
from wacrmd.store.disk_usage import disk_usage
from wacrmd.store.integrity import IntegrityReport

PARTS = ("", "-wal", "-journal")
"""The files that a database can have its content in, by what follows its name."""
PIECE_BYTES = 1 << 20

Prepare = Callable[[sqlite3.Connection], object]
"""Changes a copy, before it gets its name."""


def copy(
    source: Path,
    target: Path,
    *,
    overwrite: bool = False,
    prepare: Prepare | None = None,
    publishing: Callable[[], object] = lambda: None,
) -> IntegrityReport:
    """Copy the database at `source`, which may be in use, to `target`: one file, mode 0600, checked.

    `target` appears complete or not at all; `publishing` is called just before. Raises FileExistsError unless
    `overwrite`, OSError for a target that cannot be written, DatabaseUnusableError for a source that is damaged.
    """
    if os.path.lexists(target) and not overwrite:
        raise FileExistsError(target)
    with new_database(target) as made:
        report = _copied(source, made.path, prepare)
        publishing()
        made.publish(overwrite=overwrite)
    return IntegrityReport(target, report.schema, report.size_bytes)


def copy_into(source: Path, descriptor: int, *, prepare: Prepare | None = None) -> IntegrityReport:
    """Like `copy`, into an empty file that the caller has open. Raises OSError too if the file lost its name meanwhile.

    SQLite writes only by name: the copy is made and checked beside the source, where it needs as much space again.
    Raises DatabaseUnusableError if that is missing there.
    """
    had_name, usage = os.fstat(descriptor).st_nlink > 0, disk_usage(source)
    if usage.free is not None and usage.free < usage.database + usage.wal:
        needed = usage.database + usage.wal
        raise _no_room(source, f"{usage.free >> 20} MiB are free, {(needed >> 20) + 1} MiB are needed")
    with ExitStack() as stack:
        try:
            made = stack.enter_context(new_database(source.with_name(f"{source.name}.copy")))
            report = _copied(source, made.path, prepare)
        except OSError as error:
            raise _no_room(source, error.strerror or str(error)) from error
        with (
            open(made.descriptor, "rb", closefd=False) as whole,
            open(descriptor, "wb", closefd=False) as file,
        ):
            copyfileobj(whole, file, PIECE_BYTES)
        os.fsync(descriptor)
    if had_name and not os.fstat(descriptor).st_nlink:
        raise FileNotFoundError(errno.ENOENT, "it was removed meanwhile")  # the caller has given up
    return report


def _no_room(source: Path, reason: str) -> DatabaseUnusableError:
    return DatabaseUnusableError(
        f"{source.parent}, where the copy is while it is made, has too little space for it ({reason}): free some"
    )


def restore(parts: Mapping[str, int], source: Path, target: Path, prepare: Prepare) -> IntegrityReport:
    """Make the database `target` of a backup, whose files are open: descriptors by what follows its name (`PARTS`).

    `source` is what the backup is called in messages. Raises as `copy`.
    """
    with new_database(target) as made:
        for end, descriptor in parts.items():
            with open(descriptor, "rb", closefd=False) as part, beside(made.path, end).open("wb") as written:
                copyfileobj(part, written, PIECE_BYTES)
        try:
            with closing(sqlite3.connect(made.path)) as restored:
                restored.execute("PRAGMA journal_mode = DELETE")  # takes in what its -wal or -journal has
        except sqlite3.Error as error:
            raise integrity.unusable(source, error) from error
        report = _sound(made.path, source)
        with closing(sqlite3.connect(made.path)) as restored, restored:
            prepare(restored)
        made.publish(overwrite=False)
        size = os.fstat(made.descriptor).st_size
    return IntegrityReport(target, report.schema, size)


def remove_partial(directory: Path, name: str) -> None:
    """Remove what is left of copies that were cut off; `name` is a pattern of their names. Only while none is made."""
    left = re.compile(rf"\.{name}(\.copy)?\.[0-9a-f]{{12}}\.partial(-[a-z]+)?")
    for file in directory.iterdir():
        if left.fullmatch(file.name):
            file.unlink(missing_ok=True)


@contextmanager
def new_database(target: Path) -> Iterator[NewFile]:
    """A new database file: `new_file`, without what SQLite leaves beside it."""
    with new_file(target) as made:
        try:
            yield made
        finally:
            for end in (*PARTS[1:], "-shm"):
                beside(made.path, end).unlink(missing_ok=True)


def beside(file: Path, end: str) -> Path:
    """The file that belongs to a database, by what follows its name."""
    return file.with_name(file.name + end)


def _copied(source: Path, partial: Path, prepare: Prepare | None) -> IntegrityReport:
    """Copy the content, and check it; the report. Raises as `copy`."""
    try:
        # In one step: with `pages` SQLite starts again at each write of another connection and may never finish.
        with closing(open_reader(source)) as origin, closing(sqlite3.connect(partial)) as copied:
            origin.backup(copied)
            copied.execute("PRAGMA journal_mode = DELETE")
            if prepare is not None:
                with copied:
                    prepare(copied)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise OSError(f"{partial.parent} is full: free some space or choose another place") from error
        raise integrity.unusable(source, error) from error
    return _sound(partial, source)


def _sound(partial: Path, source: Path) -> IntegrityReport:
    """The report on a copy of `source` that has no damage. Raises DatabaseDamagedError for another one."""
    report = integrity.check(partial, name=source)
    if report.problems:
        raise DatabaseDamagedError(f"{source} is damaged: {report.problems[0]} (see wacrmd check-db)")
    return report
