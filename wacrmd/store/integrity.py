"""The full check of a database file, which may be in use, and its last result."""

import json
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from wacrmd.clock import Millis
from wacrmd.errors import DatabaseDamagedError, DatabaseUnusableError
from wacrmd.store.check_run import CheckRun
from wacrmd.store.damage import MAX_PROBLEMS, Damage, examine
from wacrmd.store.migrate import check_compatible, schema_version
from wacrmd.store.outage import advice_of

_RULES = {
    "a broadcast is finished though recipients of it wait": (
        "SELECT b.uuid FROM broadcast b WHERE b.status = 'sent' AND EXISTS (SELECT 1 FROM recipient r"
        " WHERE r.broadcast_id = b.id AND r.status IN ('pending', 'sending'))"
    ),
    "a broadcast has no recipients": (
        "SELECT b.uuid FROM broadcast b WHERE b.status != 'draft'"
        " AND NOT EXISTS (SELECT 1 FROM recipient r WHERE r.broadcast_id = b.id)"
    ),
    "a draft that waits, or one that was sent, has the wrong status": (
        "SELECT b.uuid FROM broadcast b LEFT JOIN draft d ON d.broadcast_id = b.id"
        " WHERE (b.status = 'draft') != coalesce(d.state != 'sent', 0)"
    ),
    "a draft that nobody has sent has recipients": (
        "SELECT b.uuid FROM draft d JOIN broadcast b ON b.id = d.broadcast_id WHERE d.state IN"
        " ('editing', 'checking', 'checked')"
        " AND EXISTS (SELECT 1 FROM recipient r WHERE r.broadcast_id = b.id)"
    ),
    "messages of a broadcast are missing in what it costs": (
        "SELECT b.uuid FROM broadcast b WHERE (SELECT count(*) FROM recipient r WHERE r.broadcast_id = b.id"
        " AND r.pricing_id IS NOT NULL) > (SELECT coalesce(sum(count), 0) FROM billed_broadcast WHERE broadcast_id = b.id)"
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
_UNOPENED = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_FULL,
}
"""Errors that say nothing of what is in the file, but of its permissions, its disk or another program."""


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """The result of a check; `problems` is empty for an undamaged file."""

    path: Path
    schema: int
    size_bytes: int
    problems: list[str] = field(default_factory=list)
    damage: Damage = field(default_factory=Damage)
    """What SQLite cannot read; rows that contradict each other are `problems` only."""


@dataclass(frozen=True, slots=True)
class LastCheck:
    """When the file was last checked whole, how long that took, and what was found."""

    at: Millis
    duration_ms: Millis
    problems: list[str]


def check(path: Path, name: Path | None = None) -> IntegrityReport:
    """Read a whole database and look for damage, in the caller's thread; raises as `check_whole`."""
    if not path.exists():
        raise DatabaseUnusableError(f"{path} does not exist")
    try:
        with CheckRun(path) as run:
            return check_whole(run, name)
    except sqlite3.Error as error:
        raise unusable(name or path, error) from error


def check_whole(run: CheckRun, name: Path | None = None) -> IntegrityReport:
    """Read a whole database and look for damage; `name` is what errors call it.

    Raises DatabaseUnusableError for a file of another program, of a newer wacrmd, or that cannot be read at all, and
    CheckEndedError.
    """
    name = name or run.path
    try:
        check_compatible(run.connection, name)
        schema = schema_version(run.connection)
        if schema == 0:
            raise DatabaseUnusableError(f"{name} is not a database of wacrmd: it is empty")
        damage = examine(run)
        problems = damage.problems or _contradictions(run)
    except sqlite3.Error as error:
        raise unusable(name, error) from error
    return IntegrityReport(run.path, schema, run.path.stat().st_size, problems[:MAX_PROBLEMS], damage)


def unusable(path: Path, error: sqlite3.Error) -> DatabaseUnusableError:
    """The error that says whether the file is damaged or no database at all."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_CORRUPT:
        return DatabaseDamagedError(f"{path} is damaged ({error}): run wacrmd repair, or restore a backup")
    if is_unopened(error):
        return DatabaseUnusableError(f"{path} cannot be read now: {advice_of(error)}")
    return DatabaseUnusableError(f"{path} cannot be read as a database: {error}")


def is_unopened(error: sqlite3.Error) -> bool:
    """Whether the error says nothing of what is in the file."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNOPENED


def last_check(tx: sqlite3.Connection) -> LastCheck | None:
    """The last full check; None if there was none."""
    row = tx.execute("SELECT value FROM setting WHERE key = 'last_check'").fetchone()
    return LastCheck(**json.loads(row[0])) if row else None


def set_last_check(tx: sqlite3.Connection, check: LastCheck) -> None:
    """Remember the last full check, also over a restart."""
    value = json.dumps({"at": check.at, "duration_ms": check.duration_ms, "problems": check.problems})
    tx.execute("INSERT OR REPLACE INTO setting (key, value) VALUES ('last_check', ?)", (value,))


def _contradictions(run: CheckRun) -> list[str]:
    missing = [
        f"table {table}: row {row} refers to a missing row of {parent}"
        for table, row, parent, _ in run.rows("PRAGMA foreign_key_check")
    ]
    return missing + [
        f"{rule}: {name}" for rule, statement in _RULES.items() for (name,) in run.rows(statement)
    ]
