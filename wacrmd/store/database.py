"""The one SQLite file: its lock, its connections, and transactions that are plain functions.

One writer thread, a few read-only connections beside it (WAL). A transaction is a function of a connection
that runs in one hop to that thread, so a cancelled task can never leave a connection inside a transaction.
All writes that wait go into the next transaction together, each in its own savepoint: one fsync for all.
"""

import asyncio
import fcntl
import os
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
from wacrmd.errors import DatabaseInUseError, DatabaseUnusableError, ErrorCode, Refusal
from wacrmd.store.migrate import migrate

Tx = sqlite3.Connection
"""What a store function gets: a connection inside a transaction."""

T = TypeVar("T")
Work = Callable[[Tx], T]

READERS = 3
BUSY_TIMEOUT_MS = 10_000
WAL_BUSY_TIMEOUT_MS = 100
"""How long emptying the write-ahead log waits for readers; the writer does nothing else meanwhile."""
WRITER_CACHE_KIB = 16 * 1024
READER_CACHE_KIB = 4 * 1024
"""Pages that a connection keeps for itself; beyond that the system's page cache serves as well, and is shared."""

WAL_LIMIT_BYTES = 64 * 1024 * 1024
PROBE_S = 2.0
"""How often it is tried, without any other work, whether the disk takes data again."""
MAX_GROUP = 256
"""Writes that share one commit at most; bounds how long the first of them waits."""

_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full: free some space, work goes on by itself",
    sqlite3.SQLITE_READONLY: "the database file is read-only: mend its permissions or remount the file system",
    sqlite3.SQLITE_BUSY: "another program holds the database locked: end it, work goes on by itself",
    sqlite3.SQLITE_LOCKED: "another program holds the database locked: end it, work goes on by itself",
    sqlite3.SQLITE_IOERR: "the disk answers with I/O errors: check it and the system log",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened: check its directory and permissions",
    sqlite3.SQLITE_CORRUPT: "the database file is damaged: stop the daemon, run check-db, restore a backup",
    sqlite3.SQLITE_NOTADB: "the database file is damaged: stop the daemon, run check-db, restore a backup",
}


class StorageTrouble(Refusal):
    """The database cannot take or give data now; nothing of the transaction is stored."""

    def __init__(self, advice: str) -> None:
        super().__init__(
            ErrorCode.UNAVAILABLE, f"The database cannot be used now: {advice}", retry_after_s=10
        )
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Trouble:
    """What has kept the database from working, and since when."""

    advice: str
    since: Millis


class _Connection(aiosqlite.Connection):
    """An aiosqlite connection that runs a whole function on its thread."""

    async def run(self, work: Work[T]) -> T:
        result: T = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]  # aiosqlite has no public name for it
        return result


def _trouble(error: sqlite3.Error) -> StorageTrouble | None:
    """The refusal for an error of the disk or the file; None for an error of our own statements."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    advice = _ADVICE.get(code & 0xFF)
    return StorageTrouble(advice) if advice else None


def _rollback(connection: Tx) -> None:
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _run_group(works: list[Work[Any]], connection: Tx) -> list[tuple[Any, BaseException | None]]:
    """Run all `works` in one IMMEDIATE transaction; a work that fails takes back its own changes only."""
    results: list[tuple[Any, BaseException | None]] = []
    _rollback(connection)  # a rollback that the disk refused leaves the last transaction open
    connection.execute("BEGIN IMMEDIATE")
    try:
        for work in works:
            connection.execute("SAVEPOINT work")
            try:
                results.append((work(connection), None))
            except BaseException as error:
                if not connection.in_transaction or (isinstance(error, sqlite3.Error) and _trouble(error)):
                    raise  # SQLite has rolled back everything, or will not be able to commit the rest
                connection.execute("ROLLBACK TO work")
                results.append((None, error))
            connection.execute("RELEASE work")
        connection.execute("COMMIT")
    except BaseException:
        _rollback(connection)
        raise
    return results


def _probe(tx: Tx) -> None:
    """Write something, to see whether it can be written."""
    tx.execute(
        "INSERT INTO setting (key, value) VALUES ('probed', '1') ON CONFLICT (key)"
        " DO UPDATE SET value = CAST(value AS INTEGER) % 1000 + 1"
    )


def _empty_wal(connection: Tx) -> bool:
    # The writer waits for readers meanwhile, so only for a moment.
    connection.execute(f"PRAGMA busy_timeout = {WAL_BUSY_TIMEOUT_MS}")
    try:
        is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    return not is_busy


def _run_read(work: Work[T], connection: Tx) -> T:
    """Run `work` on one snapshot of the database."""
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        _rollback(connection)


def _tune(connection: Tx, cache_kib: int) -> Tx:
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        f"cache_size = -{cache_kib}",
        "foreign_keys = ON",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def open_writer(path: Path) -> Tx:
    """A connection that writes durably and overwrites what it deletes.

    WAL with `synchronous=FULL`: an attempt must survive a power cut. `secure_delete`: content of a person that is
    erased must be gone from the file. Debian's SQLite has it on by itself, other builds do not.
    """
    connection = sqlite3.connect(path, check_same_thread=False, cached_statements=256)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
        return _tune(connection, WRITER_CACHE_KIB)
    except BaseException:
        connection.close()
        raise


def open_reader(path: Path) -> Tx:
    """A connection that can only read."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False, cached_statements=256)
    try:
        return _tune(connection, READER_CACHE_KIB)
    except BaseException:
        connection.close()
        raise


def hold_file(path: Path) -> int:
    """Take the lock that says "this database has its daemon"; the descriptor must stay open.

    A file of its own: closing any descriptor of the database itself would drop SQLite's POSIX locks.
    Raises DatabaseInUseError when another process has it, DatabaseUnusableError when it cannot be made.
    """
    lock = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseUnusableError(
            f"{lock} cannot be opened ({error.strerror}): the directory must exist and belong to the daemon's user"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise DatabaseInUseError(
            f"another wacrmd already uses {path}: stop it first, or set another [storage] path"
        ) from error
    return descriptor


def _create_private(path: Path) -> None:
    """Make a new file for the daemon's user alone: it holds people's numbers. SQLite gives its WAL the same mode.

    Only before SQLite opens it: closing a descriptor of the database later would drop SQLite's locks.
    """
    with suppress(OSError):  # there already, or not to be made: then SQLite says why
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


class Database:
    """The daemon's door to its file: `write` and `read` take a function of a connection."""

    def __init__(self, path: Path, clock: Clock, *, copy_before_migration: bool = True) -> None:
        self.path = path
        self._copy_before_migration = copy_before_migration
        self.trouble: Trouble | None = None
        self.on_commit: Callable[[float, int], None] | None = None
        self._clock = clock
        self._writer: _Connection
        self._readers: asyncio.Queue[_Connection] = asyncio.Queue()
        self._all_readers: list[_Connection] = []
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._wake = asyncio.Event()
        self._closing = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: Path, clock: Clock, *, copy_before_migration: bool = True
    ) -> AsyncIterator["Database"]:
        """Lock, open and migrate the file; on exit all that was asked for is written before it closes.

        Raises DatabaseInUseError, DatabaseUnusableError.
        """
        lock = hold_file(path)
        try:
            _create_private(path)
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
        finally:
            os.close(lock)

    async def write(self, work: Work[T]) -> T:
        """Run `work` in a transaction that is durable when this returns; its error takes back its changes.

        A caller that is cancelled while it waits does not undo the work. Raises StorageTrouble when the disk
        or the file does not let it be stored, and whatever `work` raises.
        """
        if self._closing:
            raise StorageTrouble("the daemon is stopping")
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, done))
        self._wake.set()
        return await done

    async def read(self, work: Work[T]) -> T:
        """Run `work` on a read-only snapshot of the last commit. Raises StorageTrouble."""
        reader = await self._readers.get()
        try:
            with anyio.CancelScope(shield=True):  # the thread is busy until the work is done
                result = await reader.run(partial(_run_read, work))
        except sqlite3.Error as error:
            raise _trouble(error) or error from error
        finally:
            self._readers.put_nowait(reader)
        return result

    async def alone(self, work: Work[T]) -> T:
        """Run `work` on the writer's thread outside of any transaction (VACUUM, checkpoint, backup)."""
        return await self._writer.run(work)

    async def empty_wal(self) -> bool:
        """Move all of the write-ahead log into the file and truncate it; False when a reader or the disk prevents it."""
        try:
            return await self.alone(_empty_wal)
        except sqlite3.Error as error:
            if _trouble(error):
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
                with anyio.move_on_after(PROBE_S if self.trouble else None):
                    await self._wake.wait()
                if self.trouble and not self._waiting:
                    probed: asyncio.Future[None] = loop.create_future()
                    probed.add_done_callback(asyncio.Future.exception)  # nobody waits for it
                    self._waiting.append((_probe, probed))
                continue
            group, self._waiting = self._waiting[:MAX_GROUP], self._waiting[MAX_GROUP:]
            began = loop.time()
            with anyio.CancelScope(shield=True):
                await self._commit(group)
            if self.on_commit is not None:
                self.on_commit(loop.time() - began, len(group))

    async def _commit(self, group: list[tuple[Work[Any], asyncio.Future[Any]]]) -> None:
        failure: BaseException | None = None
        results: list[tuple[Any, BaseException | None]] = []
        try:
            changes = self._writer.total_changes
            results = await self._writer.run(partial(_run_group, [work for work, _ in group]))
            if self._writer.total_changes != changes:  # one that changed nothing proves nothing of the disk
                self.trouble = None
        except sqlite3.Error as error:
            failure = _trouble(error) or error
            if isinstance(failure, StorageTrouble):
                since = self.trouble.since if self.trouble else self._clock.now()
                self.trouble = Trouble(failure.advice, since)
        except BaseException as error:  # noqa: BLE001 - told to each caller below
            failure = error
        for index, (_, done) in enumerate(group):
            if done.done():
                continue
            result, refused = (None, failure) if failure is not None else results[index]
            if refused is not None:
                done.set_exception(refused)
            else:
                done.set_result(result)
