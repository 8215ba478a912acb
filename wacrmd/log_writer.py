"""Writes the daemon's log on a thread of its own: a reader who does not read costs lines, and never the daemon's time."""

import errno
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable

MAX_WAITING_BYTES = 1 << 20
"""Lines that wait while nobody reads; further ones are dropped. A pipe holds 64 KiB more."""

BATCH_BYTES = 64 << 10
CHUNK_BYTES = select.PIPE_BUF
"""Written at once, so that a reader who is slow is not taken for none."""
UNREAD_S = 2.0
"""A write that takes longer waits for a reader."""


class LogWriter:
    """Takes lines without waiting, and writes them to the descriptor `fd`, which stays open.

    `on_drop` is called for each line that is dropped or cannot be written. `tell` is called on the thread, with how many
    that were, once a line can be written again.
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
        self._failure = ""
        self._is_cut = False
        """Whether the last line that was written lacks its end."""
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
    def problem(self) -> str | None:
        """Why lines are dropped now, or will be soon; None while they are written."""
        since, failure = self._writing_since, self._failure
        waits = 0.0 if since is None else time.monotonic() - since
        if waits > UNREAD_S:
            return f"nobody has read the log for {waits:.0f} s: what is more than 1 MiB is dropped"
        return f"the log cannot be written ({failure}): lines are dropped" if failure else None

    def close(self, within_s: float) -> None:
        """Write what waits, if that is possible in `within_s`, and end the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(within_s)

    def _run(self) -> None:
        while batch := self._next_batch():
            unwritten = self._write(batch)
            with self._changed:
                self._waiting_bytes -= sum(map(len, batch))
                self._dropped += unwritten
                dropped = self._dropped if not unwritten else 0
                self._dropped -= dropped
            for _ in range(unwritten):
                self._on_drop()
            if dropped:
                self._tell(dropped)

    def _next_batch(self) -> list[bytes]:
        """Lines to be written together; none at the end."""
        with self._changed:
            while not self._waiting:
                if self._is_closed:
                    return []
                self._changed.wait()
            batch = [self._waiting.popleft()]
            size = len(batch[0])
            while self._waiting and size + len(self._waiting[0]) <= BATCH_BYTES:
                size += len(self._waiting[0])
                batch.append(self._waiting.popleft())
            return batch

    def _write(self, batch: list[bytes]) -> int:
        """Write all of it, whenever it is read; how many lines cannot be written whole, as to a full disk."""
        data = b"".join(batch)
        if self._is_cut:
            data = b"\n" + data
        written = 0
        self._writing_since = time.monotonic()
        try:
            while written < len(data):
                written += self._write_some(memoryview(data)[written : written + CHUNK_BYTES])
                self._writing_since = time.monotonic()
            self._failure = ""
        except OSError as error:
            self._failure = os.strerror(error.errno or errno.EIO)
        self._writing_since = None
        if written:
            self._is_cut = data[written - 1 : written] != b"\n"
        return data.count(b"\n", written) - (self._is_cut and not written)

    def _write_some(self, data: memoryview) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:  # whoever started the daemon has set its end of the pipe so
            waiting = select.poll()
            waiting.register(self._fd, select.POLLOUT)
            waiting.poll()
            return 0
