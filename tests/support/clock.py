"""Clocks for tests: one that stands until it is turned, one that runs and can be turned ahead."""

import time

import anyio

from wacrmd.clock import SECOND, Millis

START: Millis = 1_795_000_000_000


class ManualClock:
    """Stands still until `advance`; sleepers wake when their time has come."""

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
    """Runs as the machine's clock does, and can be turned ahead or stopped: for a whole daemon.

    While it is stopped a number sends only what its rate limiter has saved up, however long the test takes.
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
        """Stand still until `go`."""
        self._stopped_at = self.now()
        self._wake()

    def go(self) -> None:
        """Run on from where it stands."""
        self._shift, self._stopped_at = self.now() - _machine(), None
        self._wake()

    def _wake(self) -> None:
        self._turned.set()
        self._turned = anyio.Event()


def _machine() -> Millis:
    return time.time_ns() // 1_000_000
