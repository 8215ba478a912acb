"""What the daemon is doing, in one line."""

from functools import partial

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


def held_reasons(tx: Tx, ctx: Context, found: Stats) -> list[str]:
    """The hold reason of each broadcast that does not move: paused ones, and sending ones that are held."""
    reasons = list(found.pause_reasons)
    sending = [each for each in map(partial(broadcasts.get, tx), found.sending) if each is not None]
    holds = holds_of(tx, ctx, sending, ctx.counts.progress(tx, sending))
    return reasons + [hold.reason.value for hold in holds.values() if hold is not None]


def _read(tx: Tx, ctx: Context, now: int) -> tuple[Stats, int]:
    found = stats.read(tx, now)
    return found, len(held_reasons(tx, ctx, found))
