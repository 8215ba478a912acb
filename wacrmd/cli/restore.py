"""`wacrmd restore`: replaces the database by a backup while no daemon runs."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wacrmd.cli.frame import Session, json_option
from wacrmd.cli.output import emit, hint, say
from wacrmd.errors import DatabaseUnusableError, KeyFileError, counted

if TYPE_CHECKING:
    from wacrmd.clock import Millis
    from wacrmd.domain.drain import Drain

NOT_HANDED_OVER = (
    "Resume those of which nothing was sent after the backup. For the others, people who were sent to after the backup"
    " would get a second message."
)
HANDED_OVER = (
    "Nothing was sent after it was handed over at {at}: resume them, if this file is restored for the first time, and"
    " the old database was not taken back."
)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="The configuration file.")
@click.pass_obj
def restore(session: Session, file: Path, config: Path | None) -> None:
    """Restore the backup FILE while no daemon runs.

    FILE is checked first, and is not changed. An existing database is never overwritten: move it away first, with
    its -wal and -shm files. Unfinished broadcasts are paused, because the backup does not contain what was sent
    after it was made. If root restores, the files are made by the owner of the directory, and belong to it.

    For example: wacrmd restore /var/lib/wacrmd/backups/before-upgrade.db
    """
    from wacrmd.clock import SystemClock, iso  # noqa: PLC0415 - the help must not load the store
    from wacrmd.config import key_file_offline, load  # noqa: PLC0415
    from wacrmd.safe_paths import as_owner_of, become_owner_of  # noqa: PLC0415
    from wacrmd.services.maintenance.database_key import FoundKeys, needed_key_of  # noqa: PLC0415
    from wacrmd.store import backups, broadcasts, drains, file_swap, login_sessions  # noqa: PLC0415
    from wacrmd.store.file_lock import lock_database  # noqa: PLC0415

    settings = load(config or session.config)
    path = settings.storage.path
    paused: list[int] = []
    handed_over_at: list[Millis | None] = []
    drained: list[Drain | None] = []

    def pause(connection: sqlite3.Connection) -> None:
        drained.append(drains.stored(connection))
        handed_over_at.append(at := drains.take_heirship(connection))
        unknown = f"sent after it was handed over at {iso(at)}" if at else "sent after that backup"
        detail = f"Restored from {file.name}: what was {unknown} is not known here"
        paused.append(broadcasts.pause_restored(connection, detail, SystemClock().wall()))
        login_sessions.end_all(connection)

    key = key_file_offline(settings)
    with as_owner_of(key.parent):
        keys = FoundKeys.of(key)
    with _opened(file) as parts:
        become_owner_of(path.parent)
        with lock_database(path):
            _refuse_to_overwrite(path)
            file_swap.remove_leftovers(path.resolve())
            made = backups.restore(parts, file, path, prepare=pause)
    result = {
        "database": str(path),
        "from": str(file),
        "schema": made.schema,
        "bytes": made.size_bytes,
        "paused": sum(paused),
    }
    emit(session, result, lambda _: say(f"{file} is now {path}: start the daemon."))
    if sum(paused):
        hint(
            f"Paused: {counted(sum(paused), 'unfinished broadcast')}, see wacrmd broadcast list --status paused. "
            + (HANDED_OVER.format(at=iso(at)) if (at := handed_over_at[0]) else NOT_HANDED_OVER)
        )
    if (drain := drained[0]) is not None:
        hint(f"{drain.detail}. {drain.advice}")
    needed = needed_key_of(path)
    try:
        if not needed.is_any:
            needed.among(keys)
    except KeyFileError as error:
        hint(f"The daemon would not start with this backup yet: {error}")


@contextmanager
def _opened(file: Path) -> Iterator[dict[str, int]]:
    """The files of a backup, open, by what follows its name; read with the rights of whoever runs the command."""
    from wacrmd.safe_paths import open_safely  # noqa: PLC0415
    from wacrmd.store.backups import PARTS  # noqa: PLC0415

    opened: dict[str, int] = {}
    try:
        for end in PARTS:
            try:
                opened[end] = open_safely(file.with_name(file.name + end), os.O_RDONLY | os.O_NONBLOCK)
            except FileNotFoundError:
                if not end:
                    raise
        if not stat.S_ISREG(os.fstat(opened[""]).st_mode):
            raise DatabaseUnusableError(f"{file} is no file: name a backup")
        yield opened
    finally:
        for descriptor in opened.values():
            os.close(descriptor)


def _refuse_to_overwrite(path: Path) -> None:
    for taken in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if os.path.lexists(taken):
            raise DatabaseUnusableError(
                f"{taken} exists and is not overwritten: move it away first (mv {taken} {taken}.old), "
                "then restore again"
            )


restore.params.append(json_option())
