"""The job queue on Huey: a job says only "send broadcast N"; the recipients' rows say what is to be sent.

Huey deletes a task before it runs it, so a job may be lost, doubled or stale; nothing depends on it
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

from wacrmd.log import get_logger
from wacrmd.services.context import WorkerStats

QUEUE = "wacrmd"
"""The value of `queue` in Huey's tables."""

POLL_EVERY_S = 1.0
"""How often an idle worker reads the task table unasked, so that a job whose wake-up was lost is found too."""

BUSY_TIMEOUT_S = 10.0
"""How long collecting jobs waits for our own writer before it tries again later."""

UNWIND_S = 5.0
"""How long `DispatchQueue.stop` waits for runs that it had to cancel."""

SendBroadcast = Callable[[int], Awaitable[None]]
"""Send to the due recipients of one broadcast; called on the event loop with its id."""

log = get_logger(__name__)


class _JsonMessages(Serializer):  # type: ignore[misc]  # huey ships no types
    """Huey's messages as JSON: a file that somebody else wrote to must not run code, as pickle would."""

    def _serialize(self, data: Message) -> bytes:
        return json.dumps({"id": data.id, "name": data.name, "args": data.args}).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(**json.loads(data))


class _JobStorage(SqliteStorage):  # type: ignore[misc]  # huey ships no types
    """Huey's SQLite storage whose `dequeue` sleeps on a condition and collects all waiting rows at once.

    Collected jobs wait in memory in the order they came, at most one for each broadcast, together with those
    that were enqueued without a transaction, so neither kind can starve the other.
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
        # A lost delete only makes a job run twice, so this connection need not wait for the disk; and it never
        # checkpoints, because when the WAL's pages move to the file is our writer's business.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        return connection

    def wake(self) -> None:
        """Say that rows have been committed to the task table."""
        with self._changed:
            self._has_new_rows = True
            self._changed.notify()

    def put(self, broadcast_id: int, message: bytes) -> None:
        """Append a job, unless one for the same broadcast waits already."""
        with self._changed:
            self._jobs.setdefault(broadcast_id, message)
            self._changed.notify()

    def waiting(self) -> int:
        """How many jobs wait in memory."""
        with self._changed:
            return len(self._jobs)

    def clear(self) -> None:
        """Drop the jobs in memory."""
        with self._changed:
            self._jobs.clear()

    def stop(self) -> None:
        """Let every present and future `dequeue` return nothing at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def dequeue(self) -> bytes | None:
        """The next job, or None after `POLL_EVERY_S` without one; called by Huey's workers."""
        with self._changed:
            if not (self._jobs or self._has_new_rows or self._closed):
                self._changed.wait(POLL_EVERY_S)
            now = time.monotonic()
            poll = self._has_new_rows or (not self._jobs and now >= self._poll_at)
            if poll:
                self._has_new_rows = False
                self._poll_at = now + POLL_EVERY_S
            if self._closed:
                return None
        if poll:
            try:
                self._collect()
            except sqlite3.Error as error:
                # Busy, or a full disk: the transaction was rolled back, the rows are still there.
                log.warning("queue_read_failed", error=str(error))
                with self._changed:
                    self._has_new_rows = True
                    if not self._jobs and not self._closed:
                        self._changed.wait(POLL_EVERY_S)
        with self._changed:
            if self._closed or not self._jobs:
                return None
            return self._jobs.pop(next(iter(self._jobs)))

    def _collect(self) -> None:
        """Move all rows of the task table into memory; raises sqlite3.Error with nothing moved."""
        if not self.queue_size():
            return
        with self.db(commit=True) as cursor:
            cursor.execute(
                "SELECT id, data FROM task WHERE queue = ? ORDER BY priority DESC, id", (self.name,)
            )
            rows = cursor.fetchall()
            cursor.execute("DELETE FROM task WHERE queue = ?", (self.name,))
        jobs = list(_readable(data for _, data in rows))
        with self._changed:
            for broadcast_id, data in jobs:
                self._jobs.setdefault(broadcast_id, data)
            self._changed.notify(len(jobs))

    def peek_many(self, keys: Iterable[str]) -> dict[str, bytes]:  # noqa: ARG002 - Huey's signature
        """Nothing is ever revoked (a cancelled broadcast is a row), so no read of the file for each task."""
        return {}

    def delete_data(self, key: str) -> bool:  # noqa: ARG002 - Huey's signature
        """Nothing is ever revoked, so no write transaction after each task."""
        return False


def _readable(messages: Iterable[bytes]) -> Iterable[tuple[int, bytes]]:
    """The broadcast of each message that is one of ours; others are logged and dropped."""
    for data in messages:
        try:
            (broadcast_id,) = json.loads(data)["args"]
            if not isinstance(broadcast_id, int):
                raise TypeError("the argument is no id of a broadcast")  # noqa: TRY301 - one way out for all faults
        except (ValueError, KeyError, TypeError) as error:
            log.warning("broadcast_job_dropped", error=str(error))
        else:
            yield broadcast_id, data


class _IdleScheduler(Scheduler):  # type: ignore[misc]  # huey ships no types
    """Delays and retries are our rows; Huey's schedule would cost a write lock every second."""

    def loop(self, now: object = None) -> None:  # noqa: ARG002 - Huey's signature
        """Wait for the end."""
        self.stop_flag.wait()


class _Workers(Consumer):  # type: ignore[misc]  # huey ships no types
    """Huey's worker threads inside our process, where the daemon handles the signals and the queue watches the threads."""

    scheduler_class = _IdleScheduler

    def _set_signal_handlers(self) -> None:
        """Leave the process's signal handlers alone."""

    def alive(self) -> int:
        """How many worker threads live."""
        return sum(thread.is_alive() for _, thread in self.worker_threads)

    def join(self, timeout_s: float) -> bool:
        """Wait for all threads; False if one still runs after `timeout_s`."""
        self.shutdown_timeout = timeout_s
        return bool(self._join_workers())


class DispatchQueue:
    """Takes jobs in a transaction or without one, and runs `send_broadcast` for each on one of `workers` threads."""

    def __init__(self, path: Path, workers: int) -> None:
        logging.getLogger("huey").setLevel(logging.WARNING)  # it tells of every task, at INFO
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
        self._runs: set[CancelScope] = set()

    @staticmethod
    def create_tables(tx: sqlite3.Connection) -> None:
        """Create Huey's own tables where they are missing."""
        for statement in SqliteStorage.ddl:
            tx.execute(statement)

    def flush(self, tx: sqlite3.Connection) -> None:
        """Empty the queue, in the caller's transaction; at start, before all is enqueued again from the rows."""
        tx.execute("DELETE FROM task WHERE queue = ?", (QUEUE,))
        self._storage.clear()

    def enqueue_in(self, tx: sqlite3.Connection, broadcast_id: int) -> None:
        """Store the job in the caller's transaction: it exists exactly if that commits. Call `wake` afterwards."""
        tx.execute(
            "INSERT INTO task (queue, data, priority) VALUES (?, ?, 0)", (QUEUE, self._message(broadcast_id))
        )

    def wake(self) -> None:
        """Wake a worker for what `enqueue_in` has committed; from any thread, never blocks for long."""
        self._storage.wake()

    def enqueue(self, broadcast_id: int) -> None:
        """Enqueue without a transaction: in memory, lost at a crash; from any thread, never blocks for long."""
        self._storage.put(broadcast_id, self._message(broadcast_id))

    def start(self, portal: BlockingPortal, send_broadcast: SendBroadcast) -> None:
        """Start the workers; each job runs `send_broadcast` on the portal's event loop."""
        self._portal, self._send_broadcast = portal, send_broadcast
        self._workers = _Workers(self._huey, workers=self._count, periodic=False)
        self._workers.start()

    async def stop(self, grace_s: float) -> None:
        """Take no more jobs, give the running ones `grace_s`, then cancel them; the portal still serves."""
        workers, self._workers = self._workers, None
        if workers is None:
            return
        workers.stop_flag.set()
        self._storage.stop()
        limiter = CapacityLimiter(1)  # the common one may be taken by what we wait for
        if not await to_thread.run_sync(workers.join, grace_s, limiter=limiter):
            log.warning("broadcast_jobs_cancelled", jobs=len(self._runs), grace_s=grace_s)
            for run in tuple(self._runs):
                run.cancel()
            if not await to_thread.run_sync(workers.join, UNWIND_S, limiter=limiter):
                log.error("broadcast_jobs_stuck", jobs=len(self._runs))
                return  # its thread may still use the connection; both end with the process
        await to_thread.run_sync(self._storage.close, limiter=limiter)

    def replace_dead_workers(self) -> None:
        """Start a new thread for each worker that died; call it now and then."""
        if self._workers is not None:
            self._workers.check_worker_health()

    def health(self) -> WorkerStats:
        """The state of the workers, without reading the file."""
        return WorkerStats(
            workers=self._count,
            workers_alive=self._workers.alive() if self._workers is not None else 0,
            busy=len(self._runs),
            waiting=self._storage.waiting(),
        )

    def _message(self, broadcast_id: int) -> bytes:
        message: bytes = self._huey.serialize_task(self._task.s(broadcast_id))
        return message

    def _run(self, broadcast_id: int) -> None:
        """The task's body, on a worker thread: one trip to the event loop and back."""
        if self._portal is None:
            return
        try:
            self._portal.call(self._run_on_loop, broadcast_id)
        except (RuntimeError, CancelledError) as error:
            # The loop goes down under us; the rows are enqueued again at the next start.
            log.warning("broadcast_job_aborted", broadcast_id=broadcast_id, error=repr(error))

    async def _run_on_loop(self, broadcast_id: int) -> None:
        """One run in its own cancel scope; a crash is logged, and the scheduler enqueues it again."""
        if self._send_broadcast is None:
            return
        with CancelScope() as scope:
            self._runs.add(scope)
            try:
                await self._send_broadcast(broadcast_id)
            except Exception:
                log.exception("broadcast_job_crashed", broadcast_id=broadcast_id)
            finally:
                self._runs.discard(scope)
