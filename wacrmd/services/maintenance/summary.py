"""What the daemon is doing, in one line."""

from collections.abc import Mapping
from functools import partial

from wacrmd.clock import Millis
from wacrmd.domain.hold import AS_PLANNED, HoldReason
from wacrmd.errors import counted
from wacrmd.services.broadcasts.read import holds_of
from wacrmd.services.context import Context
from wacrmd.store import broadcasts, stats
from wacrmd.store.database import Tx
from wacrmd.store.stats import Stats


async def summary(ctx: Context) -> str:
    """One line for `wacrmd status` and `systemctl status`."""
    if ctx.db.outage is not None:
        return f"The database cannot be used: {ctx.db.outage.advice}"
    now = ctx.clock.now()
    found, held = await ctx.db.read(partial(_read, ctx=ctx, now=now))
    if ctx.drain is not None and ctx.drain.handed_over is not None:
        return ctx.drain.detail
    if ctx.drain is not None:
        word = "Drained for good" if ctx.drain.for_good else "Draining"
        return f"{word}: {counted(ctx.throughput.in_flight, 'message')} on the way"
    sending, pending = found.unfinished.get("sending", 0), found.pending.get("sending", 0)
    line = "Idle, ready for broadcasts"
    if sending or held:
        line = f"Sending {counted(sending, 'broadcast')}: {counted(pending, 'message')} to send,"
        line += f" {ctx.throughput.in_flight} on the way"
        line += f"; {counted(held, 'broadcast')} held up" if held else ""
    return line if ctx.clock.is_trusted else f"{line}; the machine's clock is not trusted"


def sending_holds(tx: Tx, ctx: Context, found: Stats) -> dict[int, HoldReason]:
    """Why each broadcast that is sending and does not move waits, by its id."""
    sending = [each for each in map(partial(broadcasts.get, tx), found.sending) if each is not None]
    holds = holds_of(tx, ctx, sending, ctx.counts.progress(tx, sending))
    return {broadcast_id: hold.reason for broadcast_id, hold in holds.items() if hold is not None}


def stalled_since(found: Stats, holds: Mapping[int, HoldReason]) -> Millis | None:
    """The earliest last progress among broadcasts that could send to somebody; None if none stands still.

    Those with these holds that wait as planned are left out.
    """
    last = [at for each, at in found.last_progress.items() if holds.get(each) not in AS_PLANNED]
    return min(last, default=None)


def _read(tx: Tx, ctx: Context, now: int) -> tuple[Stats, int]:
    found = stats.read(tx, now)
    return found, len(found.pause_reasons) + len(sending_holds(tx, ctx, found))
