"""The state of the daemon in one answer: whether it is healthy, what it does, and what is held and why."""

from dataclasses import asdict
from functools import partial

import anyio.to_thread

from wacrmd import __version__
from wacrmd.clock import MINUTE, SECOND, iso
from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.draft_backlog import reason
from wacrmd.domain.hold import NEEDS_NOBODY, Hold, HoldReason
from wacrmd.errors import counted, sized
from wacrmd.services.broadcasts import read
from wacrmd.services.context import Context
from wacrmd.services.maintenance.log_level import current_log_level
from wacrmd.services.maintenance.summary import summary
from wacrmd.services.maintenance.unread_log import READ_IT, unread_log
from wacrmd.services.numbers.read import list_numbers
from wacrmd.store import media_uploads, recipients, stats
from wacrmd.store.disk_usage import DiskUsage, disk_usage
from wacrmd.store.stats import Stats
from wacrmd.views.broadcasts import BroadcastView
from wacrmd.views.maintenance import (
    DatabaseStatus,
    Held,
    LastCheckView,
    OutageView,
    Pending,
    Status,
    Uncertain,
    UncertainBroadcast,
    WebhookStatus,
    Workers,
)
from wacrmd.views.numbers import AccountNumber

MAX_SHOWN = 100
"""Broadcasts of each status that are shown at most."""

MAX_BEHIND = 5
"""Outbound webhooks that are named at most."""

MIN_FREE_BYTES = 500 * 1024 * 1024
MIN_FREE_FILES = 100
FAILING_ATTEMPTS = 4
"""Uploads of a file to Meta that have failed one after the other: two minutes, or more."""
MAX_WAL_BYTES = 512 * 1024 * 1024


async def read_status(ctx: Context) -> Status:
    """The daemon's state; it is healthy without holds that need a person, and without warnings but notices of Meta's.

    A notice stands for days, and nobody can end it: it counts only if it stops sending.
    """
    now = ctx.clock.now()
    unfinished = await read.unfinished(ctx, MAX_SHOWN)
    numbers = await list_numbers(ctx)
    shown = {each.uuid for each in unfinished}
    held_by_meta = [each for each in await read.held_by_meta(ctx, MAX_SHOWN) if each.uuid not in shown]
    held = _held(ctx.clock.hold, unfinished + held_by_meta, numbers)
    # They wait to see what becomes of the first few, and go on by themselves.
    first_few = {
        each.uuid for each in unfinished if each.status is BroadcastStatus.SENDING and _is_canary(each.hold)
    }
    sums = await ctx.db.read(partial(stats.read, now=now))
    uncertain = await ctx.db.read(recipients.uncertain)
    usage = await anyio.to_thread.run_sync(disk_usage, ctx.db.path)
    last_status_at = ctx.meta_webhook_liveness.last_status_at
    workers, overload = await ctx.db.read(ctx.queue.health), ctx.meta_webhook_backlog.overload
    warnings = [
        *_drain_warnings(ctx),
        *_log_warnings(),
        *_storage_warnings(ctx, usage),
        *_damage_warnings(ctx, sums),
        *_silence_warnings(ctx, numbers),
        *_limit_warnings(ctx, numbers),
        *_delivery_warnings(ctx, sums),
        *_message_warnings(sums),
        *_draft_warnings(ctx, sums),
        *_notice_warnings(numbers, stops_sending=True),
    ]
    if (lately := ctx.meta_webhook_backlog.overload_lately(now)) is not None:
        warnings.append(lately.text())
    warnings += ctx.http_shortages.lately(now)
    if (failing := await ctx.db.read(partial(media_uploads.failing, attempts=FAILING_ATTEMPTS))) is not None:
        count, name, error = failing
        warnings.append(
            f"{counted(count, 'file')} cannot be uploaded to Meta, such as {name}: {error} (wacrmd media list)"
        )
    if workers.workers_dead:
        warnings.append(
            f"{workers.workers_dead} of {workers.workers} sender workers have died: they are replaced"
        )
    return Status(
        healthy=not warnings and all(each.reason in NEEDS_NOBODY or each.id in first_few for each in held),
        summary=await summary(ctx),
        warnings=[*warnings, *_notice_warnings(numbers, stops_sending=False)],
        held=held,
        version=__version__,
        started_at=ctx.started_at,
        uptime_s=ctx.clock.uptime // SECOND,
        draining=ctx.draining,
        drain=ctx.drain,
        pending=Pending(
            recipients=sum(sums.pending.values()),
            oldest_due_since=sums.oldest_due_since,
            in_flight=ctx.throughput.in_flight,
        ),
        uncertain=Uncertain(
            recipients=sums.uncertain,
            broadcasts=[
                UncertainBroadcast(id=uuid, name=name, count=count) for uuid, name, count in uncertain
            ],
        ),
        webhooks=WebhookStatus(
            last_status_at=None if last_status_at is None else ctx.clock.time_of(last_status_at),
            waiting=ctx.meta_webhook_backlog.webhooks,
            refused=overload.refused if overload else 0,
            refused_at=overload.last if overload else None,
            unmatched_statuses=sums.unmatched_statuses,
            deliveries_pending=sum(each.count for each in sums.deliveries),
        ),
        workers=Workers(
            total=workers.workers,
            alive=workers.workers_alive,
            busy=workers.busy,
            jobs_waiting=workers.waiting,
        ),
        database=_database(ctx, usage, sums),
        log=current_log_level(ctx),
        broadcasts=unfinished,
        numbers=numbers,
    )


def _is_canary(hold: Hold | None) -> bool:
    return hold is not None and hold.reason is HoldReason.CANARY


def _held(clock: Hold | None, broadcasts: list[BroadcastView], numbers: list[AccountNumber]) -> list[Held]:
    """What is held: the clock, then broadcasts, then numbers."""
    held = [] if clock is None else [Held.of("clock", "machine", None, clock)]
    held += [
        Held.of("broadcast", broadcast.uuid, broadcast.name, broadcast.hold)
        for broadcast in broadcasts
        if broadcast.hold
    ]
    held += [
        Held.of("number", number.phone_number_id, number.label, number.hold, number.display_phone)
        for number in numbers
        if number.hold
    ]
    return held


def _database(ctx: Context, usage: DiskUsage, sums: Stats) -> DatabaseStatus:
    outage = ctx.db.outage
    return DatabaseStatus(
        path=str(ctx.db.path),
        bytes=usage.database,
        wal_bytes=usage.wal,
        disk_free_bytes=usage.free,
        outage=OutageView(detail=outage.advice, since=outage.since) if outage else None,
        last_check=LastCheckView(**asdict(last)) if (last := sums.last_check) else None,
        last_backup_at=sums.last_backup_at,
    )


def _storage_warnings(ctx: Context, usage: DiskUsage) -> list[str]:
    warnings: list[str] = []
    if ctx.db.outage is not None:
        warnings.append(f"The database cannot be used: {ctx.db.outage.advice}")
    if usage.free is not None and usage.free < MIN_FREE_BYTES:
        warnings.append(
            f"Only {sized(usage.free)} are free at {ctx.db.path.parent}: free some space, a full disk stops everything"
        )
    if usage.free_files is not None and usage.free_files < MIN_FREE_FILES:
        warnings.append(
            f"Only {counted(usage.free_files, 'more file')} can be made at {ctx.db.path.parent}: "
            "remove some, the next start needs them"
        )
    if usage.wal > MAX_WAL_BYTES:
        warnings.append(
            f"The write-ahead log has grown to {sized(usage.wal)}: does another program read the database all the time?"
        )
    return warnings


def _drain_warnings(ctx: Context) -> list[str]:
    """One that a restart does not end may have been forgotten."""
    drain = ctx.drain
    return [f"{drain.detail}. {drain.advice}"] if drain is not None and drain.for_good else []


def _log_warnings() -> list[str]:
    unread = unread_log()
    return [f"{unread[0].upper()}{unread[1:]}. {READ_IT}"] if unread else []


def _damage_warnings(ctx: Context, sums: Stats) -> list[str]:
    """A warning if the last full check has found something."""
    last = sums.last_check
    if last is None or not last.problems or ctx.db.is_damaged:
        return []
    return [
        f"The last full check of the database, at {iso(last.at)}, has found: {last.problems[0]}: see wacrmd check-db"
    ]


def _message_warnings(sums: Stats) -> list[str]:
    """A warning if single messages are paused: they are not among the broadcasts that are shown."""
    count = sums.paused_messages
    if not count:
        return []
    are = f"{counted(count, 'single message')} {'is' if count == 1 else 'are'} paused"
    return [f"{are}: see wacrmd message list --paused, and resume or cancel each with wacrmd broadcast"]


def _draft_warnings(ctx: Context, sums: Stats) -> list[str]:
    """A warning if drafts wait for long; while the daemon drains, that says enough."""
    since = sums.drafts.waiting_since
    if ctx.draining or since is None or not sums.drafts.is_behind(ctx.clock.age(since)):
        return []
    why, advice = reason(is_draining=False, shares=ctx.drafts.shares())
    return [f"{sums.drafts.text()}: {why}. {advice}"]


def _silence_warnings(ctx: Context, numbers: list[AccountNumber]) -> list[str]:
    """A warning for each number that sends without receiving statuses."""
    now = ctx.clock.monotonic()
    return [
        f"Number {number.name} has been sending for {silence // MINUTE} minutes and Meta has sent no status:"
        " see wacrmd doctor"
        for number in numbers
        if (silence := ctx.meta_webhook_liveness.silence(number.id, now)) is not None
    ]


def _limit_warnings(ctx: Context, numbers: list[AccountNumber]) -> list[str]:
    """A warning if numbers send more slowly than they may, because too few requests may be in flight."""
    limited = [
        number.name
        for number in numbers
        if (state := ctx.throughput.state(number.id)) is not None and state.is_limited
    ]
    if not limited:
        return []
    setting = f"[sender] max_in_flight = {ctx.config.sender.max_in_flight}"
    return [f"{setting} is too small for the rates and Meta's latency: it slows down {'; '.join(limited)}"]


def _delivery_warnings(ctx: Context, sums: Stats) -> list[str]:
    """A warning for each outbound webhook that is behind, the one that waits longest first."""
    behind = (each for each in sums.deliveries if each.is_behind(ctx.clock.age(each.since)))
    found = sorted(behind, key=lambda each: each.since)
    warnings = [f"{each.text()}: see wacrmd webhook deliveries {each.endpoint_id[:8]}" for each in found]
    more = len(warnings) - MAX_BEHIND
    return (
        warnings
        if more <= 0
        else [*warnings[:MAX_BEHIND], f"{counted(more, 'more webhook')}: see wacrmd doctor"]
    )


def _notice_warnings(numbers: list[AccountNumber], *, stops_sending: bool) -> list[str]:
    """A warning for each notice of Meta's that stops sending or does not, with the numbers that it is about."""
    concerned: dict[str, list[str]] = {}
    for number in numbers:
        for notice in number.notices:
            if notice.stops_sending is not stops_sending:
                continue
            concerned.setdefault(notice.text(), []).append(number.name)
    return [f"Meta says about {'; '.join(names)}: {text}" for text, names in concerned.items()]
