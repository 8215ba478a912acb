"""A file that gets its name when it is complete: nobody sees half of it, and nothing of it stays after an error."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from wacrmd.safe_paths import place_of

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
"""What a file system answers that has no hard links, such as that of a USB stick."""


@dataclass(slots=True)
class NewFile:
    """A file that is being written, beside the place that it will have."""

    path: Path
    """Where it is until it is published."""
    descriptor: int
    directory: int
    """Its directory, open (O_PATH)."""
    name: str
    """The name that it will have in the directory."""
    is_published: bool = False

    def publish(self, *, overwrite: bool) -> None:
        """Give the file its name, durably. Raises OSError.

        That is FileExistsError if something has the name, unless `overwrite` and it is a plain file.
        """
        os.fsync(self.descriptor)
        partial = self.path.name
        if overwrite and not is_replaceable(self.name, self.directory):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.name)
        if overwrite or not self._link():
            os.rename(partial, self.name, src_dir_fd=self.directory, dst_dir_fd=self.directory)
        self.is_published = True
        with suppress(FileNotFoundError):
            os.unlink(partial, dir_fd=self.directory)
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.directory)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _link(self) -> bool:
        """Give the file its name if nothing has it; False if the file system cannot do that in one step."""
        try:
            os.link(self.path.name, self.name, src_dir_fd=self.directory, dst_dir_fd=self.directory)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if exists(self.directory, self.name):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.name) from None
            return False
        return True


@contextmanager
def new_file(target: Path) -> Iterator[NewFile]:
    """A new, empty file of mode 0600 beside `target`. After the block it is gone, unless it was published.

    Raises OSError, and UnsafePathError as `place_of`.
    """
    with place_of(target) as (directory, name):
        partial = f".{name}.{secrets.token_hex(6)}.partial"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(partial, flags, 0o600, dir_fd=directory)
        made = NewFile(target.with_name(partial), descriptor, directory, name)
        try:
            yield made
        finally:
            os.close(descriptor)
            if not made.is_published:
                with suppress(FileNotFoundError):
                    os.unlink(partial, dir_fd=directory)


def is_replaceable(name: str | Path, directory: int | None = None) -> bool:
    """Whether a file may take this name: nothing has it, or a plain file.

    Whoever names a device, a pipe or a link such as `/dev/stdout` wants it to be written to, not to be gone.
    """
    with suppress(FileNotFoundError):
        return stat.S_ISREG(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
    return True


def exists(directory: int, name: str) -> bool:
    """Whether something has this name in the directory, also a link that leads nowhere."""
    with suppress(FileNotFoundError):
        os.stat(name, dir_fd=directory, follow_symlinks=False)
        return True
    return False
