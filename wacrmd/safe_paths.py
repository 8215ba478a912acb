"""Ways to files that nobody but root and the owner of their end can have laid.

An administrator runs commands with sudo on paths of the daemon's user, and of others. Who owns a directory or a link on
such a path can lead the rest of it to any file, at any time. So root goes a way only if its end belongs to every other user
who owns a part of it, and holds open what it has found.
"""

import errno
import os
import pwd
import stat
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from wacrmd.errors import WacrmdError

MAX_LINKS = 40
"""Links on one path at most, as in Linux itself."""


class UnsafePathError(WacrmdError):
    """Another user could have led root to this file."""


@contextmanager
def place_of(path: Path) -> Iterator[tuple[int, str]]:
    """The directory of `path`, open (O_PATH), and the name in it, which need not exist and may be a link.

    Raises OSError, and UnsafePathError if this process is root's and another user could have laid the way.
    """
    if os.geteuid() != 0:
        directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield directory, path.name
        finally:
            os.close(directory)
        return
    with _walked(path, follow=False) as way:
        way.check(os.fstat(way.directory))
        yield way.directory, way.name


def open_safely(path: str | Path, flags: int, mode: int = 0o600) -> int:
    """Like `os.open`, also as the `opener` of `open`, but no other user can lead root to a file. Not for O_TRUNC.

    Raises OSError, and UnsafePathError if this process is root's and another user could have laid the way.
    """
    if os.geteuid() != 0:
        return os.open(path, flags | os.O_CLOEXEC, mode)
    with _walked(Path(path), follow=True) as way:
        directory = os.fstat(way.directory)
        way.check(directory)
        nofollow = 0 if _is_in_proc(way.directory) else os.O_NOFOLLOW
        descriptor = os.open(way.name, flags | nofollow | os.O_CLOEXEC, mode, dir_fd=way.directory)
        if _may_be_planted(os.fstat(descriptor), directory):
            os.close(descriptor)
            raise UnsafePathError(
                f"{path} is a hard link, perhaps to a file of another user: use a copy of it"
            )
        return descriptor


def become_owner_of(directory: Path) -> None:
    """If this process is root's and `directory` another user's, be that user from now on, for good.

    Then nothing that the user has put there leads to files of others, and what is made there belongs to the user. A
    directory that does not exist changes nothing. Raises UnsafePathError.
    """
    if os.geteuid() == 0 and (owner := _owner_of(directory)) is not None:
        group, groups = _groups_of(owner)
        os.setgroups(groups)
        os.setresgid(group, group, group)
        os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)


@contextmanager
def as_owner_of(directory: Path) -> Iterator[None]:
    """The same inside the block only, which may stand in a block for another directory; for all threads."""
    if os.getuid() != 0:
        yield
        return
    before = os.geteuid(), os.getegid(), os.getgroups()
    os.seteuid(0)
    try:
        if (owner := _owner_of(directory)) is not None:
            group, groups = _groups_of(owner)
            os.setgroups(groups)
            os.setegid(group)
            os.seteuid(owner.st_uid)
        yield
    finally:
        os.seteuid(0)
        os.setgroups(before[2])
        os.setegid(before[1])
        os.seteuid(before[0])


def _owner_of(directory: Path) -> os.stat_result | None:
    """The directory, if it is there and another user's than root's; raises UnsafePathError."""
    with suppress(FileNotFoundError, NotADirectoryError), _walked(directory, follow=True) as way:
        if way.end is not None:
            owner = os.fstat(way.end)
            way.owners.add(os.fstat(way.directory).st_uid)
            way.check(owner)
            return owner if owner.st_uid != 0 else None
    return None


def _groups_of(owner: os.stat_result) -> tuple[int, list[int]]:
    """The main group and all groups of the user who owns this; what is to be imported yet may be read by that user."""
    _open_libraries()
    try:
        user = pwd.getpwuid(owner.st_uid)
    except KeyError:
        return owner.st_gid, [owner.st_gid]
    return user.pw_gid, os.getgrouplist(user.pw_name, user.pw_gid)


def _open_libraries() -> None:
    """Let the other user read what the single executable has unpacked, and may have to import yet; it holds no secret."""
    unpacked = getattr(sys, "_MEIPASS", None)
    for folder, _, files in os.walk(unpacked) if unpacked else ():
        for file in (Path(folder), *(Path(folder, name) for name in files)):
            file.chmod(0o755)


@dataclass(slots=True)
class _Way:
    """How far root has gone along a path."""

    path: Path
    directory: int
    name: str = ""
    end: int | None = None
    """What has this name in the directory, open (O_PATH); None if nothing has."""
    owners: set[int] = field(default_factory=set)
    """Who could change the way to the directory: the owners of the links and of the directories before it."""

    def check(self, end: os.stat_result) -> None:
        """Raise UnsafePathError if somebody other than the owner of the `end` could change the way to it."""
        if others := self.owners - {0, end.st_uid}:
            raise UnsafePathError(
                f"the way to {self.path} goes through a directory or a link of {_name(min(others))}, who could lead it"
                " to files of other users: name a path that only root can change"
            )


@contextmanager
def _walked(path: Path, *, follow: bool) -> Iterator[_Way]:
    """The way along `path` to its end; with `follow` that is no link."""
    parts, links = deque(path.absolute().parts[1:] or ["."]), 0
    with ExitStack() as opened:

        def find(name: str, directory: int | None = None) -> int:
            descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
            opened.callback(os.close, descriptor)
            return descriptor

        way = _Way(path, find("/"))
        while parts:
            way.name = parts.popleft()
            try:
                way.end = find(way.name, way.directory)
            except FileNotFoundError:
                if parts:
                    raise
                way.end = None
                break
            found = os.fstat(way.end)
            is_end = not parts and (not follow or _is_in_proc(way.directory))
            if stat.S_ISLNK(found.st_mode) and not is_end:
                links += 1
                if links > MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
                way.owners |= {found.st_uid, os.fstat(way.directory).st_uid}
                target = Path(os.readlink("", dir_fd=way.end))
                parts.extendleft(reversed(target.parts[target.is_absolute() :] or (".",)))
                if target.is_absolute():
                    way.directory = find("/")
            elif parts:
                way.owners.add(os.fstat(way.directory).st_uid)
                way.directory = way.end
        yield way


def _may_be_planted(file: os.stat_result, directory: os.stat_result) -> bool:
    """Whether somebody who may write to the directory could have made this name for a file of another user."""
    if file.st_nlink == 1:
        return False
    if directory.st_uid == 0:
        return bool(directory.st_mode & stat.S_IWOTH)
    return file.st_uid != directory.st_uid


def _is_in_proc(directory: int) -> bool:
    """Whether links in this directory are the kernel's own, such as `/proc/self/fd/1`, which may lead to no path."""
    with suppress(OSError):
        return os.fstat(directory).st_dev == Path("/proc").stat().st_dev
    return False


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
