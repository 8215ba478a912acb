"""Clocks for tests: one that only moves by `advance`, one that runs and can be set ahead."""

import time

import anyio

from wacrmd.clock import SECOND, Millis

START: Millis = 1_795_000_000_000


class ManualClock:
    """Stands still until `advance`, which wakes sleepers whose time has come."""

    def __init__(self, now: Millis = START) -> None:
        self._now = now
        self._turned = anyio.Event()

    def now(self) -> Millis:
        return self._now

    async def sleep_until(self, at: Millis) -> None:
        while self._now < at:
            await self._turned.wait()

    def advance(self, milliseconds: Millis) -> None:
        self._now += milliseconds
        self._turned.set()
        self._turned = anyio.Event()


class ShiftClock:
    """For a whole daemon: runs as the machine's clock does, and can be set ahead or stopped.

    While it is stopped, a number sends only the burst of its rate limiter, however long the test takes.
    """

    def __init__(self, *, stopped: bool = False) -> None:
        self._shift: Millis = 0
        self._stopped_at: Millis | None = _machine() if stopped else None
        self._turned = anyio.Event()

    def now(self) -> Millis:
        return _machine() + self._shift if self._stopped_at is None else self._stopped_at

    async def sleep_until(self, at: Millis) -> None:
        while (left := at - self.now()) > 0:
            with anyio.move_on_after(left / SECOND if self._stopped_at is None else None):
                await self._turned.wait()

    def advance(self, milliseconds: Millis) -> None:
        if self._stopped_at is None:
            self._shift += milliseconds
        else:
            self._stopped_at += milliseconds
        self._wake()

    def stop(self) -> None:
        """Stop until `go`."""
        self._stopped_at = self.now()
        self._wake()

    def go(self) -> None:
        """Continue from the present time."""
        self._shift, self._stopped_at = self.now() - _machine(), None
        self._wake()

    def _wake(self) -> None:
        self._turned.set()
        self._turned = anyio.Event()


def _machine() -> Millis:
    return time.time_ns() // 1_000_000
