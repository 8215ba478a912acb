"""Clocks of a machine for tests: one that only moves by `advance`, one that runs and can be set ahead.

`advance` lets time pass. `leap` sets the wall clock, as an administrator or a bad battery does: no time passes.
"""

import time
from collections.abc import Callable

import anyio

from wacrmd.clock import DAY, MINUTE, SECOND, Millis, iso

START: Millis = 1_795_000_000_000


class ManualClock:
    """Stands still until `advance`, which wakes sleepers whose time has come."""

    def __init__(self, now: Millis = START) -> None:
        self._begin = now
        self._passed: Millis = 0
        self._leapt: Millis = 0
        self._turned = anyio.Event()

    def now(self) -> Millis:
        return self.wall()

    def wall(self) -> Millis:
        return self._begin + self._passed + self._leapt

    def monotonic(self) -> Millis:
        return self._passed

    async def sleep(self, duration: Millis) -> None:
        at = self._passed + duration
        while self._passed < at:
            await self._turned.wait()

    def advance(self, milliseconds: Millis) -> None:
        self._passed += milliseconds
        self._turned.set()
        self._turned = anyio.Event()

    def leap(self, milliseconds: Millis) -> None:
        self._leapt += milliseconds


class ShiftClock:
    """For a whole daemon: runs as the machine's clock does, and can be set ahead or stopped.

    While it is stopped, a number sends only the burst of its rate limiter, however long the test takes. It begins now, or at
    another time, whether that has passed or not: a test must not depend on the day on which it is run.
    """

    def __init__(self, at: Millis | None = None, *, stopped: bool = False) -> None:
        self._begun: Millis = 0 if at is None else at - _machine()
        """How far it is ahead from the beginning; by that no time has passed."""
        self._shift: Millis = self._begun
        self._leapt: Millis = 0
        self._stopped_at: Millis | None = self._begun + _machine() if stopped else None
        self._turned = anyio.Event()
        self.on_change: Callable[[Millis], None] = lambda _: None
        """Called with how far the true time is ahead of the machine's that runs the tests."""

    def now(self) -> Millis:
        return self.wall()

    def wall(self) -> Millis:
        return self._true() + self._leapt

    def monotonic(self) -> Millis:
        return self._true() - self._begun - _BEGIN

    async def sleep(self, duration: Millis) -> None:
        at = self.monotonic() + duration
        while (left := at - self.monotonic()) > 0:
            with anyio.move_on_after(left / SECOND if self._stopped_at is None else None):
                await self._turned.wait()

    def advance(self, milliseconds: Millis) -> None:
        if self._stopped_at is None:
            self._shift += milliseconds
        else:
            self._stopped_at += milliseconds
        self._wake()

    def leap(self, milliseconds: Millis) -> None:
        self._leapt += milliseconds

    def restarted_after(self, milliseconds: Millis) -> "ShiftClock":
        """The clock of the same machine after it was off for so long."""
        clock = ShiftClock()
        clock._begun, clock._shift = self._begun, self.ahead + milliseconds
        clock._leapt = self._leapt
        return clock

    def stop(self) -> None:
        """Stop until `go`."""
        self._stopped_at = self._true()
        self._wake()

    def go(self) -> None:
        """Continue from the present time."""
        self._shift, self._stopped_at = self.ahead, None
        self._wake()

    @property
    def ahead(self) -> Millis:
        """How far the true time is ahead of the machine's that runs the tests."""
        return self._true() - _machine()

    def _true(self) -> Millis:
        return _machine() + self._shift if self._stopped_at is None else self._stopped_at

    def _wake(self) -> None:
        self._turned.set()
        self._turned = anyio.Event()
        self.on_change(self.ahead)


def later(days: int = 30) -> str:
    """A whole minute that is still to come, as callers write it: a time that a test names has passed one day."""
    at = _machine() + days * DAY
    return iso(at - at % MINUTE)


def _machine() -> Millis:
    return time.time_ns() // 1_000_000


_BEGIN: Millis = _machine() - time.monotonic_ns() // 1_000_000
