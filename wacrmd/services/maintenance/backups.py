"""Backups: copies of the database, made on request or once a day while the daemon works."""

import fcntl
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event

import anyio

from wacrmd.clock import MINUTE, SECOND, Millis, iso
from wacrmd.config import Config, key_file
from wacrmd.errors import (
    DatabaseDamagedError,
    DatabaseUnusableError,
    ErrorCode,
    Refusal,
    bad_request,
    conflict,
)
from wacrmd.log import get_logger
from wacrmd.new_file import is_replaceable
from wacrmd.services.context import Context
from wacrmd.services.maintenance import integrity
from wacrmd.services.maintenance.drain import handing_over
from wacrmd.store import backups, drains, stats
from wacrmd.store.integrity import IntegrityReport
from wacrmd.store.live_files import LiveFiles
from wacrmd.store.outage import StorageError
from wacrmd.views.maintenance import BackupView

RETRY_AFTER: Millis = 15 * MINUTE
"""The time from a failed daily backup to the next attempt."""
FILE_NAME = re.compile(r"wacrmd-\d{8}T\d{6}Z\.db")
"""The names of daily backups; other files in the directory are never deleted."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a backup goes: a path that the daemon writes, or an open file of the caller, who gives it its name."""

    file: Path
    overwrite: bool = False
    descriptors: tuple[int, ...] = ()
    """The open file, empty; its directory; what has its name now. Those that the caller has not given are missing."""


async def backup(ctx: Context, target: Target, *, hand_over: bool = False) -> BackupView:
    """Copy the database while the daemon works; the copy is one checked file.

    With `hand_over` this database has sent its last message before, and the copy is the one that sends from then on.
    Raises StorageError if the database's path leads to another file now, and Refusal for a target that is relative,
    exists (unless it is to be overwritten), cannot be written, vanishes with the daemon or is a file that the daemon lives
    on.
    """
    ctx.db.check_file()
    await anyio.to_thread.run_sync(_check, ctx, target)
    if not hand_over:
        made = await _copy(ctx, target)
    else:
        is_published = Event()
        async with handing_over(ctx, str(target.file), has_copy=is_published.is_set) as handed_over:
            made = await _copy(
                ctx, target, partial(drains.make_heir, at=handed_over.at), publishing=is_published.set
            )
    log.info("backup_created", file=str(target.file), bytes=made.size_bytes)
    return BackupView(file=str(target.file), bytes=made.size_bytes, schema=made.schema)


async def _copy(
    ctx: Context,
    target: Target,
    prepare: backups.Prepare | None = None,
    publishing: Callable[[], object] = lambda: None,
) -> IntegrityReport:
    """The report on a copy that was made. Raises Refusal."""
    if target.descriptors:
        work = partial(backups.copy_into, ctx.db.path, target.descriptors[0], prepare=prepare)
    else:
        work = partial(
            backups.copy,
            ctx.db.path,
            target.file,
            overwrite=target.overwrite,
            prepare=prepare,
            publishing=publishing,
        )
    try:
        return await anyio.to_thread.run_sync(work, abandon_on_cancel=False)
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        raise conflict(_not_writable(target, error)) from error
    except DatabaseUnusableError as error:
        if isinstance(error, DatabaseDamagedError):
            with suppress(StorageError):  # it is told already
                await integrity.look_again(ctx)  # the copy may be broken by its own disk
        raise Refusal(ErrorCode.UNAVAILABLE, str(error)) from error


def _check(ctx: Context, target: Target) -> None:
    """Raise Refusal for a target that is known to be wrong, before anything is done."""
    live = LiveFiles(ctx.db.path, key_file(ctx.config))
    if target.descriptors:
        found = _in_use(live, target)
    else:
        if not target.file.is_absolute():
            raise bad_request(f"file: expected an absolute path, found {target.file}")
        found = live.at(target.file)
    if found is not None:
        raise conflict(f"{target.file} is {found}, on which the daemon lives: choose another place")
    if target.descriptors:
        _check_open_file(target.descriptors[0])
        return
    if os.path.lexists(target.file) and not target.overwrite:
        raise _exists(target)
    if not is_replaceable(target.file):
        raise conflict(f"{target.file} is no plain file: choose another name")
    if (own := private_directory(target.file)) is not None:
        raise conflict(
            f"{target.file} would vanish: the daemon has a {own} of its own (PrivateTmp). Use wacrmd backup, which"
            " writes the file itself, or another directory"
        )


def _in_use(live: LiveFiles, target: Target) -> Path | None:
    """Which file of the daemon would be written or replaced by the open ones."""
    opened = [os.fstat(each) for each in target.descriptors]
    for each in opened:
        if stat.S_ISDIR(each.st_mode) and (found := live.in_directory(each, target.file.name)):
            return found
    return live.among(opened)


def _check_open_file(descriptor: int) -> None:
    status, flags = os.fstat(descriptor), fcntl.fcntl(descriptor, fcntl.F_GETFL)
    if (
        not stat.S_ISREG(status.st_mode)
        or status.st_size
        or flags & os.O_ACCMODE == os.O_RDONLY
        or flags & os.O_PATH
    ):
        raise bad_request("descriptors: expected first an empty file that is open for writing")


def private_directory(file: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str | None:
    """The temporary directory of this process alone that `file` is in: it vanishes with the process. None for others."""
    with suppress(OSError):
        lines = [line.split() for line in mounts.read_text().splitlines()]
        place = file.resolve()
        for own in ("/tmp", "/var/tmp"):  # noqa: S108 - nothing is written there
            is_own = any(line[4] == own and "/systemd-private-" in line[3] for line in lines)
            if is_own and place.is_relative_to(own):
                return own
    return None


def _exists(target: Target) -> Refusal:
    return conflict(f"{target.file} exists: choose another name, or say --force to replace it")


def _not_writable(target: Target, error: OSError) -> str:
    if target.descriptors:
        return (
            f"{target.file} cannot be written ({error.strerror or error}): choose a place with enough space"
        )
    return (
        f"the daemon cannot write {target.file} ({error.strerror or error}): choose a directory that exists and that its"
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
        if ctx.db.outage is not None:
            return  # nothing new is stored, and that a backup was made could not be either
        self._not_before = ctx.clock.monotonic() + RETRY_AFTER
        folder = ctx.db.path.parent / ctx.config.backup.directory  # an absolute path stays as it is
        name = datetime.fromtimestamp(now / SECOND, UTC).strftime("wacrmd-%Y%m%dT%H%M%SZ.db")
        try:
            await anyio.to_thread.run_sync(partial(folder.mkdir, mode=0o700, exist_ok=True))
            await backup(ctx, Target(folder / name, overwrite=True))
            # Before older ones are removed: what is not known to be made is made again.
            await ctx.db.write(partial(stats.set_last_backup, at=now))
        except (Refusal, OSError) as error:
            log.error("backup_failed", reason=str(error), retry_at=iso(now + RETRY_AFTER))  # noqa: TRY400 - expected
            return
        self._not_before = 0
        try:
            await anyio.to_thread.run_sync(remove_oldest, folder, ctx.config.backup.keep, name, ctx.db.path)
        except OSError as error:
            log.warning("backups_not_removed", reason=str(error))


def remove_oldest(folder: Path, keep: int, newest: str, database: Path) -> list[Path]:
    """Remove all but the newest `keep` daily backups, by the time in their names; the removed files. Raises OSError.

    None is newer than `newest`: those whose names say so were made while the clock was wrong, and go first. The database
    itself is never removed. What is left of a backup that was cut off is: only one is made at a time.
    """
    backups.remove_partial(folder, FILE_NAME.pattern)
    files = [file for file in folder.iterdir() if FILE_NAME.fullmatch(file.name) and file.is_file()]
    found = sorted(files, key=lambda file: (file.name <= newest, file.name))
    oldest = [file for file in found[:-keep] if not file.samefile(database)]
    for file in oldest:
        file.unlink()
    return oldest
