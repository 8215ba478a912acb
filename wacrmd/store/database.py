"""The database: one writer and a few readers on one SQLite file, and transactions that are plain functions.

A transaction is a function of a connection. It runs whole on the connection's thread, so a cancelled task can
never leave a connection inside a transaction. All writes that wait go into one transaction together, each in its
own savepoint: one fsync for all of them (group commit).
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import anyio
import anyio.to_thread

from wacrmd.clock import Clock, Millis
from wacrmd.store.connection import open_reader, open_writer
from wacrmd.store.file_identity import FileIdentity
from wacrmd.store.file_swap import check_finished
from wacrmd.store.log_check import check_complete, remember_boot
from wacrmd.store.log_place import check_log, remember_path
from wacrmd.store.migrate import migrate
from wacrmd.store.opening import check_not_lost, locked, unopened
from wacrmd.store.outage import LOCKED, SLOW, Cause, Outage, Outages, StorageError, advice_of, is_damage
from wacrmd.store.pending_write import PendingWrite, limit_s
from wacrmd.store.stall_watch import StallWatch
from wacrmd.store.transaction import empty_wal, fill_disk, rollback, run_group, run_read, unfill_disk
from wacrmd.store.write_lock import WriteLock

Tx = sqlite3.Connection
"""A connection inside a transaction: the first argument of every store function."""

T = TypeVar("T")
Work = Callable[[Tx], T]

_Result = tuple[PendingWrite, Any, BaseException | None]
"""A write with what it gave, or why it failed."""

READERS = 3
LOOK_INTERVAL_S = 1.0
"""How often is looked whether the file still has its name, also while nothing is written."""
PROBE_INTERVAL_S = 2.0
"""How often is tried whether the database can be written or read again."""
STALL_S = 2.0
"""A commit that takes longer is an outage: others wait for it, so nothing is sent."""
MAX_GROUP = 256
"""Writes in one commit at most; this bounds how long the first of them waits."""


class _Connection(aiosqlite.Connection):
    """An aiosqlite connection that runs a whole function on its thread."""

    async def run(self, work: Work[T]) -> T:
        result: T = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]  # aiosqlite has no public name for it
        return result


class Database:
    """The daemon's access to its file: `write` and `read` run a function of a connection."""

    def __init__(self, path: Path, clock: Clock, *, copy_before_migration: bool = True) -> None:
        self.path = path
        self._copy_before_migration = copy_before_migration
        self._clock = clock
        self.outages = Outages(clock)
        self.on_commit: Callable[[float, int], None] | None = None
        self.write_lock = WriteLock()
        """Held during each write transaction, here and by the job queue."""
        self._writer: _Connection
        self._readers: asyncio.Queue[_Connection] = asyncio.Queue()
        self._all_readers: list[_Connection] = []
        self._identity: FileIdentity
        self._waiting: list[PendingWrite] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._looked_at = self._probed_at = 0.0
        self._unread: Work[Any] | None = None
        """The last read that the disk did not answer."""
        self._locking = False
        """Whether the writer waits for the job queue, which waits for another program, or for that; set by its thread."""

    @property
    def outage(self) -> Outage | None:
        """Why the database cannot be used now, also while a commit takes longer than `STALL_S`."""
        return self.outages.current

    @property
    def is_damaged(self) -> bool:
        """Whether a part of the file is known to be broken: until a restart finds it whole, nothing is written."""
        return Cause.DAMAGED in self.outages

    def check_file(self) -> None:
        """Raise StorageError if the path of the database leads to no file, or to another one than the daemon's."""
        if (problem := self._identity.problem()) is not None:
            raise StorageError(problem)

    def damaged(self, advice: str) -> None:
        """A part of the file is broken; from any thread."""
        self.outages.begin(Cause.DAMAGED, advice)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: Path, clock: Clock, *, copy_before_migration: bool = True
    ) -> AsyncIterator["Database"]:
        """Lock, open and migrate the file; on exit all writes that wait are done before it closes.

        Raises StorageError when it may work later (the disk is full), DatabaseInUseError, DatabaseUnusableError.
        """
        check_finished(path)
        check_not_lost(path)
        with locked(path):
            check_complete(path)
            database = cls(path, clock, copy_before_migration=copy_before_migration)
            await database._connect()
            remember_boot(path)  # not before: until SQLite opens the file, the index may be of an earlier run
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(database._run)
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
        disk or the file does not take it, or not in time (`waiting_at_most`), and what `work` raises.
        """
        return await self._enqueue(work)

    async def record(self, work: Work[T]) -> T:
        """Like `write`, but also tried while the file is damaged or has lost its name.

        For what has happened already: the results of attempts, which would be uncertain otherwise.
        """
        return await self._enqueue(work, is_record=True)

    async def close_to_writes(self, work: Work[T], advice: str) -> T:
        """Run `work`, durably, as the last write: all that was accepted before is stored, and later ones are refused.

        `open_to_writes` ends that. Raises as `write`, and then nothing has changed.
        """
        has_run = False

        def last(tx: Tx) -> T:
            nonlocal has_run
            done = work(tx)
            has_run = True
            self.handed_over(advice)  # on the writer's thread: the next commit sees it
            return done

        with anyio.CancelScope(shield=True):
            try:
                done = await self.write(last)
            except BaseException:
                if has_run:  # else it was refused because the database was closed already
                    self.outages.end(Cause.HANDED_OVER)
                raise
        return done

    async def open_to_writes(self, work: Work[T]) -> T:
        """Run `work`, and take writes again. Raises as `write`, and then nothing has changed."""
        with anyio.CancelScope(shield=True):
            done = await self.record(work)
            self.outages.end(Cause.HANDED_OVER)
        return done

    def handed_over(self, advice: str) -> None:
        """Another file is written in place of this one: refuse all writes."""
        self.outages.begin(Cause.HANDED_OVER, advice)

    async def read(self, work: Work[T]) -> T:
        """Run `work` on a read-only snapshot of the last commit. Raises StorageError."""
        try:
            return await self._read(work)
        except sqlite3.Error as error:
            raise self.failed(error, work) or error from error

    def failed(self, error: sqlite3.Error, unread: Work[Any] | None = None) -> StorageError | None:
        """Note the outage that an error of the disk or the file means; None for an error in a statement.

        From any thread. `unread` is what could not be read: it is read again until that works.
        """
        advice = advice_of(error)
        if advice is None:
            return None
        if is_damage(error):
            if not self.is_damaged:
                self.damaged(advice)
            advice = self.outages[Cause.DAMAGED].advice  # it may be known by name already
        elif unread is not None:
            self._unread = unread
            self.outages.begin(Cause.UNREADABLE, advice)
        else:
            self.outages.begin(Cause.UNWRITABLE, advice)
        return StorageError(advice)

    async def outside_transaction(self, work: Work[T]) -> T:
        """Run `work` on the writer's thread outside of any transaction (vacuum, checkpoint). Raises StorageError."""
        if (outage := self.outage) is not None and outage.lasts:
            raise StorageError(outage.advice)
        try:
            return await self._writer.run(work)
        except sqlite3.Error as error:
            raise self.failed(error) or error from error

    async def empty_wal(self) -> bool:
        """Write all of the write-ahead log to the file and truncate it; False if a reader or the disk prevents it."""
        try:
            return await self.outside_transaction(empty_wal)
        except StorageError:
            return False

    async def _enqueue(self, work: Work[T], *, is_record: bool = False) -> T:
        if self._closing:
            raise StorageError("the daemon is stopping")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        write = PendingWrite(work, done, is_record)
        self._waiting.append(write)
        self._wake.set()
        limit = None if is_record else limit_s()
        if limit is None:
            return await done
        timer = loop.call_later(max(limit - self.outages.waited_s, 0), self._withdraw, write)
        try:
            return await done
        finally:
            timer.cancel()

    def _withdraw(self, write: PendingWrite) -> None:
        """Refuse a write that has waited long enough; one that has begun cannot be taken back, and soon ends."""
        if write.take() and not write.done.done():
            outage = self.outage
            write.done.set_exception(StorageError(SLOW if outage is None else outage.advice))

    async def _read(self, work: Work[T]) -> T:
        reader = await self._readers.get()
        try:
            with anyio.CancelScope(shield=True):  # the thread is busy until the work is done
                result = await reader.run(partial(run_read, work))
        finally:
            self._readers.put_nowait(reader)
        return result

    async def _connect(self) -> None:
        try:
            writer = await anyio.to_thread.run_sync(open_writer, self.path)
            self._writer = _Connection(lambda: writer, iter_chunk_size=64)
            await self._writer
            try:
                await self._writer.run(partial(check_log, path=self.path))
                await self._writer.run(
                    partial(migrate, path=self.path, keep_copy=self._copy_before_migration)
                )
                await self._writer.run(partial(remember_path, path=self.path))
                for _ in range(READERS):
                    reader = _Connection(partial(open_reader, self.path), iter_chunk_size=64)
                    await reader
                    self._all_readers.append(reader)
                    self._readers.put_nowait(reader)
            except BaseException:
                await self._disconnect()
                raise
        except sqlite3.Error as error:
            raise unopened(self.path, error) from error
        self._identity = FileIdentity(self.path)

    async def _disconnect(self) -> None:
        for connection in (*self._all_readers, self._writer):
            await connection.close()

    async def _run(self) -> None:
        """Commit what waits, look after the file in between, until all is written and the database closes."""
        while self._waiting or not self._closing:
            if not self._waiting:
                self._wake.clear()
                with anyio.move_on_after(LOOK_INTERVAL_S):
                    await self._wake.wait()
            with anyio.CancelScope(shield=True):
                await self._look()
                group, self._waiting = self._waiting[:MAX_GROUP], self._waiting[MAX_GROUP:]
                if group:
                    await self._commit(group)

    async def _look(self) -> None:
        """See whether the file still has its name, and in an outage whether it has ended."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_INTERVAL_S:
            self._looked_at = now
            await self._writer.run(lambda _: self._has_moved())
        if self.outage is not None and now - self._probed_at >= PROBE_INTERVAL_S:
            self._probed_at = now
            await self._probe()

    async def _probe(self) -> None:
        """Write and read again what did not work; that it works ends the outage."""
        if Cause.UNWRITABLE in self.outages:
            for work in (fill_disk, unfill_disk):
                probe = PendingWrite(work, asyncio.get_running_loop().create_future())
                await self._commit([probe])
                if probe.done.exception() is not None:
                    return
            self.outages.end(Cause.UNWRITABLE)
        if (unread := self._unread) is not None:
            try:
                await self._read(unread)
            except sqlite3.Error as error:
                if self.failed(error, unread):
                    return
            except Exception:  # noqa: BLE001, S110 - an error of the work: the file was read
                pass
            self._unread = None
            self.outages.end(Cause.UNREADABLE)

    def _has_moved(self) -> bool:
        """Whether a name of the database means another file now, or none; on the writer's thread."""
        problem = self._identity.problem()
        if problem is None:
            self.outages.end(Cause.NO_FILE)
        else:
            self.outages.begin(Cause.NO_FILE, problem)
        return problem is not None

    async def _commit(self, group: list[PendingWrite]) -> None:
        began = time.monotonic()
        watch = StallWatch(STALL_S, partial(self._stalled, self._clock.now()))
        failure: BaseException | None = None
        results: list[_Result] = []
        try:
            results = await self._writer.run(partial(self._run_admitted, group))
        except sqlite3.Error as error:
            failure = self.failed(error) or error
        except BaseException as error:  # noqa: BLE001 - raised in each caller below
            failure = error
        watch.end()
        self.outages.end(Cause.STALLED)
        if failure is None and self.on_commit is not None:
            self.on_commit(time.monotonic() - began, len(group))
        for write, result, refused in results if failure is None else [(w, None, failure) for w in group]:
            if write.done.done():
                continue
            if refused is not None:
                write.done.set_exception(refused)
            else:
                write.done.set_result(result)

    def _stalled(self, since: Millis) -> None:
        """The commit that began at `since` has not ended yet."""
        if self.outage is None:
            self.outages.begin(Cause.STALLED, LOCKED if self._locking else SLOW, since)

    def _run_admitted(self, group: list[PendingWrite], connection: Tx) -> list[_Result]:
        """Run what may be written now in one transaction, and refuse the rest; on the writer's thread.

        Looked at before each commit: nothing is claimed in a file that has lost its name.
        """
        self._has_moved()
        outage = self.outage
        if outage is None or not outage.lasts:
            return self._run_locked(group, connection)
        refused = StorageError(outage.advice)
        records = [each for each in group if each.is_record]
        recorded = self._run_locked(records, connection) if records else []
        return [*recorded, *((each, None, refused) for each in group if not each.is_record)]

    def _run_locked(self, group: list[PendingWrite], connection: Tx) -> list[_Result]:
        self._locking = True
        try:
            with self.write_lock:
                rollback(connection)  # the last transaction is still open if its rollback failed
                connection.execute("BEGIN IMMEDIATE")
                self._locking = False
                taken = [each for each in group if each.take()]
                results = run_group([each.work for each in taken], connection)
                return [(each, *result) for each, result in zip(taken, results, strict=True)]
        finally:
            self._locking = False
