"""The job queue on a real file: jobs are stored in the caller's transaction."""

import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from anyio.from_thread import BlockingPortal
from huey import SqliteHuey
from structlog.testing import capture_logs

from tests.support.patience import PATIENCE_S, eventually
from wacrmd.dispatch.queue import QUEUE, DispatchQueue
from wacrmd.dispatch.storage import JobStorage
from wacrmd.store.write_lock import WriteLock

pytestmark = pytest.mark.anyio


class Runs:
    """The broadcasts that jobs ran for, and a way to wait for them."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self._changed = anyio.Event()

    async def send_broadcast(self, broadcast_id: int) -> None:
        self.seen.append(broadcast_id)
        self._changed.set()
        self._changed = anyio.Event()

    async def until(self, count: int) -> None:
        with anyio.fail_after(PATIENCE_S):
            while len(self.seen) < count:
                await self._changed.wait()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "wacrmd.db"


@pytest.fixture
def db(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_S)
    connection.execute("PRAGMA journal_mode = WAL")
    DispatchQueue.create_tables(connection)
    yield connection
    connection.close()


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    db.execute("BEGIN IMMEDIATE")
    yield db
    db.execute("COMMIT")


@asynccontextmanager
async def running(
    queue: DispatchQueue,
    send_broadcast: Callable[[int], Awaitable[None]],
    grace_s: float = 5,
    not_stored: Callable[[int], object] | None = None,
) -> AsyncIterator[None]:
    async with BlockingPortal() as portal:
        queue.start(portal, send_broadcast, not_stored)
        try:
            yield
        finally:
            await queue.stop(grace_s)


def rows(db: sqlite3.Connection) -> int:
    count: int = db.execute("SELECT count(*) FROM task").fetchone()[0]
    return count


def trace(queue: DispatchQueue, callback: Callable[[str], object] | None) -> None:
    """Call back for each statement; while no worker is in one, or it and this thread would wait for each other."""
    with queue._huey.storage.lock:
        queue._huey.storage.conn.set_trace_callback(callback)


async def test_a_job_of_a_committed_transaction_runs(path: Path, db: sqlite3.Connection) -> None:
    queue, runs = DispatchQueue(path, 2), Runs()
    async with running(queue, runs.send_broadcast):
        with transaction(db) as tx:
            queue.enqueue_in(tx, 7)
        queue.wake()
        await runs.until(1)
    assert runs.seen == [7]
    assert rows(db) == 0


async def test_a_job_of_a_rolled_back_transaction_does_not_run(path: Path, db: sqlite3.Connection) -> None:
    queue, runs = DispatchQueue(path, 1), Runs()
    async with running(queue, runs.send_broadcast):
        db.execute("BEGIN IMMEDIATE")
        queue.enqueue_in(db, 7)
        db.execute("ROLLBACK")
        queue.wake()
        with transaction(db) as tx:
            queue.enqueue_in(tx, 8)
        queue.wake()
        await runs.until(1)
    assert runs.seen == [8]


async def test_jobs_stored_before_the_start_are_run(path: Path, db: sqlite3.Connection) -> None:
    with transaction(db) as tx:
        DispatchQueue(path, 1).enqueue_in(tx, 7)
    runs = Runs()
    async with running(DispatchQueue(path, 1), runs.send_broadcast):
        await runs.until(1)
    assert runs.seen == [7]


async def test_a_committed_job_without_a_wake_up_is_found_by_polling(
    path: Path, db: sqlite3.Connection
) -> None:
    queue, runs = DispatchQueue(path, 1), Runs()
    async with running(queue, runs.send_broadcast):
        queue.enqueue(1)
        await runs.until(1)
        with transaction(db) as tx:
            queue.enqueue_in(tx, 7)
        await runs.until(2)
    assert runs.seen == [1, 7]


async def test_flush_empties_the_queue_in_the_callers_transaction(path: Path, db: sqlite3.Connection) -> None:
    queue, runs = DispatchQueue(path, 1), Runs()
    with transaction(db) as tx:
        queue.enqueue_in(tx, 7)
    with transaction(db) as tx:
        queue.flush(tx)
        queue.enqueue_in(tx, 9)
    async with running(queue, runs.send_broadcast):
        await runs.until(1)
    assert runs.seen == [9]


async def test_a_wake_up_after_the_commit_runs_the_job_before_the_next_poll(
    path: Path, db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wacrmd.dispatch.storage.POLL_INTERVAL_S", 3600.0)
    queue, runs = DispatchQueue(path, 4), Runs()
    async with running(queue, runs.send_broadcast):
        for n in range(50):
            with transaction(db) as tx:
                queue.enqueue_in(tx, n)
            queue.wake()
            await runs.until(n + 1)


async def test_jobs_run_in_the_order_of_their_arrival_and_the_length_of_the_queue_is_that_of_its_table(
    path: Path, db: sqlite3.Connection
) -> None:
    queue, runs, release = DispatchQueue(path, 1), Runs(), anyio.Event()

    async def send_broadcast(broadcast_id: int) -> None:
        await runs.send_broadcast(broadcast_id)
        await release.wait()

    async with running(queue, send_broadcast):
        queue.enqueue(1)
        await runs.until(1)
        with transaction(db) as tx:
            queue.enqueue_in(tx, 3)
        queue.wake()
        queue.enqueue(2)
        await eventually(lambda: rows(db) == 2)
        queue.enqueue(1)
        await eventually(lambda: rows(db) == 3)
        assert queue.health(db).waiting == 3
        assert queue.waiting_in(db) == {1, 2, 3}
        release.set()
        await runs.until(4)
    assert runs.seen == [1, 3, 2, 1]


async def test_a_number_whose_turn_it_is_does_not_wait_for_the_jobs_of_thousands_of_new_broadcasts(
    path: Path, db: sqlite3.Connection
) -> None:
    queue, runs, release = DispatchQueue(path, 1), Runs(), anyio.Event()

    async def send_broadcast(broadcast_id: int) -> None:
        await runs.send_broadcast(broadcast_id)
        await release.wait()

    async with running(queue, send_broadcast):
        queue.enqueue(1)
        await runs.until(1)
        with transaction(db) as tx:
            for n in range(10, 30):
                queue.enqueue_in(tx, n)
        queue.wake()
        queue.enqueue(2)
        await eventually(lambda: rows(db) == 21)
        release.set()
        await runs.until(22)
    assert runs.seen == [1, 10, 2, *range(11, 30)]


async def test_stored_jobs_are_not_starved_by_a_broadcast_that_enqueues_itself(
    path: Path, db: sqlite3.Connection
) -> None:
    queue, runs = DispatchQueue(path, 1), Runs()

    async def send_broadcast(broadcast_id: int) -> None:
        await runs.send_broadcast(broadcast_id)
        if broadcast_id == 1 and 2 not in runs.seen:
            queue.enqueue(1)
            await eventually(lambda: jobs_of_1() == 1)  # it is there before the worker looks again

    def jobs_of_1() -> int:
        (count,) = db.execute("SELECT count(*) FROM task WHERE CAST(data AS TEXT) LIKE '%[1]%'").fetchone()
        return int(count)

    async with running(queue, send_broadcast):
        queue.enqueue(1)
        await runs.until(3)
        with transaction(db) as tx:
            queue.enqueue_in(tx, 2)
        queue.wake()
        before = len(runs.seen)
        await eventually(lambda: 2 in runs.seen or len(runs.seen) >= before + 4)
        assert 2 in runs.seen


async def test_a_crash_of_a_job_is_logged_and_its_worker_continues(
    path: Path, db: sqlite3.Connection
) -> None:
    queue, runs = DispatchQueue(path, 1), Runs()

    async def send_broadcast(broadcast_id: int) -> None:
        if broadcast_id == 1:
            raise ZeroDivisionError
        await runs.send_broadcast(broadcast_id)

    with capture_logs() as events:
        async with running(queue, send_broadcast):
            queue.enqueue(1)
            queue.enqueue(2)
            await runs.until(1)
            assert queue.workers_alive() == 1
    assert [(e["event"], e["broadcast_row"]) for e in events] == [("broadcast_job_crashed", 1)]


async def test_a_dead_worker_is_replaced(path: Path, db: sqlite3.Connection) -> None:
    queue, runs = DispatchQueue(path, 1), Runs()
    async with running(queue, runs.send_broadcast):
        assert queue._consumer is not None
        dying = queue._consumer.worker_threads[0][1]
        queue._huey.dequeue = _raise_system_exit  # no handler of Huey catches this
        queue.enqueue(1)
        await anyio.to_thread.run_sync(dying.join)
        assert queue.workers_alive() == 0
        del queue._huey.dequeue
        queue.replace_dead_workers()
        assert queue.workers_alive() == 1
        await runs.until(1)


def _raise_system_exit() -> None:
    raise SystemExit


async def test_stop_waits_for_a_running_job(path: Path, db: sqlite3.Connection) -> None:
    queue, runs, done = DispatchQueue(path, 1), Runs(), []

    async def send_broadcast(broadcast_id: int) -> None:
        await runs.send_broadcast(broadcast_id)
        await eventually(lambda: queue._consumer is None)  # the queue is stopping
        done.append(broadcast_id)

    async with running(queue, send_broadcast, grace_s=PATIENCE_S):
        queue.enqueue(1)
        await runs.until(1)
        assert queue.health(db).busy == 1
        queue.enqueue(2)
    assert done == [1]
    assert queue.workers_alive() == 0


async def test_stop_cancels_a_job_that_takes_too_long(path: Path, db: sqlite3.Connection) -> None:
    queue, runs, unwound = DispatchQueue(path, 1), Runs(), []

    async def send_broadcast(broadcast_id: int) -> None:
        await runs.send_broadcast(broadcast_id)
        try:
            await anyio.sleep_forever()
        finally:
            unwound.append(broadcast_id)

    with capture_logs() as events:
        async with running(queue, send_broadcast, grace_s=0.05):
            queue.enqueue(1)
            await runs.until(1)
    assert unwound == [1]
    own = [each["event"] for each in events if each["logger"] != "huey.consumer"]  # it may say that it waited
    assert own == ["broadcast_jobs_cancelled"]


async def test_stopping_wakes_idle_workers(
    path: Path, db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that sleeps longer would exceed the stop timeout, which is logged."""
    monkeypatch.setattr("wacrmd.dispatch.storage.POLL_INTERVAL_S", 3600.0)
    with capture_logs() as events:
        async with running(DispatchQueue(path, 4), Runs().send_broadcast, grace_s=PATIENCE_S):
            pass
    assert events == []


async def test_no_thread_remains_after_stopping(path: Path, db: sqlite3.Connection) -> None:
    """Also with thousands of jobs that are not stored yet: nothing may write to the file after the stop."""
    queue, runs = DispatchQueue(path, 4), Runs()
    async with running(queue, runs.send_broadcast):
        for broadcast_id in range(5000):
            queue.enqueue(broadcast_id)
    assert rows(db) + len(runs.seen) < 2500, "the others are forgotten: the stop does not wait for them"
    names = {thread.name for thread in threading.enumerate()}
    assert not {name for name in names if name.startswith(("Worker-", "Scheduler", "Enqueue"))}


async def test_a_job_that_cannot_be_stored_at_all_does_not_stop_the_others(
    path: Path, db: sqlite3.Connection
) -> None:
    queue, runs, lost = DispatchQueue(path, 1), Runs(), list[Any]()
    unfit: Any = object()
    async with running(queue, runs.send_broadcast, not_stored=lost.append):
        queue.enqueue(unfit)
        queue.enqueue(1)
        await runs.until(1)
        await eventually(lambda: lost == [unfit])
    assert runs.seen == [1]


async def test_idle_workers_poll_in_turn_and_do_not_write(
    path: Path, db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them together read the task table once in `POLL_INTERVAL_S`."""
    monkeypatch.setattr("wacrmd.dispatch.storage.POLL_INTERVAL_S", 0.1)
    queue, runs = DispatchQueue(path, 4), Runs()
    async with running(queue, runs.send_broadcast):
        queue.enqueue(1)
        await runs.until(1)
        before = db.execute("PRAGMA data_version").fetchone()
        wal = path.with_name(path.name + "-wal")
        size = wal.stat().st_size
        polls: list[str] = []
        began = time.monotonic()
        trace(queue, polls.append)
        await eventually(lambda: len(polls) >= 10)
        trace(queue, None)
        # one may have been under way before
        assert len(polls) <= (time.monotonic() - began) / 0.1 + 2
        assert db.execute("PRAGMA data_version").fetchone() == before
        assert wal.stat().st_size == size


async def test_a_job_is_found_without_a_look_at_all_others(path: Path, db: sqlite3.Connection) -> None:
    """There may be thousands, and the daemon's writer waits meanwhile."""
    queue, runs, statements = DispatchQueue(path, 1), Runs(), set[str]()
    async with running(queue, runs.send_broadcast):
        queue.enqueue(0)
        await runs.until(1)
        trace(queue, statements.add)
        for n in range(1, 5):
            queue.enqueue(n)
        await runs.until(5)
        trace(queue, None)
    found = [each for each in statements if each.lower().startswith("select id")]
    assert len(found) == 2, "in turns the most urgent one, and the one that has waited longest"
    for statement in found:
        plan = [step for *_, step in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert not [step for step in plan if "TEMP B-TREE" in step], (statement, plan)


async def test_a_job_costs_one_insert_and_one_delete(path: Path, db: sqlite3.Connection) -> None:
    """Huey's revocation would read and write the file for each job, its scheduler lock it every second."""
    queue, runs = DispatchQueue(path, 2), Runs()
    statements: list[str] = []
    async with running(queue, runs.send_broadcast):
        queue.enqueue(0)
        await runs.until(1)
        trace(queue, statements.append)
        for n in range(20):
            queue.enqueue(n)
        await runs.until(21)
        trace(queue, None)
    words = [statement.split()[0].lower() for statement in statements]
    assert (words.count("insert"), words.count("delete")) == (20, 20)
    assert set(words) <= {"begin", "insert", "select", "delete", "commit"}
    assert not [statement for statement in statements if " kv " in statement]


async def test_a_busy_file_loses_no_row_and_no_worker(
    path: Path, db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("wacrmd.dispatch.storage.BUSY_TIMEOUT_S", 0.05)
    with transaction(db) as tx:
        DispatchQueue(path, 1).enqueue_in(tx, 7)
    queue, runs, not_stored = DispatchQueue(path, 1), Runs(), list[int]()
    with capture_logs() as events:
        db.execute("BEGIN IMMEDIATE")
        async with running(queue, runs.send_broadcast, not_stored=not_stored.append):
            queue.enqueue(8)
            await eventually(lambda: any(e["event"] == "broadcast_job_not_stored" for e in events))
            await eventually(lambda: not_stored == [8])
            db.execute("COMMIT")
            await runs.until(1)
            queue.enqueue(9)
            await runs.until(2)
            assert queue.workers_alive() == 1
    assert runs.seen == [7, 9], "8 could not be stored: its number tries again"
    assert "Error reading from queue" not in caplog.text


async def test_the_queue_waits_for_the_writer_of_the_daemon(path: Path, db: sqlite3.Connection) -> None:
    """By a lock: SQLite would sleep for milliseconds, and give up after a while."""
    lock = WriteLock()
    queue, runs = DispatchQueue(path, 1, lock), Runs()
    async with running(queue, runs.send_broadcast):
        with lock, transaction(db) as tx:
            queue.enqueue_in(tx, 7)
            queue.enqueue(8)
            queue.wake()
        await runs.until(2)
    assert sorted(runs.seen) == [7, 8]


NO_JOBS = (
    b"\x80\x04.",
    b"[]",
    b"null",
    b"7",
    b"{",
    b'{"args": []}',
    b'{"args": [1]}',
    b'{"name": "wacrmd.dispatch.queue.send_broadcast", "args": ["x"]}',
    b'{"name": "wacrmd.dispatch.queue.send_broadcast", "args": [1.0]}',
    b'{"name": "wacrmd.dispatch.queue.send_broadcast", "args": [true]}',
    b'{"name": "wacrmd.dispatch.queue.send_broadcast", "args": [1, 2]}',
    b'{"name": "os.system", "args": [1]}',
    b"[" * 100_000,
    "text",
    17,
    1.5,
)


async def test_a_stored_message_that_is_not_a_job_is_dropped_and_logged(
    path: Path, db: sqlite3.Connection
) -> None:
    queue, runs = DispatchQueue(path, 1), Runs()
    with transaction(db) as tx:
        for data in NO_JOBS:
            tx.execute("INSERT INTO task (queue, data, priority) VALUES (?, ?, 0)", (QUEUE, data))
        tx.execute("INSERT INTO task (queue, data, priority) VALUES (?, CAST(x'ff' AS TEXT), 0)", (QUEUE,))
        queue.enqueue_in(tx, 9)
        assert queue.waiting_in(tx) == {9}
    with capture_logs() as events:
        async with running(queue, runs.send_broadcast):
            await runs.until(1)
            assert queue.workers_alive() == 1
    assert runs.seen == [9]
    assert [e["event"] for e in events] == ["broadcast_job_dropped"] * (len(NO_JOBS) + 1)
    assert rows(db) == 0


async def test_signals_tell_what_becomes_of_jobs(path: Path, db: sqlite3.Connection) -> None:
    queue, runs, signals = DispatchQueue(path, 1), Runs(), list[str]()
    queue.on_signal = signals.append

    async def send_broadcast(broadcast_id: int) -> None:
        await runs.send_broadcast(broadcast_id)
        if broadcast_id == 1:
            raise ZeroDivisionError

    with capture_logs():
        async with running(queue, send_broadcast):
            queue.enqueue(1)
            await eventually(lambda: "error" in signals)
            queue.enqueue(2)
            await runs.until(2)
    assert signals == ["enqueued", "executing", "error", "enqueued", "executing", "complete"]


async def test_a_stored_job_can_be_read_by_huey(path: Path, db: sqlite3.Connection) -> None:
    queue = DispatchQueue(path, 1)
    with transaction(db) as tx:
        queue.enqueue_in(tx, 7)
    plain = SqliteHuey(QUEUE, filename=str(path), results=False, serializer=queue._huey.serializer)
    plain.task(name="send_broadcast")(queue._send.func)
    task = plain.dequeue()
    assert (task.name, task.args) == ("send_broadcast", [7])
    assert plain.dequeue() is None
    plain.storage.close()


def test_a_worker_waits_quietly_while_another_program_has_locked_the_file(tmp_path: Path) -> None:
    """Huey would log an error with a traceback; the daemon's writer tells the outage."""
    path = tmp_path / "jobs.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    DispatchQueue.create_tables(other)
    storage = JobStorage(QUEUE, write_lock=WriteLock(), filename=str(path))
    storage.enqueue(b"job")
    other.execute("BEGIN IMMEDIATE")
    assert storage.dequeue() is None
    other.execute("ROLLBACK")
    assert storage.dequeue() == b"job"
    storage.close()
    other.close()
