"""Whole copies of the file: made while the daemon writes, checked, and put in place in one step."""

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from wacrmd.clock import Millis
from wacrmd.domain.hold import HoldReason
from wacrmd.errors import DatabaseUnusableError
from wacrmd.store.migrate import check_ours, schema_version

MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Check:
    """What a check of a file found; it is sound when there are no problems."""

    path: Path
    schema: int
    size: int
    """In bytes."""
    problems: list[str] = field(default_factory=list)


_RULES = {
    "a broadcast is finished though recipients of it wait": (
        "SELECT b.uuid FROM broadcast b WHERE b.status = 'sent' AND EXISTS (SELECT 1 FROM recipient r"
        " WHERE r.broadcast_id = b.id AND r.status IN ('pending', 'sending'))"
    ),
    "a broadcast has no recipients": (
        "SELECT b.uuid FROM broadcast b WHERE NOT EXISTS (SELECT 1 FROM recipient r WHERE r.broadcast_id = b.id)"
    ),
}
"""What the schema alone does not enforce, and a statement that finds what breaks it."""


def copy(
    source: Path,
    target: Path,
    *,
    overwrite: bool = False,
    prepare: Callable[[sqlite3.Connection], object] | None = None,
) -> Check:
    """Copy the database at `source`, which may be in use, to `target`: one file, mode 0600, checked.

    `prepare` may change the copy before it has its name; `target` appears whole or not at all. Raises
    FileExistsError unless `overwrite`, OSError for a target that cannot be written, DatabaseUnusableError for a
    source that is damaged.
    """
    if target.exists() and (not overwrite or target.samefile(source)):
        raise FileExistsError(target)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(6)}.partial")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        try:
            # One step: the chunked form starts over at each write of others and may never end.
            with _reader(source) as origin, _closing(sqlite3.connect(draft)) as made:
                origin.backup(made)
                made.execute("PRAGMA journal_mode = DELETE")
                if prepare is not None:
                    with made:
                        prepare(made)
        except sqlite3.Error as error:
            raise _unusable(source, error, draft) from error
        found = check(draft)
        if found.problems:
            raise DatabaseUnusableError(f"{source} is damaged: {found.problems[0]} (see wacrmd check-db)")
        _put(draft, target, overwrite=overwrite)
    finally:
        for leftover in (draft, *(draft.with_name(draft.name + end) for end in ("-journal", "-wal", "-shm"))):
            leftover.unlink(missing_ok=True)
    return Check(target, found.schema, target.stat().st_size)


def check(path: Path) -> Check:
    """Read a whole database, which may be in use, and look for damage.

    Raises DatabaseUnusableError for a file that is no database of ours or of a newer wacrmd.
    """
    if not path.exists():
        raise DatabaseUnusableError(f"{path} does not exist")
    try:
        with _reader(path) as connection:
            check_ours(connection, path)
            schema = schema_version(connection)
            if schema == 0:
                raise DatabaseUnusableError(f"{path} is not a database of wacrmd: it is empty")
            try:
                problems = _damage(connection) or _contradictions(connection)
            except sqlite3.DatabaseError as error:
                problems = [str(error)]
    except sqlite3.Error as error:
        raise _unusable(path, error, path) from error
    return Check(path, schema, path.stat().st_size, problems[:MOST_PROBLEMS])


def pause_unfinished(connection: sqlite3.Connection, detail: str, now: Millis) -> int:
    """Pause every broadcast that would send by itself; how many."""
    return connection.execute(
        "UPDATE broadcast SET status = 'paused', hold_reason = ?, hold_detail = ?, hold_since = ?, updated_at = ?"
        " WHERE status IN ('sending', 'scheduled')",
        (HoldReason.PAUSED_BY_OPERATOR, detail, now, now),
    ).rowcount


def _damage(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(f"PRAGMA integrity_check({MOST_PROBLEMS})")
    return [row[0] for row in rows if row[0] != "ok"]


def _contradictions(connection: sqlite3.Connection) -> list[str]:
    lost = [
        f"table {table}: row {row} refers to a missing row of {parent}"
        for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check")
    ]
    return lost + [
        f"{rule}: {name}" for rule, statement in _RULES.items() for (name,) in connection.execute(statement)
    ]


def _unusable(path: Path, error: sqlite3.Error, written: Path) -> Exception:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) and written != path:
        return OSError(f"{written.parent} is full: free some space or choose another place")
    damaged = "is damaged" if code == sqlite3.SQLITE_CORRUPT else "cannot be read as a database"
    return DatabaseUnusableError(f"{path} {damaged}: {error}")


def _put(draft: Path, target: Path, *, overwrite: bool) -> None:
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    if overwrite:
        draft.replace(target)
    else:
        target.hardlink_to(draft)  # fails where somebody made one meanwhile
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextmanager
def _reader(path: Path) -> Iterator[sqlite3.Connection]:
    with _closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


@contextmanager
def _closing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield connection
    finally:
        with suppress(sqlite3.Error):
            connection.close()
