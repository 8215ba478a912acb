"""Writes the daemon's log on a thread of its own: a reader who does not read costs lines, and never the daemon's time."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable

MAX_WAITING_BYTES = 1 << 20
"""Lines that wait while nobody reads; further ones are dropped. A pipe holds 64 KiB more."""

BATCH_BYTES = 64 << 10
UNREAD_S = 2.0
"""A write that takes longer waits for a reader."""


class LogWriter:
    """Takes lines without waiting, and writes them to the descriptor `fd`, which stays open.

    `on_drop` is called with each line that is dropped. `tell` is called on the thread, with how many were dropped, once
    there is a reader again.
    """

    def __init__(self, fd: int, *, on_drop: Callable[[], object], tell: Callable[[int], object]) -> None:
        self._fd = fd
        self._on_drop = on_drop
        self._tell = tell
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._dropped = 0
        """Lines that were dropped and are not told yet."""
        self._writing_since: float | None = None
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="Log", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Take a line; from any thread."""
        data = line.encode(errors="backslashreplace") + b"\n"
        with self._changed:
            is_full = self._waiting_bytes > 0 and self._waiting_bytes + len(data) > MAX_WAITING_BYTES
            fits = not is_full or threading.current_thread() is self._thread  # which tells what was dropped
            if fits:
                self._waiting.append(data)
                self._waiting_bytes += len(data)
                self._changed.notify()
            else:
                self._dropped += 1
        if not fits:
            self._on_drop()

    @property
    def unread_s(self) -> float:
        """For how long nobody has read what is written; 0.0 if somebody does."""
        since = self._writing_since
        waits = 0.0 if since is None else time.monotonic() - since
        return waits if waits > UNREAD_S else 0.0

    def close(self, within_s: float) -> None:
        """Write what waits, if that is possible in `within_s`, and end the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(within_s)

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            self._write(batch)
            with self._changed:
                self._waiting_bytes -= len(batch)
                dropped, self._dropped = self._dropped, 0
            if dropped:
                self._tell(dropped)

    def _next_batch(self) -> bytes | None:
        with self._changed:
            while not self._waiting:
                if self._is_closed:
                    return None
                self._changed.wait()
            batch = [self._waiting.popleft()]
            size = len(batch[0])
            while self._waiting and size + len(self._waiting[0]) <= BATCH_BYTES:
                size += len(self._waiting[0])
                batch.append(self._waiting.popleft())
            return b"".join(batch)

    def _write(self, data: bytes) -> None:
        """Write all of it, whenever it is read. What cannot be written, as to a closed pipe, is lost."""
        self._writing_since = time.monotonic()
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._fd, view) :]
                self._writing_since = time.monotonic()
        except OSError:
            pass
        self._writing_since = None
