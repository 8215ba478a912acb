"""The state of the daemon in one answer."""

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from wacrmd import __version__
from wacrmd.clock import MINUTE, SECOND, Millis, iso
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.hold import NEEDS_NOBODY
from wacrmd.services import views
from wacrmd.services.context import Context
from wacrmd.services.maintenance import control, metrics
from wacrmd.services.numbers.manage import list_numbers
from wacrmd.store import recipients, stats

MOST_SHOWN = 100

SILENCE: Millis = 10 * MINUTE
"""How long a number may send without any status coming back before that is a warning."""

LOW_DISK_BYTES = 500 * 1024 * 1024
LARGE_WAL_BYTES = 512 * 1024 * 1024


async def status(ctx: Context) -> dict[str, Any]:
    """Health, what is being sent, what is held up and why, and each number's flow."""
    now = ctx.clock.now()
    open_broadcasts: list[dict[str, Any]] = []
    for state in (BroadcastStatus.SENDING, BroadcastStatus.PAUSED, BroadcastStatus.SCHEDULED):
        found, _ = await views.list_broadcasts(ctx, account_id=None, status=state, limit=MOST_SHOWN)
        open_broadcasts += found
    numbers = await list_numbers(ctx)
    held = [
        {"what": "broadcast", "id": broadcast["id"], "name": broadcast["name"], **broadcast["hold"]}
        for broadcast in open_broadcasts
        if broadcast["hold"]
    ] + [
        {"what": "number", "id": number["phone_number_id"], "name": number["label"], **number["hold"]}
        for number in numbers
        if number["hold"]
    ]
    sums = await ctx.db.read(partial(stats.read, now=now))
    uncertain = await ctx.db.read(recipients.uncertain)
    slots = ctx.queue.health()
    database = _database(ctx)
    warnings = [*_warnings(ctx, database), *_silence(ctx, numbers, now)]
    if slots.workers_alive < slots.workers:
        warnings.append(
            f"{slots.workers - slots.workers_alive} of {slots.workers} sender workers have died: they are replaced"
        )
    needed = [one for one in held if one["reason"] not in NEEDS_NOBODY]
    return {
        "healthy": not needed and not warnings,
        "doing": (await metrics.summary(ctx)).replace(", see wacrmd status", ""),
        "warnings": warnings,
        "held": held,
        "version": __version__,
        "started_at": iso(ctx.started_at),
        "uptime_s": (now - ctx.started_at) // SECOND,
        "draining": ctx.draining,
        "waiting": {
            "recipients": sum(sums.waiting.values()),
            "oldest_since": views.time(sums.oldest_due_since),
            "in_flight": ctx.throughput.in_flight,
        },
        "uncertain": {
            "recipients": sums.uncertain,
            "broadcasts": [{"id": uuid, "name": name, "count": count} for uuid, name, count in uncertain],
        },
        "webhooks": {
            "heard_at": views.time(ctx.webhook_liveness.last_status_at),
            "statuses_kept_for_later": sums.unmatched_statuses,
            "outbound_waiting": sums.outbox_waiting,
        },
        "workers": {
            "workers": slots.workers,
            "alive": slots.workers_alive,
            "busy": slots.busy,
            "waiting": slots.waiting,
        },
        "database": database | {"last_backup_at": views.time(sums.last_backup_at)},
        "log": control.log_level(ctx),
        "broadcasts": open_broadcasts,
        "numbers": numbers,
    }


def _database(ctx: Context) -> dict[str, Any]:
    trouble = ctx.db.trouble
    free = None
    with suppress(OSError):
        disk = os.statvfs(ctx.db.path.parent)
        free = disk.f_bavail * disk.f_frsize
    return {
        "path": str(ctx.db.path),
        "bytes": _size(ctx.db.path),
        "wal_bytes": _size(Path(f"{ctx.db.path}-wal")),
        "disk_free_bytes": free,
        "trouble": {"detail": trouble.advice, "since": iso(trouble.since)} if trouble else None,
    }


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _warnings(ctx: Context, database: dict[str, Any]) -> list[str]:
    said: list[str] = []
    if ctx.db.trouble is not None:
        said.append(f"The database cannot be used: {ctx.db.trouble.advice}")
    free = database["disk_free_bytes"]
    if free is not None and free < LOW_DISK_BYTES:
        said.append(f"Only {free >> 20} MiB are free at {ctx.db.path.parent}: make room before it stops")
    if database["wal_bytes"] > LARGE_WAL_BYTES:
        said.append(
            f"The database's WAL has grown to {database['wal_bytes'] >> 20} MiB: does another program hold the file open?"
        )
    return said


def _silence(ctx: Context, numbers: list[dict[str, Any]], now: Millis) -> list[str]:
    """One sentence for each number that sends while no status comes."""
    said: list[str] = []
    for number in numbers:
        since = ctx.webhook_liveness.silent_since(number["id"])
        if since is not None and now - since >= SILENCE:
            minutes = (now - since) // MINUTE
            said.append(
                f"Number {number['phone_number_id']} has been sending for {minutes} minutes and no status came from Meta: "
                "see wacrmd doctor"
            )
    return said
