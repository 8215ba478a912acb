"""What the metrics and the status line say: counts of what was recorded, and gauges read at the moment."""

import os
from contextlib import suppress
from functools import partial
from pathlib import Path

from wacrmd import __version__
from wacrmd.clock import SECOND, Millis
from wacrmd.domain.number import NumberState
from wacrmd.services.broadcasts.read import hold_of
from wacrmd.services.context import Context
from wacrmd.store import broadcasts, numbers, stats
from wacrmd.store.database import Tx
from wacrmd.store.stats import Stats

OPEN_STATUSES = ("scheduled", "sending", "paused")


async def scrape(ctx: Context) -> bytes:
    """All metrics in Prometheus' text format, the gauges as of now."""
    now = ctx.clock.now()
    _gauge_daemon(ctx)
    ctx.metrics.database_unwritable.set(ctx.db.trouble is not None)
    await ctx.db.read(partial(_gauge_rows, ctx=ctx, now=now))
    return ctx.metrics.text()


def _gauge_daemon(ctx: Context) -> None:
    metrics, slots = ctx.metrics, ctx.queue.health()
    metrics.build_info.labels(__version__).set(1)
    metrics.start_time.set(ctx.started_at / SECOND)
    metrics.draining.set(ctx.draining)
    metrics.requests_in_flight.set(ctx.throughput.in_flight)
    metrics.workers.set(slots.workers)
    metrics.workers_alive.set(slots.workers_alive)
    metrics.workers_busy.set(slots.busy)
    metrics.jobs_waiting.set(slots.waiting)
    metrics.database_wal_size.set(_size(Path(f"{ctx.db.path}-wal")))
    with suppress(OSError):
        disk = os.statvfs(ctx.db.path.parent)
        metrics.disk_free.set(disk.f_bavail * disk.f_frsize)


def _gauge_rows(tx: Tx, *, ctx: Context, now: Millis) -> None:
    metrics, found = ctx.metrics, stats.read(tx, now)
    for status in OPEN_STATUSES:
        metrics.broadcasts_open.labels(status).set(found.open.get(status, 0))
        metrics.recipients_pending.labels(status).set(found.waiting.get(status, 0))
    metrics.recipients_uncertain.set(found.uncertain)
    metrics.oldest_due_recipient_age.set(_age(found.oldest_due_since, now))
    metrics.broadcast_stalled.set(_age(found.stalled_since, now))
    metrics.unmatched_statuses.set(found.unmatched_statuses)
    metrics.webhook_deliveries_pending.set(found.outbox_waiting)
    metrics.oldest_webhook_delivery_age.set(_age(found.outbox_oldest_at, now))
    metrics.database_size.set(found.database_bytes)
    metrics.last_backup.set((found.last_backup_at or 0) / SECOND)
    metrics.broadcasts_held.clear()
    for reason in _held(tx, ctx, found):
        metrics.broadcasts_held.labels(reason).inc()
    for gauge in (
        metrics.number_rate_limit,
        metrics.number_rate_limit_configured,
        metrics.number_requests_in_flight,
        metrics.number_blocked,
    ):
        gauge.clear()
    for number in numbers.all_of(tx):
        flow, name = ctx.throughput.state(number.id), number.phone_number_id
        allowed = number.messages_per_second or ctx.config.sender.messages_per_second
        active = number.state is NumberState.ACTIVE
        metrics.number_rate_limit_configured.labels(name).set(allowed)
        metrics.number_rate_limit.labels(name).set((flow.rate_now if flow else allowed) if active else 0)
        metrics.number_requests_in_flight.labels(name).set(flow.in_flight if flow else 0)
        hold = number.hold or (flow.hold if flow else None)
        if hold is not None:
            metrics.number_blocked.labels(name, hold.reason.value).set(1)


def _held(tx: Tx, ctx: Context, found: Stats) -> list[str]:
    """The reason of each broadcast that does not move: paused ones, and sending ones that are held up."""
    reasons = list(found.pause_reasons)
    counts = broadcasts.progress(tx, found.sending)
    for broadcast_id, progress in counts.items():
        broadcast = broadcasts.get(tx, broadcast_id)
        hold = hold_of(tx, ctx, broadcast, progress) if broadcast else None
        if hold is not None:
            reasons.append(hold.reason.value)
    return reasons


def _age(since: Millis | None, now: Millis) -> float:
    return 0 if since is None else max(0, now - since) / SECOND


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


async def summary(ctx: Context) -> str:
    """One line on what the daemon is doing, for `systemctl status`."""
    found = await ctx.db.read(partial(stats.read, now=ctx.clock.now()))
    held = await ctx.db.read(lambda tx: len(_held(tx, ctx, found)))
    if ctx.db.trouble is not None:
        return f"The database cannot be written: {ctx.db.trouble.advice}"
    sending, waiting = found.open.get("sending", 0), found.waiting.get("sending", 0)
    if ctx.draining:
        return f"Draining: {ctx.throughput.in_flight} messages in flight"
    if not sending and not held:
        return "Idle, ready for broadcasts"
    many = "broadcast" if sending == 1 else "broadcasts"
    parts = [f"sending {sending} {many}", f"{waiting} recipients waiting"]
    parts += [f"{ctx.throughput.in_flight} in flight"]
    parts += [f"{held} held up, see wacrmd status"] if held else []
    return ", ".join(parts).capitalize()
