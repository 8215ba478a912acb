"""Keeps the counts of broadcasts that do not change, so that lists need not count again, also after a restart."""

from functools import partial

from wacrmd.clock import SECOND, Millis
from wacrmd.domain.broadcast import Counted
from wacrmd.services.context import Context
from wacrmd.store import broadcast_counts
from wacrmd.store.database import Tx

SETTLED: Millis = 10 * SECOND
"""How long a broadcast has not changed before its counts are kept."""
STEP = 50
"""Broadcasts that one step counts, in one read."""
PAUSE: Millis = 10
"""The time between two steps, so that the API's reads come first."""


async def keep_counts(ctx: Context) -> int:
    """Keep the counts of the broadcasts that are settled and have none, the newest first; of how many."""
    kept = 0
    while not ctx.draining:
        counted = await ctx.db.read(partial(_count, settled_at=ctx.clock.now() - SETTLED))
        if counted:
            await ctx.db.write(partial(broadcast_counts.keep, counted=counted))
        kept += len(counted)
        if len(counted) < STEP:
            break
        await ctx.clock.sleep(PAUSE)
    return kept


def _count(tx: Tx, settled_at: Millis) -> list[tuple[int, int, Counted]]:
    found = broadcast_counts.uncounted(tx, settled_at, STEP)
    counts = broadcast_counts.count(tx, [broadcast_id for broadcast_id, _ in found])
    return [(broadcast_id, revision, counts[broadcast_id]) for broadcast_id, revision in found]
