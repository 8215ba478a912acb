"""Does what is to be done for drafts: checks, takeovers, and deleting what is not needed any more.

The rows say what is to be done, so a crash loses none of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic

import anyio

from wacrmd.domain.draft import DraftState
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.services.drafts import check, read, send
from wacrmd.services.drafts.send import Step
from wacrmd.store import drafts
from wacrmd.store.database import Tx
from wacrmd.store.outage import StorageError

LOOK_AGAIN_S = 5.0
"""After so long the rows are looked at in any case."""
PAUSE_SHARE = 1.0
"""After each step of a takeover others have the database for as long as the step took, times this."""
DROP_PIECES = 8
"""Pieces that one transaction deletes: what is deleted is overwritten, so this writes 2 MiB."""

CRASHED = "wacrmd could not do this because of an error of its own, which is in its log"

log = get_logger(__name__)


class DraftWorker:
    """One check and one takeover at a time, each beside the other."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def run(self) -> None:
        """Work until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._repeat, self._ctx.drafts.checks, self.check_all)
            tasks.start_soon(self._repeat, self._ctx.drafts.sends, self.send_all)

    async def _repeat(self, wake: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            wake.clear()
            try:
                if not self._ctx.is_held:
                    await work()
            except StorageError:
                pass  # it is tried again when the database can be written
            except Exception:
                log.exception("draft_worker_crashed")
            with anyio.move_on_after(LOOK_AGAIN_S):
                await wake.wait()

    async def check_all(self) -> None:
        """Check the drafts that are to be checked."""
        for broadcast_id in await self._in_state(DraftState.CHECKING):
            if self._ctx.is_held:
                return
            try:
                await check.run(self._ctx, broadcast_id)
            except StorageError:
                raise
            except Exception:
                log.exception("draft_check_crashed", broadcast_row=broadcast_id)
                await check.fail(self._ctx, broadcast_id, CRASHED)

    async def send_all(self) -> None:
        """Prepare the drafts that somebody has asked to send, take back what could not be sent, and clean up."""
        for broadcast_id in await self._in_state(DraftState.PREPARING):
            await self._prepare(broadcast_id)
        for broadcast_id in await self._in_state(DraftState.RETURNING):
            await self._steps(broadcast_id, send.take_back)
        await self._clean()

    async def _prepare(self, broadcast_id: int) -> None:
        try:
            if await self._steps(broadcast_id, send.take_over):
                await self._count(broadcast_id)
        except StorageError:
            raise
        except Exception:
            log.exception("draft_preparation_crashed", broadcast_row=broadcast_id)
            await self._ctx.db.write(
                partial(
                    drafts.send_back, broadcast_id=broadcast_id, problem=CRASHED, now=self._ctx.clock.now()
                )
            )
        self._ctx.queue.wake()

    async def _count(self, broadcast_id: int) -> None:
        """Count a broadcast and its recipients, as those of a request are counted."""
        metrics = self._ctx.metrics
        metrics.broadcasts_created.inc()
        draft = await self._ctx.db.read(partial(drafts.get, broadcast_id=broadcast_id))
        result = read.result_of(draft) if draft is not None else None
        if result is None:
            return
        for kind, count in (
            ("accepted", result.accepted),
            ("rejected", result.rejected),
            ("duplicate", result.duplicates + result.same_person),
            ("suppressed", result.opted_out),
        ):
            metrics.recipients_submitted.labels(kind).inc(count)

    async def _steps(self, broadcast_id: int, step: Callable[[Tx, Context, int], Step]) -> bool:
        """Make steps until the last one; between them others use the database. Whether it made a broadcast of the draft."""
        ctx = self._ctx
        total, done = await ctx.db.read(partial(_progress, broadcast_id=broadcast_id))
        is_sent = False
        with ctx.drafts.working(broadcast_id, total) as progress:
            progress.done = done
            while not ctx.is_held:
                began = monotonic()
                made = await ctx.db.write(lambda tx: step(tx, ctx, broadcast_id))
                progress.done += made.people
                ctx.changes.publish([broadcast_id])
                if made.is_last:
                    is_sent = made.is_sent
                    break
                await anyio.sleep((monotonic() - began) * PAUSE_SHARE)
        ctx.changes.publish([broadcast_id])
        return is_sent

    async def _clean(self) -> None:
        """Delete pieces that no draft needs, and drafts that were thrown away."""
        ctx = self._ctx
        for broadcast_id in await ctx.db.read(drafts.with_pieces):
            dropped = DROP_PIECES
            while dropped == DROP_PIECES and not ctx.is_held:
                dropped = await ctx.db.write(
                    partial(
                        drafts.drop_pieces,
                        broadcast_id=broadcast_id,
                        under_way=[
                            edition for draft, edition in ctx.drafts.editions if draft == broadcast_id
                        ],
                        limit=DROP_PIECES,
                    )
                )
        discarded = await self._in_state(DraftState.DISCARDED)
        for broadcast_id in discarded:
            await self._steps(broadcast_id, send.drop_people)
        if discarded:
            await ctx.db.write(drafts.delete_discarded)
        ctx.changes.publish()

    async def _in_state(self, state: DraftState) -> list[int]:
        return await self._ctx.db.read(lambda tx: drafts.in_state(tx, state))


def _progress(tx: Tx, broadcast_id: int) -> tuple[int, int]:
    """How many people a draft has, and how many of them were taken over."""
    draft = drafts.get(tx, broadcast_id)
    result = read.result_of(draft) if draft is not None else None
    if draft is None or result is None:
        return 0, 0
    return result.accepted, draft.taken
