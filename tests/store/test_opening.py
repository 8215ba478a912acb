"""What a start says about a disk that prevents it, and that it may start later."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.clock import ShiftClock
from tests.support.disk import fill
from wacrmd.errors import DatabaseContentError, DatabaseUnusableError
from wacrmd.services.maintenance.database_key import open_vault
from wacrmd.services.maintenance.file_checks import free_space
from wacrmd.store.backups import copy_into
from wacrmd.store.database import Database
from wacrmd.store.outage import StorageError

pytestmark = pytest.mark.anyio


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def allow_no_more_files(folder: Path) -> None:
    disk = os.statvfs(folder)
    remount(folder, f"nr_inodes={disk.f_files - disk.f_ffree}")


async def opened_once(folder: Path) -> Path:
    async with Database.open(folder / "wacrmd.db", ShiftClock()) as database:
        return database.path


async def test_without_room_for_one_more_file(small_disk: Path) -> None:
    path = await opened_once(small_disk)
    allow_no_more_files(small_disk)
    with pytest.raises(StorageError) as raised:
        await opened_once(small_disk)
    assert raised.value.advice.startswith("the disk has no room for one more file (df -i)")
    with (
        (Path(path.parent.parent) / "copy.db").open("wb") as elsewhere,
        pytest.raises(DatabaseUnusableError) as failed,
    ):
        copy_into(path, elsewhere.fileno())
    assert str(failed.value).startswith(
        f"{small_disk}, where the copy is while it is made, has too little space"
    )


async def test_without_room_for_the_key(small_disk: Path) -> None:
    async with Database.open(small_disk / "wacrmd.db", ShiftClock()) as database:
        allow_no_more_files(small_disk)
        with pytest.raises(StorageError) as raised:
            await open_vault(database, small_disk / "wacrmd.db.key")
        assert raised.value.advice.endswith("wacrmd.db.key cannot be created: No space left on device")


async def test_on_a_full_disk(small_disk: Path) -> None:
    path = await opened_once(small_disk)
    (check,) = free_space(path)
    assert re.fullmatch(rf"5\.\d MiB free at {re.escape(str(small_disk))}", check.detail)
    fill(small_disk)
    with pytest.raises(StorageError) as raised:
        await opened_once(small_disk)
    assert raised.value.advice.startswith("the disk is full")


async def test_on_a_read_only_file_system(small_disk: Path) -> None:
    await opened_once(small_disk)
    remount(small_disk, "ro")
    with pytest.raises(StorageError) as raised:
        await opened_once(small_disk)
    assert raised.value.advice.endswith("remount the file system, or choose another [storage] path")


async def test_a_database_that_was_deleted_while_it_was_used_is_not_begun_anew(tmp_path: Path) -> None:
    path, log = tmp_path / "wacrmd.db", tmp_path / "wacrmd.db-wal"
    async with Database.open(path, ShiftClock()) as database:
        await database.write(lambda tx: tx.execute("INSERT INTO setting VALUES ('k', 'v')").rowcount)
        path.unlink()
    assert log.stat().st_size
    with pytest.raises(DatabaseContentError, match=r"wacrmd.db is missing, and its newest writes are there"):
        await opened_once(tmp_path)
    log.unlink()
    await opened_once(tmp_path)
