"""What keeps a daemon fit for years: retention, backups, checks, and a person's right to be known or forgotten."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import structlog

from wacrmd.clock import DAY, SECOND, Millis, iso
from wacrmd.config import Config
from wacrmd.domain.phone import normalize
from wacrmd.errors import DatabaseUnusableError, ErrorCode, Refusal, bad_request, conflict
from wacrmd.services.access.keys import account_named
from wacrmd.services.context import Context
from wacrmd.store import backups, broadcasts, data_subjects, retention, stats
from wacrmd.store.data_subjects import DataSubject
from wacrmd.store.database import Tx
from wacrmd.store.retention import Cutoffs

PAUSE: Millis = 50
"""Between two steps of retention: sends and webhooks go first."""
VACUUM_PAGES = 250
KEPT_FREE_SHARE = 20
"""One page in so many may stay free for what is written next."""
TRY_BACKUP_AGAIN: Millis = 900 * SECOND
BACKUP_NAME = re.compile(r"wacrmd-\d{8}T\d{6}Z\.db")

log = structlog.get_logger(__name__)


def cutoffs(config: Config, now: Millis) -> Cutoffs:
    """The times before which things go, by the configuration."""
    days = config.retention

    def before(kept: int, at_least: Millis = 0) -> Millis | None:
        return now - max(kept * DAY, at_least) if kept else None

    return Cutoffs(
        broadcasts=before(days.recipients_days),
        history=before(days.history_days),
        deliveries=before(days.webhooks_days),
        audit=before(days.audit_days),
        early_updates=now - days.early_updates_days * DAY,
        inbound=before(days.history_days, retention.REDELIVERY),
        idempotency=now - retention.IDEMPOTENCY_KEPT,
    )


async def prune(ctx: Context) -> dict[str, int]:
    """Delete all that is older than configured, step by step, and give its space back; how many rows by table."""
    limits = cutoffs(ctx.config, ctx.clock.now())
    total: dict[str, int] = {}
    for step in retention.STEPS:
        more = True
        while more and not ctx.draining:
            gone, more = await ctx.db.write(partial(retention.take, step=step, cutoffs=limits))
            for table, rows in gone.items():
                total[table] = total.get(table, 0) + rows
                ctx.metrics.rows_deleted.labels(table).inc(rows)
            if more:
                await ctx.clock.sleep_until(ctx.clock.now() + PAUSE)
    total = {table: rows for table, rows in total.items() if rows}
    if total:
        log.info("retention_done", deleted=total)
    await give_back(ctx)
    return total


async def give_back(ctx: Context) -> None:
    """Return the file's free pages to the file system, but for a share that is soon written again."""
    while not ctx.draining:
        free, pages = await ctx.db.read(retention.free_pages)
        spare = free - pages // KEPT_FREE_SHARE
        if spare <= 0:
            return
        await ctx.db.alone(partial(retention.give_back, pages=min(VACUUM_PAGES, spare)))
        await ctx.clock.sleep_until(ctx.clock.now() + PAUSE)


async def backup(ctx: Context, target: Path, *, overwrite: bool = False) -> dict[str, Any]:
    """Copy the database to `target` while all goes on; the copy is one checked file of mode 0600.

    Refuses a relative path, a file that exists (unless `overwrite`) and a place that cannot be written.
    """
    if not target.is_absolute():
        raise bad_request(f"file: expected an absolute path, found {target}")
    try:
        made = await anyio.to_thread.run_sync(
            partial(backups.copy, ctx.db.path, target, overwrite=overwrite), abandon_on_cancel=False
        )
    except FileExistsError:
        raise conflict(f"{target} exists: choose another name, or say --force to replace it") from None
    except OSError as error:
        raise Refusal(ErrorCode.CONFLICT, _unwritable(target, error)) from error
    except DatabaseUnusableError as error:
        raise Refusal(ErrorCode.UNAVAILABLE, str(error)) from error
    log.info("backup_made", file=str(target), bytes=made.size)
    return {"file": str(target), "bytes": made.size, "schema": made.schema}


def _unwritable(target: Path, error: OSError) -> str:
    return (
        f"the daemon cannot write {target} ({error.strerror or error}): choose a directory that exists and that its"
        " user may write, such as /var/lib/wacrmd/backups"
    )


def backup_due(config: Config, last: Millis | None, now: Millis) -> bool:
    """Whether the daily backup's time has come since the last one."""
    if not config.backup.directory:
        return False
    hour, minute = (int(part) for part in config.backup.at.split(":"))
    moment = datetime.fromtimestamp(now / SECOND, UTC)
    due = moment.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if due > moment:
        due -= timedelta(days=1)
    return last is None or last < due.timestamp() * SECOND


class Backups:
    """The daily copy: made when its time has come, made up for after a stop, tried again when it failed."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._not_before: Millis = 0

    async def run(self) -> None:
        """Make the backup if it is due, and remove the oldest beyond `[backup] keep`."""
        ctx, now = self._ctx, self._ctx.clock.now()
        last = await ctx.db.read(stats.last_backup)
        if now < self._not_before or not backup_due(ctx.config, last, now):
            return
        self._not_before = now + TRY_BACKUP_AGAIN
        folder = ctx.db.path.parent / ctx.config.backup.directory  # an absolute one stays as it is
        stamp = datetime.fromtimestamp(now / SECOND, UTC).strftime("%Y%m%dT%H%M%SZ")
        try:
            await anyio.to_thread.run_sync(partial(folder.mkdir, mode=0o700, exist_ok=True))
            await backup(ctx, folder / f"wacrmd-{stamp}.db", overwrite=True)
            await anyio.to_thread.run_sync(keep_newest, folder, ctx.config.backup.keep)
        except (Refusal, OSError) as error:
            log.error("backup_failed", reason=str(error), again_at=iso(self._not_before))  # noqa: TRY400
            return
        self._not_before = 0
        await ctx.db.write(partial(stats.note_backup, at=now))


def keep_newest(folder: Path, keep: int) -> list[Path]:
    """Remove all but the newest scheduled backups (by the time in their names); those removed."""
    made = sorted(file for file in folder.iterdir() if BACKUP_NAME.fullmatch(file.name))
    for file in made[:-keep]:
        file.unlink()
    return made[:-keep]


async def check_db(ctx: Context) -> dict[str, Any]:
    """Read the whole database and look for damage, while all goes on."""
    try:
        found = await anyio.to_thread.run_sync(backups.check, ctx.db.path)
    except DatabaseUnusableError as error:
        raise Refusal(ErrorCode.UNAVAILABLE, str(error)) from error
    return check_view(found)


def check_view(found: backups.Check) -> dict[str, Any]:
    """A check as operators see it."""
    return {
        "file": str(found.path),
        "ok": not found.problems,
        "schema": found.schema,
        "bytes": found.size,
        "problems": found.problems,
    }


async def _find(ctx: Context, phone: str, account: str | None) -> tuple[DataSubject, str | None]:
    """The person of this phone number with all recipients that are the same person."""
    address = normalize(phone)
    if address is None:
        raise bad_request("phone: expected a phone number such as +14155550123")
    account_id = (await account_named(ctx, account)).id if account else None
    person = DataSubject(address, {address[1:]})
    newest = await ctx.db.read(data_subjects.last_recipient)
    known = 0
    while known != len(person.addresses):  # a second name, learnt on the way, may lead to more rows
        known = len(person.addresses)
        for first in range(1, newest + 1, data_subjects.SLICE):
            await ctx.db.read(partial(data_subjects.look, person=person, account_id=account_id, first=first))
    return person, account_id


async def export_person(ctx: Context, phone: str, account: str | None) -> dict[str, Any]:
    """Everything that is known of one person, for a data-protection request."""
    person, account_id = await _find(ctx, phone, account)
    found = await ctx.db.read(partial(data_subjects.export, person=person, account_id=account_id))
    return {"phone": person.phone, "exported_at": iso(ctx.clock.now()), **_readable(found)}


def _readable(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _readable(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_readable(one) for one in value]
    if isinstance(value, int) and (name == "at" or name.endswith("_at")):
        return iso(value)
    return value


async def erase_person(
    ctx: Context, phone: str, account: str | None, *, forget_optout: bool
) -> dict[str, Any]:
    """Take one person out of everything; their recipients stay as anonymous rows that count.

    An opt-out is kept unless `forget_optout`: without it the next list would reach the person again. Refuses
    while a message to the person is on its way.
    """
    person, account_id = await _find(ctx, phone, account)

    def work(tx: Tx) -> tuple[dict[str, int], list[int]]:
        if data_subjects.in_flight(tx, person):
            raise conflict("A message to this person is on its way just now: try again in a minute")
        gone, touched = data_subjects.erase(tx, person, account_id, forget_optout=forget_optout)
        broadcasts.touch(tx, touched, ctx.clock.now())
        return gone, touched

    await ctx.db.alone(partial(_overwrite_deleted, on=True))
    try:
        gone, touched = await ctx.db.write(work)
    finally:
        await ctx.db.alone(partial(_overwrite_deleted, on=False))
    ctx.changes.publish(touched)
    return {"erased": gone, "optout_kept": not forget_optout}


def _overwrite_deleted(tx: Tx, *, on: bool) -> None:
    """While on, deleted content is overwritten with zeros; off also empties the write-ahead log."""
    tx.execute(f"PRAGMA secure_delete = {int(on)}").fetchall()
    if not on:
        tx.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
