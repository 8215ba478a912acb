"""The job queue, on Huey. A job says "send broadcast N"; what is to be sent is read from the recipients' rows.

Huey deletes a task before it runs it. So a job may be lost, run twice or find nothing to do, without harm
(docs/adr/0004-rows-are-the-queue.md). This is the only module that imports huey.
"""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

from anyio import CancelScope, CapacityLimiter, to_thread
from anyio.from_thread import BlockingPortal
from huey import SqliteHuey
from huey.consumer import Consumer, Scheduler
from huey.registry import Message
from huey.serializer import Serializer
from huey.storage import SqliteStorage

from wacrmd.domain.throughput import WorkerStats
from wacrmd.log import get_logger

QUEUE = "wacrmd"
"""The value of `queue` in Huey's tables."""

POLL_INTERVAL_S = 1.0
"""How often an idle worker reads the task table by itself, to find jobs whose wake-up was missed."""

BUSY_TIMEOUT_S = 10.0
"""How long reading the task table waits for the daemon's own writer before it is tried again."""

CANCEL_GRACE_S = 5.0
"""How long `DispatchQueue.stop` waits for jobs that it has cancelled."""

SendBroadcast = Callable[[int], Awaitable[None]]
"""What a job runs, on the event loop: send to due recipients of the broadcast with this id."""

log = get_logger(__name__)


class _JsonMessages(Serializer):  # type: ignore[misc]  # huey ships no types
    """Huey's messages as JSON: unlike pickle they cannot run code, even if somebody else wrote to the file."""

    def _serialize(self, data: Message) -> bytes:
        return json.dumps({"id": data.id, "name": data.name, "args": data.args}).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(**json.loads(data))


class _JobStorage(SqliteStorage):  # type: ignore[misc]  # huey ships no types
    """Huey's SQLite storage whose `dequeue` waits on a condition, and reads all waiting rows at once.

    Jobs wait in memory, in the order of their arrival and at most one for each broadcast: those from the task table
    and those that were enqueued without a transaction.
    """

    blocking = True
    begin_sql = "begin immediate"

    def __init__(self, name: str, **settings: Any) -> None:
        super().__init__(name, journal_mode=None, timeout=BUSY_TIMEOUT_S, create_tables=False, **settings)
        self._changed = threading.Condition()
        self._jobs: dict[int, bytes] = {}
        self._has_new_rows = True
        self._poll_at = 0.0
        self._closed = False

    def _create_connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = super()._create_connection()
        # A lost delete only makes a job run twice, so this connection need not wait for the disk. And it never
        # checkpoints: the daemon's own writer decides when the WAL is moved to the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        return connection

    def wake(self) -> None:
        """Rows have been committed to the task table."""
        with self._changed:
            self._has_new_rows = True
            self._changed.notify()

    def put(self, broadcast_id: int, message: bytes) -> None:
        """Add a job, unless one for the same broadcast is waiting."""
        with self._changed:
            self._jobs.setdefault(broadcast_id, message)
            self._changed.notify()

    def waiting(self) -> int:
        """How many jobs wait in memory."""
        with self._changed:
            return len(self._jobs)

    def clear(self) -> None:
        """Delete the jobs in memory."""
        with self._changed:
            self._jobs.clear()

    def stop(self) -> None:
        """Make every `dequeue`, also those that are waiting, return nothing at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def dequeue(self) -> bytes | None:
        """The next job, or None after `POLL_INTERVAL_S` without one; called by Huey's workers."""
        with self._changed:
            if not (self._jobs or self._has_new_rows or self._closed):
                self._changed.wait(POLL_INTERVAL_S)
            now = time.monotonic()
            poll = self._has_new_rows or (not self._jobs and now >= self._poll_at)
            if poll:
                self._has_new_rows = False
                self._poll_at = now + POLL_INTERVAL_S
            if self._closed:
                return None
        if poll:
            try:
                self._read_tasks()
            except sqlite3.Error as error:
                # Busy, or a full disk: the transaction was rolled back, the rows are still there.
                log.warning("queue_read_failed", error=str(error))
                with self._changed:
                    self._has_new_rows = True
                    if not self._jobs and not self._closed:
                        self._changed.wait(POLL_INTERVAL_S)
        with self._changed:
            if self._closed or not self._jobs:
                return None
            return self._jobs.pop(next(iter(self._jobs)))

    def _read_tasks(self) -> None:
        """Move all rows of the task table into memory; raises sqlite3.Error and then moves none."""
        if not self.queue_size():
            return
        with self.db(commit=True) as cursor:
            cursor.execute(
                "SELECT id, data FROM task WHERE queue = ? ORDER BY priority DESC, id", (self.name,)
            )
            rows = cursor.fetchall()
            cursor.execute("DELETE FROM task WHERE queue = ?", (self.name,))
        jobs = list(_parse_jobs(data for _, data in rows))
        with self._changed:
            for broadcast_id, data in jobs:
                self._jobs.setdefault(broadcast_id, data)
            self._changed.notify(len(jobs))

    def peek_many(self, keys: Iterable[str]) -> dict[str, bytes]:  # noqa: ARG002 - Huey's signature
        """Nothing is ever revoked (cancelling changes a broadcast's row), so the file is not read for each task."""
        return {}

    def delete_data(self, key: str) -> bool:  # noqa: ARG002 - Huey's signature
        """Nothing is ever revoked, so nothing is written after each task."""
        return False


def _parse_jobs(messages: Iterable[bytes]) -> Iterable[tuple[int, bytes]]:
    """(broadcast id, message) of each message that is a job; others are logged and dropped."""
    for data in messages:
        try:
            (broadcast_id,) = json.loads(data)["args"]
            if not isinstance(broadcast_id, int):
                raise TypeError("the argument is not the id of a broadcast")  # noqa: TRY301 - handled like the others
        except (ValueError, KeyError, TypeError) as error:
            log.warning("broadcast_job_dropped", error=str(error))
        else:
            yield broadcast_id, data


class _IdleScheduler(Scheduler):  # type: ignore[misc]  # huey ships no types
    """Does nothing: delays and retries are rows of the daemon, and Huey's schedule costs a write lock every second."""

    def loop(self, now: object = None) -> None:  # noqa: ARG002 - Huey's signature
        """Wait until the workers stop."""
        self.stop_flag.wait()


class _Workers(Consumer):  # type: ignore[misc]  # huey ships no types
    """Huey's worker threads in this process: the daemon handles signals, and the queue checks the threads."""

    scheduler_class = _IdleScheduler

    def _set_signal_handlers(self) -> None:
        """Install no signal handlers."""

    def alive(self) -> int:
        """How many worker threads are alive."""
        return sum(thread.is_alive() for _, thread in self.worker_threads)

    def join(self, timeout_s: float) -> bool:
        """Wait for all threads; False if one is still running after `timeout_s`."""
        self.shutdown_timeout = timeout_s
        return bool(self._join_workers())


class DispatchQueue:
    """Jobs, enqueued in a transaction or without one; each runs `send_broadcast` on one of `workers` threads."""

    def __init__(self, path: Path, workers: int) -> None:
        logging.getLogger("huey").setLevel(logging.WARNING)  # at INFO it logs every task
        self._huey = SqliteHuey(
            QUEUE,
            results=False,
            serializer=_JsonMessages(),
            storage_class=_JobStorage,
            filename=str(path),
            cache_mb=0,
        )
        self._storage: _JobStorage = self._huey.storage
        self._task = self._huey.task(name="send_broadcast")(self._run)
        self._count = workers
        self._workers: _Workers | None = None
        self._portal: BlockingPortal | None = None
        self._send_broadcast: SendBroadcast | None = None
        self._running: set[CancelScope] = set()

    @staticmethod
    def create_tables(tx: sqlite3.Connection) -> None:
        """Create Huey's own tables if they are missing."""
        for statement in SqliteStorage.ddl:
            tx.execute(statement)

    def flush(self, tx: sqlite3.Connection) -> None:
        """Delete all jobs, in the caller's transaction; at start, before jobs are enqueued from the broadcasts' rows."""
        tx.execute("DELETE FROM task WHERE queue = ?", (QUEUE,))
        self._storage.clear()

    def enqueue_in(self, tx: sqlite3.Connection, broadcast_id: int) -> None:
        """Store a job in the caller's transaction. Call `wake` after the commit."""
        tx.execute(
            "INSERT INTO task (queue, data, priority) VALUES (?, ?, 0)", (QUEUE, self._message(broadcast_id))
        )

    def wake(self) -> None:
        """Wake a worker for committed jobs; from any thread, does not block for long."""
        self._storage.wake()

    def enqueue(self, broadcast_id: int) -> None:
        """Store a job in memory, where a crash loses it; from any thread, does not block for long."""
        self._storage.put(broadcast_id, self._message(broadcast_id))

    def start(self, portal: BlockingPortal, send_broadcast: SendBroadcast) -> None:
        """Start the workers; jobs run on the portal's event loop."""
        self._portal, self._send_broadcast = portal, send_broadcast
        self._workers = _Workers(self._huey, workers=self._count, periodic=False)
        self._workers.start()

    async def stop(self, grace_s: float) -> None:
        """Start no more jobs, wait `grace_s` for those that are running, then cancel them. The portal must still run."""
        workers, self._workers = self._workers, None
        if workers is None:
            return
        workers.stop_flag.set()
        self._storage.stop()
        limiter = CapacityLimiter(1)  # the default one may be used up by the jobs that are waited for
        if not await to_thread.run_sync(workers.join, grace_s, limiter=limiter):
            log.warning("broadcast_jobs_cancelled", jobs=len(self._running), grace_s=grace_s)
            for run in tuple(self._running):
                run.cancel()
            if not await to_thread.run_sync(workers.join, CANCEL_GRACE_S, limiter=limiter):
                log.error("broadcast_jobs_stuck", jobs=len(self._running))
                return  # the thread may still use the connection; both end with the process
        await to_thread.run_sync(self._storage.close, limiter=limiter)

    def replace_dead_workers(self) -> None:
        """Start a new thread for each worker thread that has died."""
        if self._workers is not None:
            self._workers.check_worker_health()

    def health(self) -> WorkerStats:
        """The state of the workers, without reading the file."""
        return WorkerStats(
            workers=self._count,
            workers_alive=self._workers.alive() if self._workers is not None else 0,
            busy=len(self._running),
            waiting=self._storage.waiting(),
        )

    def _message(self, broadcast_id: int) -> bytes:
        message: bytes = self._huey.serialize_task(self._task.s(broadcast_id))
        return message

    def _run(self, broadcast_id: int) -> None:
        """The task's body, on a worker thread: runs the job on the event loop and waits for it."""
        if self._portal is None:
            return
        try:
            self._portal.call(self._run_on_loop, broadcast_id)
        except (RuntimeError, CancelledError) as error:
            # The event loop is stopping; the broadcast is enqueued again at the next start.
            log.warning("broadcast_job_aborted", broadcast_row=broadcast_id, error=repr(error))

    async def _run_on_loop(self, broadcast_id: int) -> None:
        """One job in its own cancel scope; a crash is logged, and the scheduler enqueues the broadcast again."""
        if self._send_broadcast is None:
            return
        with CancelScope() as scope:
            self._running.add(scope)
            try:
                await self._send_broadcast(broadcast_id)
            except Exception:
                log.exception("broadcast_job_crashed", broadcast_row=broadcast_id)
            finally:
                self._running.discard(scope)
