"""The admin socket's file: made with its mode and group, never taken from a daemon that lives."""

import contextlib
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from wacrmd.admin.identity import gid_of
from wacrmd.errors import AddressInUseError, ConfigError

BACKLOG = 1024
"""Connections that may wait to be accepted; the kernel's own limit is `net.core.somaxconn`."""

_PROBE_S = 1.0
_LONGEST_PATH = 107
"""Bytes of a unix socket's path (unix(7): sun_path holds 108 with its end)."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket and the file that stands for it."""

    socket: socket.socket
    path: Path
    device: int
    inode: int

    def close(self) -> None:
        """Stop listening; the file goes too, unless another daemon has put its own there since."""
        self.socket.close()
        with contextlib.suppress(FileNotFoundError):
            found = self.path.lstat()
            if (found.st_dev, found.st_ino) == (self.device, self.inode):
                self.path.unlink()


def open_listener(path: Path, *, mode: int = 0o660, group: str | int | None = None) -> Listener:
    """Listen on `path`; blocks for up to a second where the file exists already.

    A file that a dead daemon left behind is replaced. Raises AddressInUseError if a daemon answers there, and
    ConfigError for a path, mode or group that cannot be used.
    """
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise _unusable(f"expected a path of at most {_LONGEST_PATH} bytes, found {path}")
    if not path.parent.is_dir():
        raise _unusable(f"the directory {path.parent} does not exist; create it, or choose another path")
    _clear(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)
        listening.bind(os.fspath(path))
        # Nobody can connect before listen(): there is no moment at which mode or group are not yet right.
        if group is not None:
            os.chown(path, -1, gid_of(group))
        path.chmod(mode)
        listening.listen(BACKLOG)
        made = path.lstat()
    except LookupError:
        listening.close()
        path.unlink()
        raise ConfigError(
            [f"[admin] group: expected a group that exists on this machine, found {group!r}"]
        ) from None
    except OSError as error:
        listening.close()
        raise _unusable(f"cannot listen on {path}: {error.strerror}") from None
    return Listener(listening, path, made.st_dev, made.st_ino)


def _clear(path: Path) -> None:
    """Make way for a new socket: remove what a dead daemon left, refuse everything else."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise _unusable(f"{path} exists and is not a socket; remove it, or choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except FileNotFoundError:
            return
        except PermissionError:
            raise _unusable(
                f"{path} exists and may not be opened; remove it, or run as the user it belongs to"
            ) from None
        except OSError:
            pass  # Full backlog or no answer in time: whoever listens there is alive enough to keep it.
    raise AddressInUseError(
        f"another daemon answers at {path}: stop it, or choose another [admin] socket in the configuration"
    )


def _unusable(problem: str) -> ConfigError:
    return ConfigError([f"[admin] socket: {problem}"])
