"""The state of the daemon in one answer."""

import os
from contextlib import suppress
from functools import partial
from pathlib import Path

from wacrmd import __version__
from wacrmd.clock import MINUTE, SECOND, Millis
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.hold import NEEDS_NOBODY
from wacrmd.domain.page import PageRequest
from wacrmd.services.broadcasts import read
from wacrmd.services.context import Context
from wacrmd.services.maintenance import control, metrics
from wacrmd.services.numbers.read import list_numbers
from wacrmd.store import recipients, stats
from wacrmd.store.stats import Stats
from wacrmd.views.broadcasts import BroadcastView
from wacrmd.views.maintenance import (
    DatabaseStatus,
    Held,
    Status,
    Trouble,
    Uncertain,
    UncertainIn,
    Waiting,
    WebhookStatus,
    Workers,
)
from wacrmd.views.numbers import AccountNumber

MAX_SHOWN = 100

SILENCE: Millis = 10 * MINUTE
"""How long a number may send without any status coming back before that is a warning."""

LOW_DISK_BYTES = 500 * 1024 * 1024
LARGE_WAL_BYTES = 512 * 1024 * 1024


async def status(ctx: Context) -> Status:
    """Health, what is being sent, what is held up and why, and how each number sends."""
    now = ctx.clock.now()
    unfinished: list[BroadcastView] = []
    for state in (BroadcastStatus.SENDING, BroadcastStatus.PAUSED, BroadcastStatus.SCHEDULED):
        unfinished += (await read.page(ctx, None, state, PageRequest(MAX_SHOWN))).items
    numbers = await list_numbers(ctx)
    held = _held(unfinished, numbers)
    sums = await ctx.db.read(partial(stats.read, now=now))
    uncertain = await ctx.db.read(recipients.uncertain)
    workers = ctx.queue.health()
    database = _database(ctx, sums)
    warnings = [*_warnings(ctx, database), *_silence(ctx, numbers, now)]
    if workers.workers_alive < workers.workers:
        dead = workers.workers - workers.workers_alive
        warnings.append(f"{dead} of {workers.workers} sender workers have died: they are replaced")
    needs_somebody = [one for one in held if one.reason not in NEEDS_NOBODY]
    return Status(
        healthy=not needs_somebody and not warnings,
        doing=(await metrics.summary(ctx)).replace(", see wacrmd status", ""),
        warnings=warnings,
        held=held,
        version=__version__,
        started_at=ctx.started_at,
        uptime_s=(now - ctx.started_at) // SECOND,
        draining=ctx.draining,
        waiting=Waiting(
            recipients=sum(sums.waiting.values()),
            oldest_since=sums.oldest_due_since,
            in_flight=ctx.throughput.in_flight,
        ),
        uncertain=Uncertain(
            recipients=sums.uncertain,
            broadcasts=[UncertainIn(id=uuid, name=name, count=count) for uuid, name, count in uncertain],
        ),
        webhooks=WebhookStatus(
            heard_at=ctx.webhook_liveness.last_status_at,
            statuses_kept_for_later=sums.unmatched_statuses,
            outbound_waiting=sums.outbox_waiting,
        ),
        workers=Workers(
            workers=workers.workers,
            alive=workers.workers_alive,
            busy=workers.busy,
            waiting=workers.waiting,
        ),
        database=database,
        log=control.log_level(ctx),
        broadcasts=unfinished,
        numbers=numbers,
    )


def _held(unfinished: list[BroadcastView], numbers: list[AccountNumber]) -> list[Held]:
    """What does not move: broadcasts, then numbers."""
    return [
        Held.of("broadcast", broadcast.uuid, broadcast.name, broadcast.hold)
        for broadcast in unfinished
        if broadcast.hold
    ] + [
        Held.of("number", number.phone_number_id, number.label, number.hold)
        for number in numbers
        if number.hold
    ]


def _database(ctx: Context, sums: Stats) -> DatabaseStatus:
    trouble = ctx.db.trouble
    free = None
    with suppress(OSError):
        disk = os.statvfs(ctx.db.path.parent)
        free = disk.f_bavail * disk.f_frsize
    return DatabaseStatus(
        path=str(ctx.db.path),
        bytes=_size(ctx.db.path),
        wal_bytes=_size(Path(f"{ctx.db.path}-wal")),
        disk_free_bytes=free,
        trouble=Trouble(detail=trouble.advice, since=trouble.since) if trouble else None,
        last_backup_at=sums.last_backup_at,
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _warnings(ctx: Context, database: DatabaseStatus) -> list[str]:
    found: list[str] = []
    if ctx.db.trouble is not None:
        found.append(f"The database cannot be used: {ctx.db.trouble.advice}")
    free = database.disk_free_bytes
    if free is not None and free < LOW_DISK_BYTES:
        found.append(f"Only {free >> 20} MiB are free at {ctx.db.path.parent}: make room before it stops")
    if database.wal_bytes > LARGE_WAL_BYTES:
        found.append(
            f"The database's WAL has grown to {database.wal_bytes >> 20} MiB: does another program hold the file open?"
        )
    return found


def _silence(ctx: Context, numbers: list[AccountNumber], now: Millis) -> list[str]:
    """One sentence for each number that sends while no status comes."""
    found: list[str] = []
    for number in numbers:
        since = ctx.webhook_liveness.silent_since(number.id)
        if since is not None and now - since >= SILENCE:
            minutes = (now - since) // MINUTE
            found.append(
                f"Number {number.phone_number_id} has been sending for {minutes} minutes and no status came from Meta: "
                "see wacrmd doctor"
            )
    return found
