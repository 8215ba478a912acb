"""Retention: deletes rows that are older than configured, and returns the free space to the file system."""

from functools import partial

from wacrmd.clock import DAY, Millis
from wacrmd.config import Config
from wacrmd.domain import user
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.services.daemon_clock import DaemonClock
from wacrmd.services.statistics.sum_up import sum_up
from wacrmd.store import idempotency, retention
from wacrmd.store.retention import Cutoffs

PAUSE: Millis = 50
"""The time between two steps, so that sends and webhooks are written first."""
VACUUM_PAGES = 250
"""Pages that one step of the vacuum returns at most."""
KEPT_FREE_SHARE = 20
"""One of this many pages stays free for the next writes."""

log = get_logger(__name__)


def cutoffs(config: Config, clock: DaemonClock) -> Cutoffs:
    """The times before which rows are deleted, from the configuration.

    What waits for something to come, such as a status of an unknown message, is kept so long while the daemon runs.
    """
    days, now = config.retention, clock.now()

    def before(kept_days: int) -> Millis | None:
        return now - kept_days * DAY if kept_days else None

    history = before(days.history_days)
    return Cutoffs(
        broadcasts=before(days.recipients_days),
        history=history,
        deliveries=before(days.webhook_deliveries_days),
        audit=before(days.audit_days),
        unmatched_statuses=clock.ago(days.unmatched_statuses_days * DAY),
        inbound=min(history, clock.ago(retention.REDELIVERY_PERIOD)) if history is not None else None,
        idempotency=clock.ago(idempotency.KEPT_FOR),
        drafts=before(days.drafts_days),
        media=before(days.media_days),
        now=now,
        sessions=now - user.IDLE,
        links=now - user.LINK_LASTS,
        known_browsers=now - user.BROWSER_KNOWN,
    )


async def prune(ctx: Context) -> dict[str, int]:
    """Delete all rows that are older than configured, step by step, then vacuum; rows deleted by table.

    While the machine's clock is not trusted nothing is deleted: that can wait, and cannot be undone.
    """
    limits = cutoffs(ctx.config, ctx.clock)
    await sum_up(ctx)  # else the transaction that deletes the first recipients of a broadcast has to
    total: dict[str, int] = {}
    for step in retention.STEPS:
        has_more = True
        while has_more and not ctx.draining and ctx.clock.is_trusted:
            deleted, has_more = await ctx.db.write(
                partial(step, cutoffs=limits, max_rows=retention.MAX_STEP_ROWS)
            )
            for table, rows in deleted.items():
                total[table] = total.get(table, 0) + rows
                ctx.metrics.rows_pruned.labels(table).inc(rows)
            if has_more:
                await ctx.clock.sleep(PAUSE)
    total = {table: rows for table, rows in total.items() if rows}
    if total:
        log.info("rows_pruned", deleted=total)
    await vacuum(ctx)
    return total


async def vacuum(ctx: Context) -> None:
    """Return the file's free pages to the file system, except a share that the next writes use."""
    while not ctx.draining:
        free, pages = await ctx.db.read(retention.free_pages)
        spare = free - pages // KEPT_FREE_SHARE
        if spare <= 0:
            return
        await ctx.db.outside_transaction(
            partial(retention.incremental_vacuum, pages=min(VACUUM_PAGES, spare))
        )
        await ctx.clock.sleep(PAUSE)
