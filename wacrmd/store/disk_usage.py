"""The space that the database takes on its disk, and what is left there."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LEAST_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """Sizes in bytes; `free` is what the daemon's user may still write, None where the system does not say."""

    database: int
    wal: int
    free: int | None
    free_files: int | None
    """How many files it may still make; None where the file system has no limit."""

    @property
    def is_full(self) -> bool:
        """Whether not even the index of a write-ahead log, with which each use of a database begins, has room."""
        return self.free is not None and self.free < LEAST_BYTES


def disk_usage(database: Path) -> DiskUsage:
    """The usage of a database file, its write-ahead log and its file system; 0 for a missing file."""
    free = free_files = None
    with suppress(OSError):
        disk = os.statvfs(database.parent)
        free = disk.f_bavail * disk.f_frsize
        free_files = disk.f_favail if disk.f_files else None
    return DiskUsage(_size(database), _size(database.with_name(f"{database.name}-wal")), free, free_files)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
