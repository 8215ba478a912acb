"""Pauses a broadcast whose jobs keep crashing: otherwise it would stall without a reason that users see."""

from contextlib import suppress
from functools import partial

from wacrmd.domain.hold import HoldReason
from wacrmd.errors import Refusal, describe
from wacrmd.services import pausing
from wacrmd.services.context import Context

MAX_CRASHES = 5
"""After so many crashed jobs in a row the broadcast is paused."""


class Crashes:
    """How often in a row the jobs of each broadcast have crashed."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._counts: dict[int, int] = {}

    def forget(self, broadcast_id: int) -> None:
        """A job of the broadcast has worked."""
        self._counts.pop(broadcast_id, None)

    async def count(self, broadcast_id: int, error: Exception) -> None:
        """Count a crash; the last of `MAX_CRASHES` pauses the broadcast."""
        self._counts[broadcast_id] = self._counts.get(broadcast_id, 0) + 1
        if self._counts[broadcast_id] < MAX_CRASHES:
            return
        del self._counts[broadcast_id]
        detail = f"Sending failed inside wacrmd {MAX_CRASHES} times: {describe(error)}; see its log"
        with suppress(Refusal):
            pause = partial(
                pausing.pause_broadcast,
                broadcast_id=broadcast_id,
                reason=HoldReason.MANY_FAILURES,
                detail=detail,
                now=self._ctx.clock.now(),
            )
            pausing.log_pauses(await self._ctx.db.write(pause))
            self._ctx.changes.publish([broadcast_id])
