"""Drain: stops new work and waits for requests in flight, so that the process can be stopped or the database moved."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio

from wacrmd.clock import iso
from wacrmd.domain.drain import Drain, HandOver
from wacrmd.errors import Refusal, conflict, counted
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.store import broadcast_queue, drains
from wacrmd.store.database import Database
from wacrmd.store.outage import StorageError
from wacrmd.views.maintenance import DrainView

POLL_INTERVAL_S = 0.05
"""How often it is checked whether requests are still in flight."""
HAND_OVER_WAIT_S = 60.0
"""How long a hand-over waits for requests in flight; longer than Meta takes for nearly all of them."""

log = get_logger(__name__)


async def stored_drain(db: Database) -> Drain | None:
    """The drain that goes on after a start. A database that was handed over takes no writes from here on."""
    try:
        drain = await db.read(drains.stored)
    except StorageError:
        return None  # damaged: nothing is sent anyway
    if drain is not None and drain.handed_over is not None:
        db.handed_over(drain.handed_over.text)
    return drain


async def start_drain(ctx: Context, *, wait_s: float, for_good: bool = False) -> DrainView:
    """Claim no more recipients, answer new requests 503, and wait up to `wait_s` for requests in flight.

    One that is `for_good` outlasts a restart; it is not taken back by another drain. Raises StorageError if it could
    not be stored; then the daemon drains until its restart.
    """
    if ctx.drain is None:
        log.info("drain_started", in_flight=ctx.throughput.in_flight, for_good=for_good)
        ctx.drain = Drain(ctx.clock.now())
        ctx.changes.wake_all()
    if for_good and not ctx.drain.for_good:
        async with ctx.control.drain_lock:
            drain = ctx.drain or Drain(ctx.clock.now())
            if not drain.for_good:
                drain = Drain(drain.since, for_good=True)
                await ctx.db.write(partial(drains.store, drain=drain))
            ctx.drain = drain
        ctx.changes.wake_all()
    with anyio.move_on_after(wait_s):
        while ctx.throughput.in_flight:  # noqa: ASYNC110 - the sender does not tell it, and drains are rare
            await anyio.sleep(POLL_INTERVAL_S)
    return _view(ctx)


async def end_drain(ctx: Context, *, take_back: bool = False) -> DrainView:
    """End a drain: continue all broadcasts that are sending. With `take_back` also after a hand-over.

    Raises Refusal for a database that is being handed over, or was and is not taken back, and StorageError.
    """
    if ctx.control.handing_over_to is not None:
        raise _under_way(ctx.control.handing_over_to)
    async with ctx.control.drain_lock:
        drain = ctx.drain
        if drain is not None and drain.handed_over is not None:
            if not take_back:
                raise conflict(
                    f"{drain.detail}. Only if the copy has sent nothing and never will: wacrmd undrain --take-back"
                )
            await ctx.db.open_to_writes(drains.remove)
            log.warning("hand_over_taken_back", file=drain.handed_over.file, at=iso(drain.handed_over.at))
        elif drain is not None and drain.for_good:
            await ctx.db.write(drains.remove)
        ctx.drain = None
    ctx.queue.enqueue_many(await ctx.db.read(broadcast_queue.sending))
    ctx.drafts.wake()
    ctx.changes.wake_all()
    log.info("drain_ended")
    return _view(ctx)


@asynccontextmanager
async def handing_over(ctx: Context, file: str, *, has_copy: Callable[[], bool]) -> AsyncIterator[HandOver]:
    """Inside the block the copy is made that will send in place of this database, which has sent its last message.

    First all sending ends, then the database is marked and closed to writes, then the block begins. So there is no
    moment at which both could send, also if the process ends at any of them. If the block fails before `has_copy`
    returns True, the mark is removed, and the daemon stays drained for good. Raises Refusal.
    """
    _refuse_second(ctx)
    await start_drain(ctx, wait_s=HAND_OVER_WAIT_S, for_good=True)
    _refuse_second(ctx)
    async with ctx.control.drain_lock:
        _refuse_second(ctx)
        if ctx.drain is None or not ctx.drain.for_good:
            raise conflict("The drain was ended meanwhile, so nothing was handed over: run it again")
        if in_flight := ctx.throughput.in_flight:
            are = "is" if in_flight == 1 else "are"
            raise conflict(
                f"{counted(in_flight, 'request')} to Meta {are} still in flight, so nothing was handed over. The daemon"
                " stays drained: run it again, or end the drain with wacrmd undrain"
            )
        ctx.control.handing_over_to = file
        try:
            async with _handed_over(ctx, ctx.drain, file, has_copy) as hand_over:
                yield hand_over
        finally:
            ctx.control.handing_over_to = None


@asynccontextmanager
async def _handed_over(
    ctx: Context, drained: Drain, file: str, has_copy: Callable[[], bool]
) -> AsyncIterator[HandOver]:
    """Mark the database as handed over, and remove the mark if the block fails without a copy."""
    hand_over = HandOver(file, ctx.clock.now())
    marked = Drain(drained.since, for_good=True, handed_over=hand_over)
    await ctx.db.close_to_writes(partial(drains.store, drain=marked), hand_over.text)
    ctx.drain = marked
    ctx.changes.wake_all()
    log.warning("database_handed_over", file=file)
    try:
        yield hand_over
    except Exception:
        if not has_copy():
            await ctx.db.open_to_writes(partial(drains.store, drain=drained))
            ctx.drain = drained
        raise


def _refuse_second(ctx: Context) -> None:
    """Raise Refusal if the database is handed over, or is being handed over now: it has one heir."""
    if ctx.control.handing_over_to is not None:
        raise _under_way(ctx.control.handing_over_to)
    if ctx.drain is not None and ctx.drain.handed_over is not None:
        raise conflict(
            f"{ctx.drain.detail}. Only if the copy has sent nothing and never will, take it back and hand it over again:"
            " wacrmd undrain --take-back"
        )


def _under_way(file: str) -> Refusal:
    return conflict(f"The database is being handed over to {file}: wait until that has ended")


def _view(ctx: Context) -> DrainView:
    drain = ctx.drain
    return DrainView(
        draining=drain is not None,
        since=None if drain is None else drain.since,
        for_good=drain is not None and drain.for_good,
        in_flight=ctx.throughput.in_flight,
    )
