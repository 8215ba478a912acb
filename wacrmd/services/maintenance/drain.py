"""Drain: stops new work and waits for requests in flight, so that the process can be stopped."""

import anyio

from wacrmd.clock import Millis
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.store import broadcast_queue
from wacrmd.views.maintenance import DrainView

POLL_INTERVAL: Millis = 50
"""How often it is checked whether requests are still in flight."""

log = get_logger(__name__)


async def start_drain(ctx: Context, *, wait_s: float) -> DrainView:
    """Claim no more recipients, answer new requests 503, and wait up to `wait_s` for requests in flight."""
    if not ctx.draining:
        ctx.draining = True
        ctx.control.draining_since = ctx.clock.now()
        log.info("drain_started", in_flight=ctx.throughput.in_flight)
    ctx.changes.wake_all()
    with anyio.move_on_after(wait_s):
        while ctx.throughput.in_flight:
            await ctx.clock.sleep(POLL_INTERVAL)
    return DrainView(draining=True, since=ctx.control.draining_since, in_flight=ctx.throughput.in_flight)


async def end_drain(ctx: Context) -> DrainView:
    """End a drain: continue all broadcasts that are sending."""
    ctx.draining, ctx.control.draining_since = False, None
    ctx.queue.enqueue_many(await ctx.db.read(broadcast_queue.sending))
    ctx.changes.wake_all()
    log.info("drain_ended")
    return DrainView(draining=False, since=None, in_flight=ctx.throughput.in_flight)
