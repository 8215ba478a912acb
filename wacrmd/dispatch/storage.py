"""Huey's SQLite storage in the daemon's own file, and its messages.

What is different from Huey's own, and why:
- `_create_connection`: `synchronous=NORMAL` and no checkpoints cannot be chosen by Huey's options (`fsync=False` is OFF);
- `enqueue`, `dequeue`: a worker waits for a condition instead of polling with growing delays, which takes up to 10 s; a file
  that another program has locked is no error, and jobs of a lower priority are not starved;
- `peek_many`, `delete_data`: nothing is ever revoked, and asking for that would read and lock the file for each job;
- `read_schedule`: nothing is ever delayed here, and looking for that would lock the file;
- an error of the disk or the file is the database's, which tells it, and no worker's;
- `lock` is the one that the daemon's own writer holds in a transaction: the two wait for each other without SQLite's sleeps.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

from huey.registry import Message
from huey.serializer import Serializer
from huey.storage import SqliteStorage

from wacrmd.store.outage import advice_of
from wacrmd.store.transaction import Work
from wacrmd.store.write_lock import WriteLock

POLL_INTERVAL_S = 1.0
"""How often idle workers read the task table by themselves, to find jobs whose wake-up was missed."""

BUSY_TIMEOUT_S = 1.0
"""How long a statement waits while another program holds the file; then Huey's worker tries again."""

LOCKED_RETRY_S = 0.2
"""How long a worker then waits."""

ERROR_RETRY_S = 1.0
"""How long it waits after an error of the disk or the file."""

TABLES: list[str] = SqliteStorage.ddl
"""The statements that create Huey's tables."""

_ANY = "SELECT 1 FROM task WHERE queue = ? LIMIT 1"
_MOST_URGENT = "SELECT id, data FROM task WHERE queue = ? ORDER BY priority DESC, id LIMIT 1"
_LONGEST = "SELECT id, data FROM task NOT INDEXED WHERE queue = ? ORDER BY id LIMIT 1"
"""The job that has waited longest. By the index, which begins with the queue, SQLite would read and sort all jobs."""


class JobStorage(SqliteStorage):  # type: ignore[misc]  # huey ships no types
    """Jobs in Huey's task table; `dequeue` waits for one."""

    blocking = True

    def __init__(self, name: str, *, write_lock: WriteLock, **settings: Any) -> None:
        super().__init__(name, journal_mode=None, timeout=BUSY_TIMEOUT_S, create_tables=False, **settings)
        self.lock = write_lock
        self.on_error: Callable[[sqlite3.Error, Work[Any] | None], object] | None = None
        """Called with each error of the disk or the file, and with what could not be read, if it was a read."""
        self._changed = threading.Condition()
        self._changes = 0
        self._may_have_jobs = True
        self._poll_at = 0.0
        self._closed = False
        self._was_urgent = False
        """Whether the last job was taken for its priority."""

    def wake(self) -> None:
        """Rows have been committed to the task table: wake a worker."""
        with self._changed:
            self._changes += 1
            self._may_have_jobs = True
            self._changed.notify()

    def stop(self) -> None:
        """Make every `dequeue`, also those that are waiting, return nothing at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        """Store a job and wake a worker."""
        try:
            super().enqueue(data, priority)
        except sqlite3.Error as error:
            self._failed(error, None)
            raise
        self.wake()

    def dequeue(self) -> bytes | None:
        """The next job, which is deleted; None after `POLL_INTERVAL_S` without one."""
        with self._changed:
            if not (self._may_have_jobs or self._closed):
                self._changed.wait(POLL_INTERVAL_S)
            now = time.monotonic()
            if self._closed or not (self._may_have_jobs or now >= self._poll_at):
                return None
            self._poll_at = now + POLL_INTERVAL_S
            changes = self._changes
        unread: Work[Any] | None = partial(_any_job, self.name)
        data = None
        try:
            if self.sql(_ANY, (self.name,), results=True):
                unread = None
                data = self._delete_next()
        except sqlite3.Error as error:
            retry_s = self._failed(error, unread)
            if retry_s is None:
                raise
            with self._changed:
                self._changed.wait(retry_s)
            return None
        with self._changed:
            if data is not None:
                self._may_have_jobs = True
            elif changes == self._changes:
                self._may_have_jobs = False
        return data

    def _failed(self, error: sqlite3.Error, unread: Work[Any] | None) -> float | None:
        """Pass an error of the disk or the file on; in how many seconds to try again, None for any other error."""
        if advice_of(error) is None:
            return None
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return LOCKED_RETRY_S  # another program holds the file, which the daemon's writer tells
        if self.on_error is not None:
            self.on_error(error, unread)
        return ERROR_RETRY_S

    def _delete_next(self) -> bytes | None:
        """Delete a job and return it: in turns the first of the highest priority, and the one that has waited longest."""
        with self.db(commit=True) as cursor:
            found = cursor.execute(_LONGEST if self._was_urgent else _MOST_URGENT, (self.name,)).fetchone()
            if found is None:  # another worker was faster
                return None
            job, data = found[0], cast("bytes", found[1])  # in a row that is no job it may be anything
            cursor.execute("DELETE FROM task WHERE id = ?", (job,))
        self._was_urgent = not self._was_urgent
        return data

    def read_schedule(self, ts: object) -> list[bytes]:  # noqa: ARG002 - Huey's signature
        """Nothing is ever delayed: a retry is a row with a time."""
        return []

    def peek_many(self, keys: Iterable[str]) -> dict[str, bytes]:  # noqa: ARG002 - Huey's signature
        """Nothing is ever revoked: cancelling changes a broadcast's row."""
        return {}

    def delete_data(self, key: str) -> bool:  # noqa: ARG002 - Huey's signature
        """Nothing is ever revoked."""
        return False

    def _create_connection(self) -> sqlite3.Connection:
        """A lost delete only makes a job run twice, so this connection need not wait for the disk.

        It never checkpoints: the daemon's own writer decides when the WAL is moved to the file. Text is read as bytes, so
        that a row that is no valid text is dropped like any other that is no job.
        """
        connection: sqlite3.Connection = super()._create_connection()
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.text_factory = bytes
        return connection


def _any_job(queue: str, connection: sqlite3.Connection) -> object:
    return connection.execute(_ANY, (queue,)).fetchone()


class JobMessages(Serializer):  # type: ignore[misc]  # huey ships no types
    """Huey's messages as JSON: unlike pickle they cannot run code, even if somebody else wrote to the file.

    A row that is no job becomes a job of the task `dropped`, whose argument says what is wrong with the row.
    """

    def __init__(self, *, known: str, dropped: str) -> None:
        super().__init__()
        self._known = known
        self._dropped = dropped

    def _serialize(self, data: Message) -> bytes:
        return json.dumps({"id": data.id, "name": data.name, "args": data.args}).encode()

    def _deserialize(self, data: bytes) -> Message:
        try:
            message = json.loads(data)
            (broadcast_id,) = message["args"]
            if message["name"] != self._known or type(broadcast_id) is not int:
                raise ValueError("it names no broadcast")  # noqa: TRY301 - handled like the others
            return Message(id=message.get("id"), name=self._known, args=[broadcast_id])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            return Message(name=self._dropped, args=[f"{type(error).__name__}: {error}"])
