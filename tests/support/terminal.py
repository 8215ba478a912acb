"""A terminal for programs under test, and what they write to it."""

import contextlib
import os
import pty
import threading
from collections.abc import Iterator


class Terminal:
    """`end` is the program's end, a descriptor; `text` is what was written, once the terminal is closed."""

    def __init__(self) -> None:
        self._ours, self.end = pty.openpty()
        self._written = bytearray()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def text(self) -> str:
        return self._written.decode()

    def close(self) -> None:
        """Close both ends; programs that still write to it must have ended."""
        os.close(self.end)
        self._reader.join()
        os.close(self._ours)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the error of Linux when the other side has closed
            while chunk := os.read(self._ours, 65536):
                self._written.extend(chunk)


@contextlib.contextmanager
def terminal() -> Iterator[Terminal]:
    """A terminal that is closed after the block."""
    made = Terminal()
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def stdout_on_a_terminal() -> Iterator[Terminal]:
    """Standard output of this process goes to a terminal within the block."""
    with (
        terminal() as made,
        os.fdopen(made.end, "w", closefd=False) as output,
        contextlib.redirect_stdout(output),
    ):
        yield made
