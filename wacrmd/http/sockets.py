"""Listening sockets: TCP, unix, and those that systemd has opened."""

import errno
import os
import socket
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from wacrmd.config import Bind, BindKind
from wacrmd.errors import AddressInUseError, ConfigError

BACKLOG = 1024
"""Connections that may wait to be accepted; the kernel's own limit is `net.core.somaxconn`."""
UNIX_SOCKET_MODE = 0o660

Inode = tuple[int, int]
"""Device and inode number: whether a file is still the one that was created."""


class Listener:
    """A listening socket; for a unix socket also its file."""

    def __init__(self, sock: socket.socket, bind: Bind, inode: Inode | None) -> None:
        self.socket = sock
        self.address = _address_of(sock, bind)
        """Where it listens, in the form of the configuration, with the real port for port 0."""
        self._path = bind.path
        self._inode = inode

    @classmethod
    def open(cls, bind: Bind, key: str, *, mode: int = UNIX_SOCKET_MODE) -> "Listener":
        """Bind and listen; `key` names the setting, such as `[api] bind`, in errors. `mode` is that of a unix socket.

        Raises AddressInUseError if the address is in use, ConfigError if it cannot be used at all. Clients that
        connect before anything accepts wait in the backlog.
        """
        try:
            sock, inode = _open(bind, mode)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise AddressInUseError(
                    f"{bind} is in use: stop the program that listens there or change {key}"
                ) from error
            reason = error.strerror or str(error)
            raise ConfigError([f"{key}: expected an address to listen on, found {bind}: {reason}"]) from error
        return cls(sock, bind, inode)

    def close(self) -> None:
        """Stop listening; the file of a unix socket goes too, unless another process has put its own there."""
        self.socket.close()
        if self._path is not None and self._inode is not None:
            with suppress(OSError):
                if _inode(self._path) == self._inode:
                    self._path.unlink()
            self._inode = None


def inherited(bind: Bind, descriptors: Iterable[int]) -> Bind:
    """The one of systemd's `descriptors` (wacrmd.socket) that listens at this address, else `bind` itself."""
    for descriptor in descriptors:
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as opened:
            address = opened.getsockname()
            wanted: set[object] = {str(bind.path)}
            if bind.kind is BindKind.TCP:
                found = socket.getaddrinfo(bind.host, bind.port, type=socket.SOCK_STREAM)
                wanted, address = {entry[4][:2] for entry in found}, address[:2]
            if address in wanted:
                return Bind(BindKind.FD, fd=descriptor)
    return bind


def _address_of(sock: socket.socket, bind: Bind) -> str:
    """Where the socket listens, in the form of the configuration, with the real port for port 0."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return f"unix:{name}"
    host = bind.host if bind.kind is BindKind.TCP else name[0]
    return f"[{host}]:{name[1]}" if ":" in host else f"{host}:{name[1]}"


def _open(bind: Bind, mode: int) -> tuple[socket.socket, Inode | None]:
    """A listening socket, and the inode of its file for a unix socket; raises OSError."""
    match bind.kind:
        case BindKind.TCP:
            return _open_tcp(bind), None
        case BindKind.FD:
            return _adopt(bind), None
        case BindKind.UNIX:
            return _open_unix(bind.path, mode)


def _open_tcp(bind: Bind) -> socket.socket:
    """A listening TCP socket on the first address of the host that this machine has."""
    found = socket.getaddrinfo(bind.host, bind.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for index, (family, _, _, _, address) in enumerate(found, start=1):
        try:
            return _listen_tcp(family, address)
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL or index == len(found):
                raise
    raise OSError(errno.EADDRNOTAVAIL, "the host has no address")


def _listen_tcp(family: int, address: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind(address)
        # This reserves the address: with SO_REUSEADDR two sockets may bind, but only one may listen.
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _adopt(bind: Bind) -> socket.socket:
    """The listening socket that systemd has opened (sd_listen_fds(3): from descriptor 3 on).

    The descriptor itself stays open: a start that is postponed takes it again.
    """
    sock = socket.socket(fileno=os.dup(bind.fd))
    if sock.type != socket.SOCK_STREAM or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.close()
        raise OSError(errno.EINVAL, "the descriptor is no listening stream socket")
    return sock


def _open_unix(path: Path | None, mode: int) -> tuple[socket.socket, Inode]:
    """A listening unix socket. The file of a crashed process is replaced, a socket in use is not."""
    if path is None:
        raise OSError(errno.EINVAL, "the address has no path")
    if not path.parent.is_dir():
        raise OSError(errno.ENOENT, f"the directory {path.parent} does not exist; create it")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            sock.bind(str(path))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _is_stale(path):
                raise
            path.unlink(missing_ok=True)
            sock.bind(str(path))
        # Nobody can connect before listen(), so the wrong mode is never in effect.
        path.chmod(mode)
        sock.listen(BACKLOG)
        return sock, _inode(path)
    except OSError:
        sock.close()
        raise


def _is_stale(path: Path) -> bool:
    """Whether `path` is a socket that no process listens on; raises OSError for another kind of file."""
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise OSError(errno.EEXIST, "a file that is no socket exists there")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        return client.connect_ex(str(path)) == errno.ECONNREFUSED


def _inode(path: Path) -> Inode:
    status = os.lstat(path)
    return status.st_dev, status.st_ino
