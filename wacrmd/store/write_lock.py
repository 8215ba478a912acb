"""The lock that whoever writes to the database file holds during a transaction."""

import threading


class WriteLock:
    """A lock that its last holder cannot take again before a thread that waits for it.

    SQLite's own waiting sleeps for milliseconds between its tries, and a plain lock goes most often to the thread that has
    just released it: the daemon's writer, while it is busy, and the job queue would wait for seconds.
    """

    def __init__(self) -> None:
        self._held = threading.Lock()
        self._next = threading.Lock()
        """Held by the thread whose turn is next."""

    def __enter__(self) -> None:
        with self._next:
            self._held.acquire()

    def __exit__(self, *_: object) -> None:
        self._held.release()

    def is_awaited(self) -> bool:
        """Whether a thread waits for the lock."""
        return self._next.locked()
