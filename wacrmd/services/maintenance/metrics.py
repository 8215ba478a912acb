"""The answer of `/metrics`: the counters, and the gauges, which are set at each scrape."""

from contextlib import suppress
from functools import partial

import anyio.to_thread

from wacrmd import __version__
from wacrmd.clock import SECOND, Millis
from wacrmd.domain.account_notice import holding
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.draft_backlog import OPEN, WORK
from wacrmd.domain.number import NumberState
from wacrmd.domain.throughput import WorkerStats
from wacrmd.metrics import Metrics
from wacrmd.services.context import Context
from wacrmd.services.maintenance.summary import sending_holds, stalled_since
from wacrmd.store import conversations, numbers, stats
from wacrmd.store.database import Tx
from wacrmd.store.disk_usage import disk_usage
from wacrmd.store.outage import StorageError

UNFINISHED = (BroadcastStatus.SCHEDULED, BroadcastStatus.SENDING, BroadcastStatus.PAUSED)


async def scrape(ctx: Context) -> bytes:
    """All metrics in Prometheus' text format."""
    _set_daemon(ctx)
    await _set_disk(ctx)
    with suppress(StorageError):  # what can be told without the database is told, also that it cannot be used
        _set_workers(ctx.metrics, await ctx.db.read(ctx.queue.health))
        await ctx.db.read(partial(_set_rows, ctx=ctx, now=ctx.clock.now()))
    return ctx.metrics.text()


def _set_daemon(ctx: Context) -> None:
    metrics = ctx.metrics
    metrics.build_info.labels(__version__).set(1)
    metrics.start_time.set(ctx.started_at / SECOND)
    metrics.clock_distrusted.set(not ctx.clock.is_trusted)
    metrics.clock_ahead.set(ctx.clock.machine_ahead / SECOND)
    metrics.draining.set(ctx.draining)
    metrics.drained_for_good.set(ctx.drain is not None and ctx.drain.for_good)
    metrics.handed_over.set(ctx.drain is not None and ctx.drain.handed_over is not None)
    metrics.requests_in_flight.set(ctx.throughput.in_flight)
    metrics.meta_webhooks_waiting.set(ctx.meta_webhook_backlog.webhooks)
    for listener, capacity in ctx.capacities.items():
        metrics.http_connections.labels(listener).set(capacity.connections)
        metrics.http_body_bytes.labels(listener).set(capacity.body_bytes)
    metrics.database_unwritable.set(ctx.db.outage is not None)
    metrics.database_damaged.set(ctx.db.is_damaged)


def _set_workers(metrics: Metrics, workers: WorkerStats) -> None:
    metrics.workers.set(workers.workers)
    metrics.workers_alive.set(workers.workers_alive)
    metrics.workers_busy.set(workers.busy)
    metrics.jobs_waiting.set(workers.waiting)


async def _set_disk(ctx: Context) -> None:
    usage = await anyio.to_thread.run_sync(disk_usage, ctx.db.path)
    ctx.metrics.database_size.set(usage.database)
    ctx.metrics.database_wal_size.set(usage.wal)
    if usage.free is not None:
        ctx.metrics.disk_free.set(usage.free)


def _set_rows(tx: Tx, *, ctx: Context, now: Millis) -> None:
    metrics, found = ctx.metrics, stats.read(tx, now)
    for status in UNFINISHED:
        metrics.broadcasts_open.labels(status).set(found.unfinished.get(status, 0))
        metrics.recipients_pending.labels(status).set(found.pending.get(status, 0))
    metrics.recipients_held.set(found.held)
    metrics.recipients_uncertain.set(found.uncertain)
    metrics.oldest_due_recipient_age.set(_age_s(ctx, found.oldest_due_since))
    for state in (*OPEN, *WORK):
        metrics.drafts.labels(state).set(found.drafts.counts.get(state, 0))
    metrics.oldest_waiting_draft_age.set(_age_s(ctx, found.drafts.waiting_since))
    metrics.unmatched_statuses.set(found.unmatched_statuses)
    metrics.webhook_deliveries_pending.set(sum(each.count for each in found.deliveries))
    oldest = min((each.since for each in found.deliveries), default=None)
    metrics.oldest_webhook_delivery_age.set(_age_s(ctx, oldest))
    metrics.webhooks_behind.set(sum(each.is_behind(ctx.clock.age(each.since)) for each in found.deliveries))
    metrics.backup_scheduled.set(bool(ctx.config.backup.directory))
    metrics.last_backup.set((found.last_backup_at or 0) / SECOND)
    if found.last_check is not None:
        metrics.database_last_check.set(found.last_check.at / SECOND)
        metrics.database_last_check_duration.set(found.last_check.duration_ms / SECOND)
    metrics.broadcasts_held.clear()
    holds = sending_holds(tx, ctx, found)
    for reason in found.pause_reasons:
        metrics.broadcasts_held.labels(reason, BroadcastStatus.PAUSED).inc()
    for held in holds.values():
        metrics.broadcasts_held.labels(held, BroadcastStatus.SENDING).inc()
    metrics.broadcast_stalled.set(_age_s(ctx, stalled_since(found, holds)))
    _set_numbers(tx, ctx, now)


def _set_numbers(tx: Tx, ctx: Context, now: Millis) -> None:
    metrics = ctx.metrics
    for gauge in (
        metrics.number_rate_limit,
        metrics.number_rate_limit_configured,
        metrics.number_requests_in_flight,
        metrics.number_blocked,
        metrics.number_in_flight_limited,
        metrics.number_notice,
        metrics.number_messaging_limit,
        metrics.number_messaging_limit_used,
    ):
        gauge.clear()  # a number may have been removed, and its hold may have ended
    used = dict[str, int]()
    for number in numbers.all_of(tx):
        label, state = number.phone_number_id, ctx.throughput.state(number.id)
        configured = number.rate(ctx.config.sender.messages_per_second)
        rate = state.rate_now if state else configured
        metrics.number_rate_limit_configured.labels(label).set(configured)
        metrics.number_rate_limit.labels(label).set(rate if number.state is NumberState.ACTIVE else 0)
        metrics.number_requests_in_flight.labels(label).set(state.in_flight if state else 0)
        metrics.number_in_flight_limited.labels(label).set(state is not None and state.is_limited)
        for notice in holding(number.notices, now):
            metrics.number_notice.labels(label, notice.kind).set(1)
        budget = conversations.budget_of(tx, number.id)
        if budget.is_known:
            metrics.number_messaging_limit.labels(label).set(budget.limit)
        if budget.portfolio not in used:
            used[budget.portfolio] = conversations.use_of(tx, budget, now).used
        metrics.number_messaging_limit_used.labels(label).set(used[budget.portfolio])
        hold = number.hold or (state.hold if state else None)
        if hold is not None:
            metrics.number_blocked.labels(label, hold.reason.value).set(1)


def _age_s(ctx: Context, since: Millis | None) -> float:
    """For how many seconds the daemon has run since a time."""
    return 0 if since is None else ctx.clock.age(since) / SECOND
