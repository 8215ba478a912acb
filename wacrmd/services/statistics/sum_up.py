"""Sums up broadcasts that have changed, in the background, so that no request has to read their recipients."""

from functools import partial

from wacrmd.clock import SECOND, Millis
from wacrmd.domain.statistics import Key
from wacrmd.services.context import Context
from wacrmd.store import statistics
from wacrmd.store.database import Tx
from wacrmd.store.statistics import Summing, Unsummed

Change = tuple[Unsummed, list[tuple[Key, int]]]
"""The counts that a broadcast gets in place of those that it has."""

BROADCASTS = 50
"""Broadcasts that are summed up together: most are small, or single messages."""
SLICE_ROWS = 4_000
"""Recipients that one read looks at: about 20 ms of a reader's time."""
STEP_SUMS = 250
"""Sums that one transaction changes: some milliseconds of the writer's time."""
PAUSE: Millis = 10
"""The time between two steps, so that the API's reads and the sender's writes come first."""
AT_LEAST: Millis = 10 * SECOND
PER_RECIPIENT: Millis = 3
"""How long a broadcast that changes is left alone after it was summed up: 5 minutes with 100,000 recipients. So one that
changes all the time costs a share of the processor that does not depend on its size."""


async def sum_up(ctx: Context) -> int:
    """Sum up the broadcasts that have changed; of how many. One caller after the other: a job does so, and retention."""
    async with ctx.summing:
        return await _sum_up_changed(ctx)


async def _sum_up_changed(ctx: Context) -> int:
    done = 0
    while not ctx.draining:
        found = await ctx.db.read(partial(statistics.unsummed, now=ctx.clock.now(), limit=BROADCASTS))
        if not found:
            break
        await _sum_up(ctx, found)
        done += len(found)
    return done


async def _sum_up(ctx: Context, found: list[Unsummed]) -> None:
    summing = Summing(found)
    while await ctx.db.read(partial(summing.read, max_rows=SLICE_ROWS)):
        await ctx.clock.sleep(PAUSE)

    def compare(tx: Tx) -> list[Change]:
        return [
            (each, statistics.differences(statistics.part_of(tx, each.id), summing.sums[each.id]))
            for each in found
        ]

    changes = await ctx.db.read(compare)
    step: list[tuple[*Change, bool]] = []
    room = STEP_SUMS
    for about, counts in changes:
        # The last piece of a broadcast, perhaps an empty one, says that it is summed up.
        pieces = [counts[at : at + STEP_SUMS] for at in range(0, len(counts), STEP_SUMS)] or [[]]
        for number, piece in enumerate(pieces, start=1):
            step.append((about, piece, number == len(pieces)))
            room -= len(piece) + 1
            if room <= 0:
                await _write(ctx, step, summing)
                step, room = [], STEP_SUMS
    await _write(ctx, step, summing)


async def _write(ctx: Context, step: list[tuple[*Change, bool]], summing: Summing) -> None:
    now = ctx.clock.now()

    def work(tx: Tx) -> None:
        for about, counts, is_last in step:
            statistics.put(tx, about, counts)
            if is_last:
                wait = max(AT_LEAST, PER_RECIPIENT * summing.looked_at[about.id])
                statistics.summed_up(tx, about, now + wait)

    if step:
        await ctx.db.write(work)
        await ctx.clock.sleep(PAUSE)
