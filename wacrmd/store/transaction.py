"""Plain functions that run inside or around a transaction, on the thread of their connection."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from sqlite3 import Connection
from typing import Any, TypeVar

from wacrmd.store.connection import BUSY_TIMEOUT_MS
from wacrmd.store.outage import advice_of

T = TypeVar("T")
Work = Callable[[Connection], T]

WAL_BUSY_TIMEOUT_MS = 100
"""How long emptying the write-ahead log waits for readers; no write runs meanwhile."""
FILL_BYTES = 256 * 1024
"""What is written to see whether the disk takes data again: a small write may find room where a larger one finds none."""


def rollback(connection: Connection) -> None:
    """End the transaction, if there is one."""
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def concerns_all(connection: Connection, error: BaseException) -> bool:
    """Whether a failure inside a savepoint concerns the whole transaction: the disk fails, or SQLite has rolled it back."""
    return not connection.in_transaction or (
        isinstance(error, sqlite3.Error) and advice_of(error) is not None
    )


@contextmanager
def savepoint(connection: Connection, name: str) -> Iterator[None]:
    """A part of the transaction: an exception undoes what was done inside, unless it concerns the whole transaction."""
    connection.execute(f"SAVEPOINT {name}")
    try:
        yield
    except BaseException as error:
        if not concerns_all(connection, error):
            connection.execute(f"ROLLBACK TO {name}")
            connection.execute(f"RELEASE {name}")
        raise
    connection.execute(f"RELEASE {name}")


def run_group(works: list[Work[Any]], connection: Connection) -> list[tuple[Any, BaseException | None]]:
    """Run all `works` in the transaction that has begun, and commit it; one that fails loses only its own changes."""
    results: list[tuple[Any, BaseException | None]] = []
    try:
        for work in works:
            try:
                with savepoint(connection, "work"):
                    results.append((work(connection), None))
            except BaseException as error:
                if concerns_all(connection, error):
                    raise
                results.append((None, error))
        connection.execute("COMMIT")
    except BaseException:
        rollback(connection)
        raise
    return results


def fill_disk(tx: Connection) -> None:
    """Write some pages, to see whether the disk takes data again."""
    tx.execute(
        "INSERT OR REPLACE INTO setting (key, value) VALUES ('probe', printf('%.*c', ?, 'x'))", (FILL_BYTES,)
    )


def unfill_disk(tx: Connection) -> None:
    """Remove what `fill_disk` has written."""
    tx.execute("DELETE FROM setting WHERE key = 'probe'")


def empty_wal(connection: Connection) -> bool:
    """Write all of the write-ahead log to the file and truncate it; False if a reader prevents it."""
    connection.execute(f"PRAGMA busy_timeout = {WAL_BUSY_TIMEOUT_MS}")
    try:
        is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    return not is_busy


def run_read(work: Work[T], connection: Connection) -> T:
    """Run `work` on one snapshot of the last commit."""
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        rollback(connection)
