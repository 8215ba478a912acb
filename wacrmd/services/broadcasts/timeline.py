"""The progress of a broadcast over time."""

from wacrmd.clock import HOUR
from wacrmd.domain.broadcast import Broadcast
from wacrmd.domain.timeline import points, width_for
from wacrmd.services.context import Context
from wacrmd.store import timeline
from wacrmd.store.database import Tx
from wacrmd.views.broadcasts import TimelineView


async def show(ctx: Context, broadcast: Broadcast, hours: int) -> TimelineView:
    """How many messages had which status by when, in the first hours of a broadcast, or until the last status.

    Of a broadcast with more than `timeline.ALL_ROWS` recipients a sample is counted.
    """
    start, now = broadcast.started_at, ctx.clock.now()

    def work(tx: Tx) -> TimelineView:
        people = ctx.counts.progress(tx, [broadcast])[broadcast.id].total_recipients
        which = timeline.sample(tx, broadcast.id, people)
        last_at = timeline.last_at(tx, which)
        if start is None or not last_at:
            return TimelineView(points=[], last_at=None, is_estimate=False)
        # A clock that was set back makes times that are nonsense: the line ends where it begins.
        ends_at = max(start, min(last_at, start + hours * HOUR - 1, now + HOUR))
        width = width_for(ends_at - start)
        places = (ends_at - start) // width + 1
        found = timeline.counts(tx, which, start=start, width=width, until=start + places * width)
        return TimelineView(
            points=points(found, start, width, places, which.step),
            last_at=last_at,
            is_estimate=which.step > 1,
        )

    return await ctx.db.read(work)
