"""The job queue, on Huey. A job says "send broadcast N"; what is to be sent is read from the recipients' rows.

Huey deletes a task before it runs it. So a job may be lost, run twice or find nothing to do, without harm
(docs/adr/0004-rows-are-the-queue.md). This package alone imports huey.
"""

import sqlite3
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import partial
from math import ceil
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from anyio import CancelScope, CapacityLimiter, to_thread
from anyio.from_thread import BlockingPortal
from huey import SqliteHuey
from huey.consumer import Consumer
from huey.signals import SIGNAL_ERROR

from wacrmd.dispatch.storage import TABLES, JobMessages, JobStorage
from wacrmd.domain.throughput import WorkerStats
from wacrmd.errors import describe
from wacrmd.log import get_logger
from wacrmd.store.write_lock import WriteLock

QUEUE = "wacrmd"
"""The value of `queue` in Huey's tables."""

CANCEL_GRACE_S = 5.0
"""How long `DispatchQueue.stop` waits for jobs that it has cancelled."""

MAX_RETRY_DELAY_S = 1.0
"""How long a worker waits at most before it reads the table again after an error (Huey's default is 10 s)."""

SCHEDULER_INTERVAL_S = 60
"""How often Huey looks for delayed tasks, of which there are none: delays are rows of the daemon. 60 is Huey's maximum."""

MAX_JOBS_AT_ONCE = 100
"""How many jobs `DispatchQueue.enqueue_many` stores at most."""

SendBroadcast = Callable[[int], Awaitable[None]]
"""What a job runs, on the event loop: send to due recipients of the broadcast with this id."""

log = get_logger(__name__)


class _Consumer(Consumer):  # type: ignore[misc]  # huey ships no types
    """Huey's consumer as a part of the daemon."""

    def _set_signal_handlers(self) -> None:
        """Install none: the daemon handles signals, and Huey has no option for that."""

    def alive(self) -> int:
        """How many worker threads are alive."""
        return sum(thread.is_alive() for _, thread in self.worker_threads)


class _Huey(SqliteHuey):  # type: ignore[misc]  # huey ships no types
    """Huey with the daemon's consumer."""

    storage: JobStorage

    def create_consumer(self, **options: Any) -> _Consumer:
        """The consumer, not started yet."""
        return _Consumer(self, **options)


class DispatchQueue:
    """Jobs, enqueued in a transaction or without one; each runs `send_broadcast` on one of `workers` threads.

    `write_lock` is held by whoever has a write transaction in the file (`store/database.py`).
    """

    def __init__(self, path: Path, workers: int, write_lock: WriteLock | None = None) -> None:
        self.on_signal: Callable[[str], None] | None = None
        """Called on a worker's thread for each of Huey's signals: enqueued, executing, complete, error."""
        self._huey = _Huey(
            QUEUE,
            results=False,
            serializer=JobMessages(known=f"{__name__}.send_broadcast", dropped=f"{__name__}.drop_message"),
            storage_class=JobStorage,
            filename=str(path),
            cache_mb=0,
            write_lock=write_lock or WriteLock(),
        )
        self.storage: JobStorage = self._huey.storage
        self._send = self._huey.task(name="send_broadcast")(self._run)
        self._huey.task(name="drop_message")(_drop)
        self._huey.signal()(self._signalled)
        self.workers = workers
        self._consumer: _Consumer | None = None
        self._portal: BlockingPortal | None = None
        self._send_broadcast: SendBroadcast | None = None
        self._not_stored: Callable[[int], object] | None = None
        self._running: set[CancelScope] = set()
        self._storing: threading.Thread | None = None
        self._given: SimpleQueue[int | None] = SimpleQueue()
        """What `enqueue` gives to the thread that stores it, which takes it at once."""

    @staticmethod
    def create_tables(tx: sqlite3.Connection) -> None:
        """Create Huey's own tables if they are missing."""
        for statement in TABLES:
            tx.execute(statement)

    def flush(self, tx: sqlite3.Connection) -> None:
        """Delete all jobs, in the caller's transaction; at start, before jobs are enqueued from the broadcasts' rows."""
        tx.execute("DELETE FROM task WHERE queue = ?", (QUEUE,))

    def enqueue_in(self, tx: sqlite3.Connection, broadcast_id: int) -> None:
        """Store a job in the caller's transaction. Call `wake` after the commit."""
        message = self._huey.serialize_task(self._send.s(broadcast_id))
        tx.execute("INSERT INTO task (queue, data, priority) VALUES (?, ?, 0)", (QUEUE, message))

    def wake(self) -> None:
        """Wake a worker for committed jobs; from any thread, does not block for long."""
        self.storage.wake()

    def enqueue(self, broadcast_id: int) -> None:
        """Store a job with `huey.enqueue`; from any thread, does not block: a thread of its own waits for the file."""
        self._given.put(broadcast_id)

    def enqueue_many(self, broadcast_ids: Iterable[int]) -> None:
        """Store jobs for these broadcasts, as `enqueue` does; of very many, for some that are spread evenly.

        A job reads broadcasts after its own too (`sender/job.py`), and what none has read is enqueued by the scheduler.
        """
        for broadcast_id in _spread(broadcast_ids, MAX_JOBS_AT_ONCE):
            self.enqueue(broadcast_id)

    def waiting_in(self, tx: sqlite3.Connection) -> set[int]:
        """The broadcasts for which a job is stored, as of the caller's transaction."""
        rows = tx.execute("SELECT CAST(data AS BLOB) FROM task WHERE queue = ?", (QUEUE,)).fetchall()
        jobs = [self._huey.deserialize_task(data) for (data,) in rows]
        return {job.args[0] for job in jobs if isinstance(job, self._send.task_class)}

    def start(
        self,
        portal: BlockingPortal,
        send_broadcast: SendBroadcast,
        not_stored: Callable[[int], object] | None = None,
    ) -> None:
        """Start the workers; jobs run on the portal's event loop.

        `not_stored` is called there with the broadcast of a job that `enqueue` could not store.
        """
        self._portal, self._send_broadcast, self._not_stored = portal, send_broadcast, not_stored
        self._consumer = self._huey.create_consumer(
            workers=self.workers,
            periodic=False,
            scheduler_interval=SCHEDULER_INTERVAL_S,
            max_delay=MAX_RETRY_DELAY_S,
        )
        self._consumer.start()
        self._storing = threading.Thread(target=self._store_given, name="Enqueue", daemon=True)
        self._storing.start()

    async def stop(self, grace_s: float) -> None:
        """Start no more jobs, wait `grace_s` for those that are running, then cancel them. The portal must still run.

        What was given to `enqueue` and is not stored yet is forgotten: the next start stores jobs from the rows.
        """
        consumer, self._consumer = self._consumer, None
        if consumer is None or self._storing is None:
            return
        self._given.put(None)
        consumer.stop_flag.set()
        self.storage.stop()
        limiter = CapacityLimiter(1)  # the default one may be used up by the jobs that are waited for
        stop = partial(to_thread.run_sync, partial(consumer.stop, graceful=True), limiter=limiter)
        consumer.shutdown_timeout = grace_s
        await stop()
        if consumer.alive():
            log.warning("broadcast_jobs_cancelled", jobs=len(self._running), grace_s=grace_s)
            for run in tuple(self._running):
                run.cancel()
            consumer.shutdown_timeout = CANCEL_GRACE_S
            await stop()
            if consumer.alive():
                log.error("broadcast_jobs_stuck", jobs=len(self._running))
                return  # the thread may still use the connection; both end with the process
        await to_thread.run_sync(
            self._storing.join, CANCEL_GRACE_S, limiter=limiter
        )  # it uses the connection too
        await to_thread.run_sync(self.storage.close, limiter=limiter)

    def replace_dead_workers(self) -> None:
        """Start a new thread for each worker thread that has died."""
        if self._consumer is not None:
            self._consumer.check_worker_health()

    def workers_alive(self) -> int:
        """How many workers are alive."""
        return self._consumer.alive() if self._consumer is not None else 0

    def workers_dead(self) -> int:
        """How many workers have died; none after `stop`, which ends them."""
        return self.workers - self._consumer.alive() if self._consumer is not None else 0

    def health(self, tx: sqlite3.Connection) -> WorkerStats:
        """The state of the workers, and the length of the queue as of the caller's transaction.

        Huey's own `pending_count` would wait for the connection, and so for the daemon's writer.
        """
        (waiting,) = tx.execute("SELECT count(*) FROM task WHERE queue = ?", (QUEUE,)).fetchone()
        return WorkerStats(
            self.workers, self.workers_alive(), self.workers_dead(), len(self._running), waiting
        )

    def _store_given(self) -> None:
        """Store what was given to `enqueue`; a job that cannot be stored is lost, and the loop is told."""
        while (broadcast_id := self._given.get()) is not None:
            if self._consumer is None:  # it is being stopped
                continue
            try:
                self._huey.enqueue(self._send.s(broadcast_id, priority=1))  # not behind thousands of new ones
            except Exception as error:  # noqa: BLE001 - without this thread nothing more would be sent
                log.debug("broadcast_job_not_stored", broadcast_row=broadcast_id, error=describe(error))
                if self._portal is not None and self._not_stored is not None:
                    with suppress(RuntimeError):  # the event loop is stopping
                        self._portal.start_task_soon(self._not_stored, broadcast_id)

    def _signalled(self, signal: str, task: Any, error: BaseException | None = None) -> None:
        """Huey's signals, on the thread that causes them."""
        if signal == SIGNAL_ERROR:
            log.error("broadcast_job_crashed", broadcast_row=task.args[0], exc_info=error)
        if self.on_signal is not None:
            self.on_signal(signal)

    def _run(self, broadcast_id: int) -> None:
        """The task `send_broadcast`, on a worker thread: runs the job on the event loop and waits for it."""
        if self._portal is None:
            return
        try:
            self._portal.call(self._run_on_loop, broadcast_id)
        except (RuntimeError, CancelledError) as error:
            # The event loop is stopping; the broadcast is enqueued again at the next start.
            log.warning("broadcast_job_aborted", broadcast_row=broadcast_id, error=repr(error))

    async def _run_on_loop(self, broadcast_id: int) -> None:
        """One job in its own cancel scope."""
        if self._send_broadcast is None:
            return
        with CancelScope() as scope:
            self._running.add(scope)
            try:
                await self._send_broadcast(broadcast_id)
            finally:
                self._running.discard(scope)


def _spread(broadcast_ids: Iterable[int], count: int) -> list[int]:
    """At most `count` of the ids, spread evenly: the lowest, and each one after the same number of others."""
    ordered = sorted(broadcast_ids)
    return ordered[:: ceil(len(ordered) / count) or 1]


def _drop(problem: str) -> None:
    """The task `drop_message`: a row of the task table was no job."""
    log.warning("broadcast_job_dropped", error=problem)
