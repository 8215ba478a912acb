"""The space that the database takes on its disk, and what is left there."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """Sizes in bytes; `free` is what the daemon's user may still write, None where the system does not say."""

    database: int
    wal: int
    free: int | None


def disk_usage(database: Path) -> DiskUsage:
    """The usage of a database file, its write-ahead log and its file system; 0 for a missing file."""
    free = None
    with suppress(OSError):
        disk = os.statvfs(database.parent)
        free = disk.f_bavail * disk.f_frsize
    return DiskUsage(_size(database), _size(database.with_name(f"{database.name}-wal")), free)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def is_full(directory: Path) -> bool:
    """Whether its file system has room for nothing more, or for no more files; False if the system does not say."""
    try:
        disk = os.statvfs(directory)
    except OSError:
        return False
    return disk.f_bavail == 0 or (disk.f_files > 0 and disk.f_favail == 0)
