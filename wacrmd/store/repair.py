"""Repair of a damaged database file: a new one is made of the rows that can be read, and takes its place."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from wacrmd.clock import Millis
from wacrmd.errors import DatabaseDamagedError, DatabaseUnusableError
from wacrmd.new_file import NewFile
from wacrmd.store import after_loss, file_swap, integrity, log_check
from wacrmd.store.after_loss import Consequences
from wacrmd.store.backups import beside, new_database
from wacrmd.store.check_run import CheckRun
from wacrmd.store.damage import tables
from wacrmd.store.disk_usage import disk_usage
from wacrmd.store.file_lock import lock_database
from wacrmd.store.integrity import IntegrityReport
from wacrmd.store.leaf_pages import LeafPages
from wacrmd.store.migrate import migrate
from wacrmd.store.salvage import Lost, salvage

_SETTINGS = ("auto_vacuum = INCREMENTAL", "journal_mode = MEMORY", "synchronous = OFF", "cache_size = -65536")
"""Of the new file: as the daemon's, but nothing has to be durable before it gets its name."""


NEWEST = "newest writes"
"""What is lost with the log, named as if it was a table."""


class RowsLostError(DatabaseUnusableError):
    """Rows cannot be read; `lost` says which, and nothing is changed."""

    def __init__(self, path: Path, what: str, lost: Lost) -> None:
        super().__init__(f"{path} is damaged ({what}), and rows of it are lost")
        self.lost = lost


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair did."""

    broken: str | None = None
    """The broken parts; None if nothing was broken, or if the repair only completed an earlier one."""
    problems: list[str] = field(default_factory=list)
    """What was wrong, in SQLite's words."""
    kept: Path | None = None
    """Where the damaged file is now; None if nothing was changed."""
    lost: Lost = field(default_factory=Lost)
    consequences: Consequences = field(default_factory=Consequences)


def repair(path: Path, *, accept_loss: bool, now: Millis) -> Repaired:
    """Repair the database at `path`, which no daemon uses. One that is undamaged stays as it is.

    Raises RowsLostError if rows cannot be read, unless `accept_loss`; DatabaseInUseError; DatabaseUnusableError for a file
    of which too little is left, or of another program; OSError. Then nothing is changed.
    """
    with lock_database(path):
        place = path.resolve()  # where SQLite has the log
        if (new := file_swap.unfinished(place)) is not None:
            return Repaired(kept=file_swap.swap(place, new))
        file_swap.remove_leftovers(place)
        missing = log_check.lost_writes(place)  # first: SQLite forgets it
        if missing is not None and not accept_loss:
            raise RowsLostError(path, missing, Lost(rows={NEWEST: None}))
        report = _examined(path, missing)
        if not report.problems:
            return Repaired()
        _check_space(path)
        new = file_swap.name_of_new(place, now)
        with new_database(new) as made:
            lost, done = _fill(made, path, report, now, missing, accept_loss=accept_loss)
            made.publish(overwrite=False)
        kept = file_swap.swap(place, new)
    return Repaired(_what(report), report.problems, kept, lost, done)


def _what(report: IntegrityReport) -> str:
    return report.damage.what if report.damage else report.problems[0]


def _examined(path: Path, missing: str | None) -> IntegrityReport:
    """The report on the whole file, and on what is missing of its log."""
    if not path.exists():
        raise DatabaseUnusableError(f"there is no {path}")
    if beside(path.resolve(), "-journal").exists():
        raise DatabaseUnusableError(
            f"{path}-journal is of a write that was cut off: a start of the daemon undoes that"
        )
    try:
        report = integrity.check(path)
        if not report.problems:
            report = replace(report, problems=_unreadable_texts(path))
        return replace(report, problems=[missing, *report.problems]) if missing else report
    except DatabaseUnusableError as error:
        if not isinstance(error.__cause__, sqlite3.Error):
            raise
        with _opened(path) as run:
            report = integrity.check_whole(run)
        return replace(report, problems=report.problems or [str(error.__cause__)])


def _unreadable_texts(path: Path) -> list[str]:
    """What is wrong with a text that is not UTF-8: SQLite's check does not see it, and it stops a daemon that reads it."""
    problems = []
    with _opened(path) as run:
        for table in tables(run):
            try:
                for _ in run.connection.execute(f'SELECT * FROM "{table}"'):
                    pass
            except sqlite3.Error as error:
                problems.append(f"table {table}: {error}")
    return problems


@contextmanager
def _opened(path: Path) -> Iterator[CheckRun]:
    """The damaged file, to be read as far as it goes. Raises DatabaseUnusableError if not even its schema can be read."""
    try:
        with CheckRun(path, is_cut_off=True) as run:
            run.rows("SELECT * FROM sqlite_schema")
            yield run
    except (sqlite3.Error, DatabaseDamagedError) as error:
        if isinstance(error, sqlite3.Error) and integrity.is_unopened(error):
            raise integrity.unusable(path, error) from error
        raise DatabaseUnusableError(
            f"{path} cannot be repaired, because not even the list of its tables can be read ({error.__cause__ or error}):"
            " restore a backup with wacrmd restore"
        ) from error


@contextmanager
def _written(made: Path) -> Iterator[sqlite3.Connection]:
    """The new file. Raises DatabaseUnusableError if its disk does not take it."""
    try:
        with closing(sqlite3.connect(made, isolation_level=None)) as new:
            for setting in _SETTINGS:
                new.execute(f"PRAGMA {setting}")
            yield new
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            raise
        raise DatabaseUnusableError(
            f"{made.parent} is full or cannot be written ({error}): free some space"
        ) from error


def _check_space(path: Path) -> None:
    usage = disk_usage(path)
    needed = usage.database + usage.wal
    if usage.free is not None and usage.free < needed:
        raise DatabaseUnusableError(
            f"{path.parent} has too little space for a second database: {usage.free >> 20} MiB are free,"
            f" {(needed >> 20) + 1} MiB are needed"
        )


def _fill(
    made: NewFile, path: Path, report: IntegrityReport, now: Millis, missing: str | None, *, accept_loss: bool
) -> tuple[Lost, Consequences]:
    """Fill the new file, and check it. Raises RowsLostError, and DatabaseUnusableError if it is not whole then."""
    done = Consequences()
    with (
        path.open("rb") as file,  # to the end: closing it would drop SQLite's locks
        _opened(path) as run,
        _written(made.path) as new,
    ):
        migrate(new, made.path, up_to=report.schema)
        _check_schema(path, run.connection, new)
        new.execute("BEGIN")
        indexes = new.execute("SELECT name, sql FROM sqlite_schema WHERE sql LIKE 'CREATE INDEX%'").fetchall()
        for name, _ in indexes:  # made at the end, in the order of their entries
            new.execute(f'DROP INDEX "{name}"')
        # A page in the log is newer than the one in the file, so that one tells nothing.
        leaves = LeafPages(file.fileno()) if not disk_usage(path.resolve()).wal else None
        lost = salvage(run.connection, new, report.damage.tables, leaves)
        for _, statement in indexes:
            new.execute(statement)
        after_loss.remake_people(new, lost, now)
        if missing is not None:
            lost.add(NEWEST, None)
        if lost.rows:
            if not accept_loss:
                raise RowsLostError(path, _what(report), lost)
            done = after_loss.settle(new, lost, now)
        elif not report.damage:  # the kept counts may be what contradicts the rows
            new.execute("UPDATE broadcast SET counts_revision = NULL")
        new.execute("COMMIT")
    left = integrity.check(made.path, name=path).problems
    if left:
        raise DatabaseUnusableError(
            f"{path} cannot be repaired ({left[0]}): restore a backup with wacrmd restore"
        )
    return lost, done


def _check_schema(path: Path, old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Raise DatabaseUnusableError if the list of tables is broken: a table that it has not named would be empty."""
    names = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    if missing := set(new.execute(names)) - set(old.execute(names)):
        raise DatabaseUnusableError(
            f"{path} cannot be repaired, because the list of its tables is broken ({min(missing)[0]} is missing): restore a"
            " backup with wacrmd restore"
        )
