"""Deadlines of many futures, on one timer; time in which the process did not run does not count."""

import asyncio
from collections.abc import Callable
from typing import Any

from wacrmd.running_time import TICK_S, RunningTime


class Deadlines:
    """Lets futures fail that are not done in time, up to two ticks late; must be used in one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._time = RunningTime(self._loop.time())
        self._waits: dict[asyncio.Future[Any], tuple[float, Callable[[], Exception]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def now_s(self) -> float:
        """The time that has been counted, up to one tick ago."""
        return self._time.seconds

    def set(self, future: asyncio.Future[Any], seconds: float, error: Callable[[], Exception]) -> None:
        """Let `future` fail with `error()` if it is not done in `seconds`; `clear` it afterwards."""
        if self._timer is None:
            self._time.restart(self._loop.time())
            self._timer = self._loop.call_later(TICK_S, self._tick)
        # The time was counted up to one tick ago.
        self._waits[future] = (self._time.seconds + TICK_S + seconds, error)

    def clear(self, future: asyncio.Future[Any]) -> None:
        """Forget the deadline of `future`."""
        self._waits.pop(future, None)

    def _tick(self) -> None:
        if not self._waits:
            self._timer = None
            return
        self._timer = self._loop.call_later(TICK_S, self._tick)
        if self._time.tick(self._loop.time()):
            now = self._time.seconds
            for future, (at, error) in list(self._waits.items()):
                if at <= now and not future.done():
                    future.set_exception(error())
