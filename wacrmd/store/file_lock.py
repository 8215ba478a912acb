"""The lock that keeps a second process from a database, whatever path leads to it."""

import errno
import fcntl
import os
import shlex
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from wacrmd.clock import iso
from wacrmd.errors import DatabaseInUseError, DatabaseUnusableError

_LOCKED_BYTE = 1 << 62
"""Far behind the end of any file, and behind the bytes near 2**30 that SQLite locks."""
_FLOCK = struct.Struct("hhqqi4x")
"""C's `struct flock`: type, whence, start, length, pid."""
_MAX_COMMAND = 200
_ADVICE = {
    errno.EROFS: "remount the file system, or choose another [storage] path",
    errno.ENOSPC: "the disk is full, or has no room for one more file (df -i): free some space",
    errno.EDQUOT: "the quota of the daemon's user is used up: free some space, or raise it",
    errno.EIO: "check the disk and the system log",
}


@contextmanager
def lock_database(path: Path, *, create: bool = False) -> Iterator[None]:
    """Keep other processes from the database at `path` inside the block; with `create`, a missing file is made.

    Two things are locked. The file itself, because a symbolic link, a hard link or a mount gives it other paths. And
    its place, by a file beside it: while a daemon runs whose file was moved away, no other one is put there. The kernel
    ends both locks with the process.

    Must begin before SQLite opens the file, and end after SQLite has closed it: closing a descriptor of the file drops
    the locks that SQLite has on it in this process.

    Raises DatabaseInUseError, which names the other process, and DatabaseUnusableError.
    """
    with ExitStack() as stack:
        place = path.resolve()  # as SQLite does, for its write-ahead log
        _lock(stack, path, place.with_name(place.name + ".lock"), os.O_CREAT | os.O_NOFOLLOW)
        if create or place.exists():
            _lock(stack, path, path, os.O_CREAT if create else 0)
        yield


def _lock(stack: ExitStack, path: Path, file: Path, flags: int) -> None:
    """Lock `file`, for the database at `path`, until the stack is closed; one that is made has mode 0600.

    A lock of the open file description (fcntl(2)), and not of the process: those SQLite drops. And not flock(2): NFS
    makes of it a lock of the whole file, which would keep SQLite out.
    """
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
    except OSError as error:
        advice = _ADVICE.get(
            error.errno or 0, "the directory must exist, and both must belong to the daemon's user"
        )
        raise DatabaseUnusableError(f"{file} cannot be opened ({error.strerror}): {advice}") from error
    stack.callback(os.close, descriptor)
    try:
        fcntl.fcntl(
            descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _LOCKED_BYTE, 1, 0)
        )
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise DatabaseUnusableError(
                f"{file} cannot be locked ({error.strerror}): choose a file system that has locks"
            ) from error
        raise DatabaseInUseError(
            f"{path} is in use by another wacrmd ({_holder(os.fstat(descriptor))}): stop it first, or set another "
            "[storage] path"
        ) from error


def _holder(file: os.stat_result) -> str:
    """The process that has locked this file, in words; the kernel does not say which one, but /proc does."""
    for descriptor in _open_descriptors():
        with suppress(OSError):  # it is closed by now
            if os.path.samestat(descriptor.stat(), file) and _has_lock(descriptor):
                return _described(descriptor.parents[1])
    return "a process that cannot be seen from here, perhaps in a container"


def _open_descriptors() -> Iterator[Path]:
    """Those of all processes of this user; root's are those of all users."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or belongs to another user
            yield from (process / "fd").iterdir()


def _has_lock(descriptor: Path) -> bool:
    return "OFDLCK ADVISORY  WRITE" in (descriptor.parents[1] / "fdinfo" / descriptor.name).read_text()


def _described(process: Path) -> str:
    """A process by its id, its start and its command."""
    ticks = int((process / "stat").read_text().rpartition(")")[2].split()[19])
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    started = iso(round(1000 * (booted + ticks / os.sysconf("SC_CLK_TCK"))))
    command = shlex.join((process / "cmdline").read_text(errors="replace").rstrip("\0").split("\0"))
    shown = "".join(each if each.isprintable() else " " for each in command)
    return f"process {process.name}, started {started}, {shown[:_MAX_COMMAND]}"
