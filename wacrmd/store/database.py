"""The database: one writer and a few readers on one SQLite file, and transactions that are plain functions.

A transaction is a function of a connection. It runs whole on the connection's thread, so a cancelled task can
never leave a connection inside a transaction. All writes that wait go into one transaction together, each in its
own savepoint: one fsync for all of them (group commit).
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import anyio
import anyio.to_thread

from wacrmd.clock import Clock, Millis
from wacrmd.errors import DatabaseUnusableError, ErrorCode, Refusal
from wacrmd.log import get_logger
from wacrmd.store.connection import BUSY_TIMEOUT_MS, open_reader, open_writer
from wacrmd.store.file_lock import lock_database
from wacrmd.store.migrate import migrate
from wacrmd.store.stall_watch import StallWatch
from wacrmd.store.write_lock import WriteLock

Tx = sqlite3.Connection
"""A connection inside a transaction: the first argument of every store function."""

T = TypeVar("T")
Work = Callable[[Tx], T]

log = get_logger(__name__)

READERS = 3
PROBE_INTERVAL_S = 2.0
"""After a storage error, how often a write is tried while there is no other one."""
STALL_S = 2.0
"""A commit that takes longer is an outage: others wait for it, so nothing is sent."""
MAX_GROUP = 256
"""Writes in one commit at most; this bounds how long the first of them waits."""
WAL_BUSY_TIMEOUT_MS = 100
"""How long emptying the write-ahead log waits for readers; no write runs meanwhile."""

_LOCKED = "another program has locked the database: end it, work continues by itself"
_SLOW = "a write takes very long: the disk is slow or busy, work continues by itself"
_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full: free some space, work continues by itself",
    sqlite3.SQLITE_READONLY: "the database file is read-only: correct its permissions or remount the file system",
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_IOERR: "the disk answers with I/O errors: check it and the system log",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened: check its directory and permissions",
    sqlite3.SQLITE_CORRUPT: "the database file is damaged: stop the daemon, run check-db, restore a backup",
    sqlite3.SQLITE_NOTADB: "the database file is damaged: stop the daemon, run check-db, restore a backup",
}


class StorageError(Refusal):
    """The database cannot be written or read at the moment; nothing of the transaction is stored."""

    def __init__(self, advice: str) -> None:
        super().__init__(
            ErrorCode.UNAVAILABLE, f"The database cannot be used now: {advice}", retry_after_s=10
        )
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Outage:
    """Why the database cannot be written, as advice for an operator, and since when."""

    advice: str
    since: Millis


class _Connection(aiosqlite.Connection):
    """An aiosqlite connection that runs a whole function on its thread."""

    async def run(self, work: Work[T]) -> T:
        result: T = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]  # aiosqlite has no public name for it
        return result


def _storage_error(error: sqlite3.Error) -> StorageError | None:
    """The refusal for an error of the disk or the file; None for an error in a statement."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    advice = _ADVICE.get(code & 0xFF)
    return StorageError(advice) if advice else None


def _rollback(connection: Tx) -> None:
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _run_group(works: list[Work[Any]], connection: Tx) -> list[tuple[Any, BaseException | None]]:
    """Run all `works` in the transaction that has begun, and commit it; one that fails loses only its own changes."""
    results: list[tuple[Any, BaseException | None]] = []
    try:
        for work in works:
            connection.execute("SAVEPOINT work")
            try:
                results.append((work(connection), None))
            except BaseException as error:
                if not connection.in_transaction or (
                    isinstance(error, sqlite3.Error) and _storage_error(error)
                ):
                    raise  # SQLite has rolled back all of it, or could not commit the rest
                connection.execute("ROLLBACK TO work")
                results.append((None, error))
            connection.execute("RELEASE work")
        connection.execute("COMMIT")
    except BaseException:
        _rollback(connection)
        raise
    return results


def _probe(tx: Tx) -> None:
    """Write a row, to see whether the disk takes data again."""
    tx.execute(
        "INSERT INTO setting (key, value) VALUES ('probed', '1') ON CONFLICT (key)"
        " DO UPDATE SET value = CAST(value AS INTEGER) % 1000 + 1"
    )


def _empty_wal(connection: Tx) -> bool:
    connection.execute(f"PRAGMA busy_timeout = {WAL_BUSY_TIMEOUT_MS}")
    try:
        is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    return not is_busy


def _run_read(work: Work[T], connection: Tx) -> T:
    """Run `work` on one snapshot of the last commit."""
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        _rollback(connection)


class Database:
    """The daemon's access to its file: `write` and `read` run a function of a connection."""

    def __init__(self, path: Path, clock: Clock, *, copy_before_migration: bool = True) -> None:
        self.path = path
        self._copy_before_migration = copy_before_migration
        self.outage: Outage | None = None
        """Also while a commit takes longer than `STALL_S`."""
        self.on_commit: Callable[[float, int], None] | None = None
        self.write_lock = WriteLock()
        """Held during each write transaction, here and by the job queue."""
        self._clock = clock
        self._writer: _Connection
        self._readers: asyncio.Queue[_Connection] = asyncio.Queue()
        self._all_readers: list[_Connection] = []
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._stall: Outage | None = None
        """The outage that began because a commit took long."""
        self._locking = False
        """Whether the writer waits for the job queue, which waits for another program, or for that; set by its thread."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: Path, clock: Clock, *, copy_before_migration: bool = True
    ) -> AsyncIterator["Database"]:
        """Lock, open and migrate the file; on exit all writes that wait are done before it closes.

        Raises DatabaseInUseError, DatabaseUnusableError.
        """
        with lock_database(path, create=True):
            database = cls(path, clock, copy_before_migration=copy_before_migration)
            await database._connect()
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(database._commit_groups)
                    try:
                        yield database
                    finally:
                        database._closing = True
                        database._wake.set()
            finally:
                with anyio.CancelScope(shield=True):
                    await database._disconnect()

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction that is durable when this returns; an error of it rolls its changes back.

        If the caller is cancelled while it waits, the work is done all the same. Raises StorageError when the
        disk or the file does not take it, and what `work` raises.
        """
        if self._closing:
            raise StorageError("the daemon is stopping")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, done))
        self._wake.set()
        return await done

    async def read(self, work: Work[T]) -> T:
        """Run `work` on a read-only snapshot of the last commit. Raises StorageError."""
        reader = await self._readers.get()
        try:
            with anyio.CancelScope(shield=True):  # the thread is busy until the work is done
                result = await reader.run(partial(_run_read, work))
        except sqlite3.Error as error:
            raise _storage_error(error) or error from error
        finally:
            self._readers.put_nowait(reader)
        return result

    async def outside_transaction(self, work: Work[T]) -> T:
        """Run `work` on the writer's thread outside of any transaction (vacuum, checkpoint)."""
        return await self._writer.run(work)

    async def empty_wal(self) -> bool:
        """Write all of the write-ahead log to the file and truncate it; False if a reader or the disk prevents it."""
        try:
            return await self.outside_transaction(_empty_wal)
        except sqlite3.Error as error:
            if _storage_error(error):
                return False
            raise

    async def _connect(self) -> None:
        try:
            writer = await anyio.to_thread.run_sync(open_writer, self.path)
            self._writer = _Connection(lambda: writer, iter_chunk_size=64)
            await self._writer
            try:
                await self._writer.run(
                    partial(migrate, path=self.path, keep_copy=self._copy_before_migration)
                )
                for _ in range(READERS):
                    reader = _Connection(partial(open_reader, self.path), iter_chunk_size=64)
                    await reader
                    self._all_readers.append(reader)
                    self._readers.put_nowait(reader)
            except BaseException:
                await self._disconnect()
                raise
        except sqlite3.Error as error:
            advice = _ADVICE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, str(error))
            raise DatabaseUnusableError(f"{self.path} cannot be used: {advice}") from error

    async def _disconnect(self) -> None:
        for connection in (*self._all_readers, self._writer):
            await connection.close()

    async def _commit_groups(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._waiting:
                if self._closing:
                    return
                self._wake.clear()
                with anyio.move_on_after(PROBE_INTERVAL_S if self.outage else None):
                    await self._wake.wait()
                if self.outage and not self._waiting:
                    probed: asyncio.Future[None] = loop.create_future()
                    probed.add_done_callback(asyncio.Future.exception)  # no caller retrieves it
                    self._waiting.append((_probe, probed))
                continue
            group, self._waiting = self._waiting[:MAX_GROUP], self._waiting[MAX_GROUP:]
            began = loop.time()
            watch = StallWatch(STALL_S, partial(self._stalled, self._clock.now()))
            with anyio.CancelScope(shield=True):
                await self._commit(group)
            watch.end()
            if self.on_commit is not None:
                self.on_commit(loop.time() - began, len(group))

    def _stalled(self, since: Millis) -> None:
        """The commit that began at `since` has not ended yet."""
        if self.outage is None:
            self.outage = self._stall = Outage(_LOCKED if self._locking else _SLOW, since)
            log.warning("database_write_stalled", reason=self.outage.advice)

    def _run_locked(self, works: list[Work[Any]], connection: Tx) -> list[tuple[Any, BaseException | None]]:
        self._locking = True
        try:
            with self.write_lock:
                _rollback(connection)  # the last transaction is still open if its rollback failed
                connection.execute("BEGIN IMMEDIATE")
                self._locking = False
                return _run_group(works, connection)
        finally:
            self._locking = False

    async def _commit(self, group: list[tuple[Work[Any], asyncio.Future[Any]]]) -> None:
        failure: BaseException | None = None
        results: list[tuple[Any, BaseException | None]] = []
        try:
            changes = self._writer.total_changes
            results = await self._writer.run(partial(self._run_locked, [work for work, _ in group]))
            # a commit without changes says nothing about the disk
            if self._writer.total_changes != changes or self.outage is self._stall:
                self.outage = None
        except sqlite3.Error as error:
            failure = _storage_error(error) or error
            if isinstance(failure, StorageError):
                since = self.outage.since if self.outage else self._clock.now()
                self.outage = Outage(failure.advice, since)
        except BaseException as error:  # noqa: BLE001 - raised in each caller below
            failure = error
        for index, (_, done) in enumerate(group):
            if done.done():
                continue
            result, refused = (None, failure) if failure is not None else results[index]
            if refused is not None:
                done.set_exception(refused)
            else:
                done.set_result(result)
