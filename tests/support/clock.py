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
    """Runs as the machine's clock does, and can be turned ahead: for a daemon that shall not wait for hours."""

    def __init__(self) -> None:
        self._shift: Millis = 0
        self._turned = anyio.Event()

    def now(self) -> Millis:
        return time.time_ns() // 1_000_000 + self._shift

    async def sleep_until(self, at: Millis) -> None:
        while (left := at - self.now()) > 0:
            with anyio.move_on_after(left / SECOND):
                await self._turned.wait()

    def advance(self, milliseconds: Millis) -> None:
        self._shift += milliseconds
        self._turned.set()
        self._turned = anyio.Event()
