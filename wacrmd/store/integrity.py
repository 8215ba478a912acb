"""Integrity checks of a database file while the daemon uses it: complete, or limited in time."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from wacrmd.errors import DatabaseUnusableError
from wacrmd.store.connection import open_reader
from wacrmd.store.migrate import check_compatible, schema_version

MAX_PROBLEMS = 20
"""Problems that a report lists at most."""

_INSTRUCTIONS_PER_CLOCK_READ = 100_000
"""How many instructions SQLite's virtual machine runs between two reads of the clock."""

_RULES = {
    "a broadcast is finished though recipients of it wait": (
        "SELECT b.uuid FROM broadcast b WHERE b.status = 'sent' AND EXISTS (SELECT 1 FROM recipient r"
        " WHERE r.broadcast_id = b.id AND r.status IN ('pending', 'sending'))"
    ),
    "a broadcast has no recipients": (
        "SELECT b.uuid FROM broadcast b WHERE NOT EXISTS (SELECT 1 FROM recipient r WHERE r.broadcast_id = b.id)"
    ),
    "the kept counts of a broadcast are not those of its recipients": (
        "SELECT b.uuid FROM broadcast b WHERE b.counts_revision = b.revision AND (b.counts -> 'by_status' IS NOT"
        " (SELECT json_group_object(status, number) FROM (SELECT r.status, count(*) AS number FROM recipient r"
        " WHERE r.broadcast_id = b.id GROUP BY r.status ORDER BY r.status))"
        " OR b.counts -> 'by_button' IS NOT"
        " (SELECT json_group_object(button, number) FROM (SELECT r.button, count(*) AS number FROM button_reply r"
        " WHERE r.broadcast_id = b.id GROUP BY r.button ORDER BY r.button))"
        " OR b.counts -> 'held' IS NOT (SELECT json_group_array(json_array(held, number, since)) FROM"
        " (SELECT r.held, count(*) AS number, min(r.sent_at) AS since FROM recipient r"
        " WHERE r.broadcast_id = b.id AND r.held IS NOT NULL GROUP BY r.held ORDER BY r.held))"
        " OR b.counts -> 'billed' IS NOT (SELECT json_group_array(json_array(category, type, number)) FROM"
        " (SELECT p.category, p.type, count(*) AS number FROM recipient r JOIN pricing p ON p.id = r.pricing_id"
        " WHERE r.broadcast_id = b.id GROUP BY p.category, p.type ORDER BY p.category, p.type)))"
    ),
}
"""Rules that the schema cannot enforce, each with a statement that finds the rows that break it."""


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """The result of a check; `problems` is empty for an undamaged file."""

    path: Path
    schema: int
    size_bytes: int
    problems: list[str] = field(default_factory=list)


def check(path: Path, name: Path | None = None) -> IntegrityReport:
    """Read a whole database, which may be in use, and look for damage; `name` is what errors call it.

    Runs in the caller's thread. Raises DatabaseUnusableError for a file of another program, or of a
    newer wacrmd.
    """
    if not path.exists():
        raise DatabaseUnusableError(f"{path} does not exist")
    try:
        with closing(open_reader(path)) as connection:
            check_compatible(connection, name or path)
            schema = schema_version(connection)
            if schema == 0:
                raise DatabaseUnusableError(f"{name or path} is not a database of wacrmd: it is empty")
            try:
                problems = _damage(connection) or _contradictions(connection)
            except sqlite3.DatabaseError as error:
                problems = [str(error)]
    except sqlite3.Error as error:
        raise unusable(name or path, error) from error
    return IntegrityReport(path, schema, path.stat().st_size, problems[:MAX_PROBLEMS])


def quick_check(path: Path, within_s: float) -> list[str] | None:
    """The damage that SQLite's quick check finds, [] for none; None when it took longer than `within_s`.

    Runs in the caller's thread, on its own connection. Raises sqlite3.Error for a file that cannot be read.
    """
    deadline = time.monotonic() + within_s
    with closing(open_reader(path)) as connection:
        connection.set_progress_handler(
            lambda: int(time.monotonic() > deadline), _INSTRUCTIONS_PER_CLOCK_READ
        )
        try:
            return _lines(connection, f"PRAGMA quick_check({MAX_PROBLEMS})")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return None
            raise


def unusable(path: Path, error: sqlite3.Error) -> DatabaseUnusableError:
    """The error that says whether the file is damaged or no database at all."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    problem = "is damaged" if code == sqlite3.SQLITE_CORRUPT else "cannot be read as a database"
    return DatabaseUnusableError(f"{path} {problem}: {error}")


def _damage(connection: sqlite3.Connection) -> list[str]:
    return _lines(connection, f"PRAGMA integrity_check({MAX_PROBLEMS})")


def _lines(connection: sqlite3.Connection, pragma: str) -> list[str]:
    """The lines that a check returns, without the one that says all is well."""
    return [str(line) for (line,) in connection.execute(pragma) if line != "ok"]


def _contradictions(connection: sqlite3.Connection) -> list[str]:
    missing = [
        f"table {table}: row {row} refers to a missing row of {parent}"
        for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check")
    ]
    return missing + [
        f"{rule}: {name}" for rule, statement in _RULES.items() for (name,) in connection.execute(statement)
    ]
