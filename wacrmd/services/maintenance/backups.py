"""Backups: copies of the database, made on request or once a day while the daemon works."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import anyio

from wacrmd.clock import MINUTE, SECOND, Millis, iso
from wacrmd.config import Config
from wacrmd.errors import DatabaseUnusableError, ErrorCode, Refusal, bad_request, conflict
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.store import backups, stats
from wacrmd.views.maintenance import BackupView

RETRY_AFTER: Millis = 15 * MINUTE
"""The time from a failed daily backup to the next attempt."""
FILE_NAME = re.compile(r"wacrmd-\d{8}T\d{6}Z\.db")
"""The names of daily backups; other files in the directory are never deleted."""

log = get_logger(__name__)


async def backup(ctx: Context, target: Path, *, overwrite: bool = False) -> BackupView:
    """Copy the database to `target` while the daemon works; the copy is one checked file of mode 0600.

    Raises Refusal for a relative path, a file that exists (unless `overwrite`) and a path that cannot be written.
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
        raise conflict(_not_writable(target, error)) from error
    except DatabaseUnusableError as error:
        raise Refusal(ErrorCode.UNAVAILABLE, str(error)) from error
    log.info("backup_created", file=str(target), bytes=made.size_bytes)
    return BackupView(file=str(target), bytes=made.size_bytes, schema=made.schema)


def _not_writable(target: Path, error: OSError) -> str:
    return (
        f"the daemon cannot write {target} ({error.strerror or error}): choose a directory that exists and that its"
        " user may write, such as /var/lib/wacrmd/backups"
    )


def backup_due(config: Config, last: Millis | None, now: Millis) -> bool:
    """Whether the time of a daily backup has passed since the last one; one of the future counts as none. Pure."""
    if not config.backup.directory:
        return False
    hour, minute = (int(part) for part in config.backup.at.split(":"))
    moment = datetime.fromtimestamp(now / SECOND, UTC)
    due = moment.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if due > moment:
        due -= timedelta(days=1)
    return last is None or not due.timestamp() * SECOND <= last <= now


class DailyBackup:
    """Makes the daily backup; one that was missed while the daemon did not run is made at the start."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._not_before: Millis = 0

    async def run(self) -> None:
        """Make the backup if it is due, and remove the oldest ones beyond `[backup] keep`."""
        ctx, now = self._ctx, self._ctx.clock.now()
        last = await ctx.db.read(stats.last_backup)
        if ctx.clock.monotonic() < self._not_before or not backup_due(ctx.config, last, now):
            return
        self._not_before = ctx.clock.monotonic() + RETRY_AFTER
        folder = ctx.db.path.parent / ctx.config.backup.directory  # an absolute path stays as it is
        name = datetime.fromtimestamp(now / SECOND, UTC).strftime("wacrmd-%Y%m%dT%H%M%SZ.db")
        try:
            await anyio.to_thread.run_sync(partial(folder.mkdir, mode=0o700, exist_ok=True))
            await backup(ctx, folder / name, overwrite=True)
            await anyio.to_thread.run_sync(remove_oldest, folder, ctx.config.backup.keep, name)
        except (Refusal, OSError) as error:
            log.error("backup_failed", reason=str(error), retry_at=iso(now + RETRY_AFTER))  # noqa: TRY400 - expected
            return
        self._not_before = 0
        await ctx.db.write(partial(stats.set_last_backup, at=now))


def remove_oldest(folder: Path, keep: int, newest: str) -> list[Path]:
    """Remove all but the newest `keep` daily backups, by the time in their names; the removed files.

    None is newer than `newest`: those whose names say so were made while the clock was wrong, and go first.
    """
    files = [file for file in folder.iterdir() if FILE_NAME.fullmatch(file.name)]
    found = sorted(files, key=lambda file: (file.name <= newest, file.name))
    for file in found[:-keep]:
        file.unlink()
    return found[:-keep]
