"""Shares a pass of the event loop: when many connections have something to read, timers and others still get their turn."""

import asyncio
from collections import deque


class LoopPass:
    """Lets `limit` callers through in one pass of the loop; the others go on in the next passes, in their order."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entered = 0
        self._waiting = deque[asyncio.Future[None]]()

    async def enter(self) -> None:
        """Return when it is the caller's turn: at once if this pass has room."""
        if self._entered == 0:
            asyncio.get_running_loop().call_soon(self._begin_next)
        if self._entered < self._limit and not self._waiting:
            self._entered += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _begin_next(self) -> None:
        self._entered = 0
        while self._waiting and self._entered < self._limit:
            turn = self._waiting.popleft()
            if not turn.done():  # else its connection was cancelled
                turn.set_result(None)
                self._entered += 1
        if self._entered:
            asyncio.get_running_loop().call_soon(self._begin_next)
