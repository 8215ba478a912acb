"""Damage of a database file: which tables and indexes are broken, and so whether `wacrmd repair` loses anything."""

import re
import sqlite3
from dataclasses import dataclass, field

from wacrmd.store.check_run import CheckRun

MAX_PROBLEMS = 20
"""Lines of a check that are kept at most."""
WITHOUT_DATA = {"task", "schedule", "kv", "counter", "sqlite_sequence"}
"""Tables of which nothing is missed: each start fills Huey's anew, and the last ids are known from the rows."""
_MAX_NAMES = 3
_OF_INDEX = re.compile(r"\bindex (\w+)")
_OF_PAGES = re.compile(r"\bptr ?map\b")
"""About the map of pages, which SQLite needs only when the file shrinks."""
_OF_TABLE = re.compile(r"\bRowid\b|\bvalue in\b|\bCHECK constraint\b")


@dataclass(slots=True)
class Damage:
    """What is broken in a file. Without broken tables an index, or the list of pages, can be made anew from them."""

    tables: list[str] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """In SQLite's words."""

    def __bool__(self) -> bool:
        return bool(self.tables or self.indexes or self.problems)

    @property
    def losing(self) -> list[str]:
        """The broken tables whose rows cannot be made anew."""
        return [each for each in self.tables if each not in WITHOUT_DATA]

    @property
    def what(self) -> str:
        """The broken parts, by name."""
        names = [f"table {each}" for each in self.tables] + [f"index {each}" for each in self.indexes]
        more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
        return ", ".join(names[:_MAX_NAMES]) + more or "the list of its pages"

    @property
    def advice(self) -> str:
        """What to do about it, in one sentence."""
        if self.losing:
            return (
                f"the database file is damaged ({self.what}): stop the daemon and run wacrmd repair, which says how much"
                " is lost; then restore the newest backup, or have it save what can still be read"
            )
        return (
            f"the database file is damaged ({self.what}): stop the daemon and run wacrmd repair, which makes that anew"
            " from the rows"
        )


def examine(run: CheckRun) -> Damage:
    """Check all of a file, and name what is broken.

    Raises CheckEndedError, and sqlite3.Error where not even the schema can be read.
    """
    found = Damage(problems=_check(run, f"PRAGMA integrity_check({MAX_PROBLEMS})"))
    if found:
        for table in tables(run):
            examine_table(run, table, found)
    return found


def examine_table(run: CheckRun, table: str, found: Damage) -> None:
    """Check one table with its indexes, and add what is broken. Raises CheckEndedError."""
    lines = _check(run, f'PRAGMA integrity_check("{table}")')
    found.problems += [line for line in lines if line not in found.problems]
    lines = [each for each in lines if not _OF_PAGES.search(each)]
    if not lines:
        return
    indexes = {each for line in lines for each in _OF_INDEX.findall(line)}
    indexes |= {name for name, sql in _indexes(run, table) if not _reads_index(run, table, name, sql)}
    is_broken = not _reads_table(run, table) or any(_OF_TABLE.search(line) for line in lines)
    if is_broken or not indexes:
        found.tables.append(table)  # its indexes are compared with broken rows: nothing is known of them
    else:
        found.indexes += sorted(indexes)


def _check(run: CheckRun, pragma: str) -> list[str]:
    """The lines of a check without the one that says that all is well."""
    try:
        texts = [str(text) for (text,) in run.rows(pragma) if text != "ok"]
    except sqlite3.DatabaseError as error:
        texts = [str(error)]
    return [line for text in texts for line in text.splitlines() if not line.startswith("***")]


def _reads_table(run: CheckRun, table: str) -> bool:
    columns = [name for _, name, *_ in run.rows(f'PRAGMA table_info("{table}")')]
    lengths = ", ".join(f'total(length("{name}"))' for name in columns)
    return _reads(run, f'SELECT {lengths} FROM "{table}" NOT INDEXED')


def _reads_index(run: CheckRun, table: str, name: str, sql: str | None) -> bool:
    _, where, condition = (sql or "").partition(" WHERE ")
    # A condition of some kind, because SQLite counts all rows by the index that it likes best.
    condition = condition if where else "+1 = 1"
    return _reads(run, f'SELECT count(*) FROM "{table}" INDEXED BY "{name}" WHERE {condition}')


def _reads(run: CheckRun, statement: str) -> bool:
    try:
        run.rows(statement)
    except sqlite3.DatabaseError:
        return False
    return True


def tables(run: CheckRun) -> list[str]:
    """The tables of the file."""
    rows = run.rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")
    return [name for (name,) in rows]


def _indexes(run: CheckRun, table: str) -> list[tuple[str, str | None]]:
    return run.rows("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?", table)
