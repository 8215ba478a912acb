"""`wacrmd restore`: replaces the database by a backup while no daemon runs."""

import os
import sqlite3
from pathlib import Path

import click

from wacrmd.cli.frame import Session, json_option
from wacrmd.cli.output import emit, hint, say
from wacrmd.errors import DatabaseUnusableError

CREDENTIAL = Path("/etc/credstore/wacrmd.key")
"""The file from which systemd loads the key as a credential of the unit."""


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="The configuration file.")
@click.pass_obj
def restore(session: Session, file: Path, config: Path | None) -> None:
    """Restore the backup FILE while no daemon runs.

    FILE is checked first, and is not changed. An existing database is never overwritten: move it away first, with
    its -wal and -shm files. Unfinished broadcasts are paused, because the backup does not contain what was sent
    after it was made.

    For example: wacrmd restore /var/lib/wacrmd/backups/before-upgrade.db
    """
    from wacrmd.clock import SystemClock  # noqa: PLC0415 - the help must not load the store
    from wacrmd.config import key_file, load  # noqa: PLC0415
    from wacrmd.store import backups, broadcasts, integrity  # noqa: PLC0415
    from wacrmd.store.file_lock import lock_database  # noqa: PLC0415

    settings = load(config or session.config)
    path = settings.storage.path
    detail = f"Restored from {file.name}: what was sent after that backup is not known here"
    paused: list[int] = []

    def pause(connection: sqlite3.Connection) -> None:
        now = SystemClock().now()
        paused.append(broadcasts.pause_restored(connection, detail, now))

    with lock_database(path):
        _refuse_to_overwrite(path)
        found = integrity.check(file)
        if found.problems:
            raise DatabaseUnusableError(f"{file} is damaged and not restored: {found.problems[0]}")
        made = backups.copy(file, path, prepare=pause)
        _give_to_owner(path)
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
            f"{sum(paused)} unfinished broadcasts are paused: wacrmd broadcast list --status paused. Resume those of "
            "which nothing was sent after the backup. For the others, people who were sent to after the backup "
            "would get a second message."
        )
    key = key_file(settings)
    if not key.exists() and not CREDENTIAL.exists():
        hint(
            f"The key file {key} is missing: restore the key file of this backup too, or the daemon will not start"
        )


def _refuse_to_overwrite(path: Path) -> None:
    for taken in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if taken.exists():
            raise DatabaseUnusableError(
                f"{taken} exists and is not overwritten: move it away first (mv {taken} {taken}.old), "
                "then restore again"
            )


def _give_to_owner(path: Path) -> None:
    """Give the files that root has written to the owner of the directory: the daemon's user."""
    owner = path.parent.stat()
    if os.geteuid() == 0:
        for file in (path, path.with_name(path.name + ".lock")):
            os.chown(file, owner.st_uid, owner.st_gid)


restore.params.append(json_option())
