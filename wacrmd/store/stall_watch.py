"""Notices that something on another thread takes too long, by the time in which the process ran."""

import asyncio
from collections.abc import Callable

from wacrmd.running_time import TICK_S, RunningTime


class StallWatch:
    """Calls `stalled` once if `end` is not called in `seconds`; must be used in one event loop.

    Time in which the process or its event loop did not run does not count: what has ended meanwhile is not seen yet.
    """

    def __init__(self, seconds: float, stalled: Callable[[], None]) -> None:
        self._seconds = seconds
        self._stalled = stalled
        self._loop = asyncio.get_running_loop()
        self._time = RunningTime(self._loop.time())
        self._timer = self._loop.call_later(TICK_S, self._tick)

    def end(self) -> None:
        """It has ended."""
        self._timer.cancel()

    def _tick(self) -> None:
        if self._time.tick(self._loop.time()) and self._time.seconds >= self._seconds:
            self._stalled()
        else:
            self._timer = self._loop.call_later(TICK_S, self._tick)
