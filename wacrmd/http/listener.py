"""The HTTP listeners: bound before anything else starts, served by Hypercorn until they are told to stop.

This is the only module that imports hypercorn.
"""

import asyncio
import errno
import logging
import socket

import anyio
from anyio import CancelScope
from anyio.abc import TaskStatus
from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config
from starlette.types import ASGIApp

from wacrmd.config import Bind
from wacrmd.errors import AddressInUseError, ConfigError
from wacrmd.http.request_tracker import CANCEL_GRACE_S, RequestTracker
from wacrmd.http.sockets import BACKLOG, Inode, address_of, open_socket, remove_unix_socket
from wacrmd.log import get_logger

KEEP_ALIVE_S = 75.0
"""Longer than a reverse proxy keeps a connection (nginx: 60 s): the side that sends requests closes it."""

MAX_HEADERS_BYTES = 32 << 10

NEVER_S = 86_400.0
"""For Hypercorn's graceful timeout, which has no effect from Python 3.12 on: `Listener.serve` has its own."""

log = get_logger(__name__)


class Listener:
    """A socket that is listening; `serve` answers requests on it."""

    def __init__(self, sock: socket.socket, bind: Bind, inode: Inode | None) -> None:
        self._socket: socket.socket | None = sock
        self._bind = bind
        self._inode = inode
        self.address = address_of(sock, bind)
        """Where it listens, in the form of the configuration, with the real port for port 0."""

    @classmethod
    def open(cls, bind: Bind, key: str) -> "Listener":
        """Bind and listen; `key` names the setting, such as `[api] bind`, in errors.

        Raises AddressInUseError if the address is in use, ConfigError if it cannot be used at all. Clients that
        connect before `serve` wait in the backlog.
        """
        try:
            sock, inode = open_socket(bind)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise AddressInUseError(
                    f"{bind} is in use: stop the program that listens there or change {key}"
                ) from error
            reason = error.strerror or str(error)
            raise ConfigError([f"{key}: expected an address to listen on, found {bind}: {reason}"]) from error
        return cls(sock, bind, inode)

    @property
    def port(self) -> int | None:
        """The TCP port; None for a unix socket."""
        tail = self.address.rpartition(":")[2]
        return int(tail) if tail.isdecimal() and not self.address.startswith("unix:") else None

    def close(self) -> None:
        """Stop listening and remove the unix socket's file."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._inode is not None and self._bind.path is not None:
            remove_unix_socket(self._bind.path, self._inode)
            self._inode = None

    async def serve(
        self,
        app: ASGIApp,
        *,
        shutdown: anyio.Event,
        drain_s: float,
        task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Answer requests until `shutdown`; then running requests get `drain_s` and are cancelled.

        Can be called once; closes the listener. ASGI lifespan and websockets do not reach `app`.
        """
        if self._socket is None:
            raise RuntimeError("this listener has been closed")
        tracker = RequestTracker(app)
        # Hypercorn owns the descriptor from here on and closes it to stop accepting.
        config = _hypercorn_config(self._socket.detach())
        self._socket = None
        # Starlette and Hypercorn type the same ASGI messages differently.
        serving = hypercorn_serve(tracker, config, shutdown_trigger=shutdown.wait, mode="asgi")  # type: ignore[arg-type]
        server = asyncio.create_task(serving, name=f"http {self.address}")
        stopping = asyncio.create_task(_wait(shutdown))
        task_status.started()
        try:
            await asyncio.wait({server, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({server}, timeout=drain_s)
            if not server.done():
                count = tracker.cancel_all()
                log.warning("requests_cancelled", address=self.address, requests=count, drain_s=drain_s)
                await asyncio.wait({server}, timeout=CANCEL_GRACE_S)
        finally:
            stopping.cancel()
            tracker.cancel_all()
            server.cancel()
            with CancelScope(shield=True):
                await asyncio.wait({server}, timeout=CANCEL_GRACE_S)
            tracker.close()
            self.close()
        if server.done() and not server.cancelled():
            server.result()


async def _wait(event: anyio.Event) -> None:
    await event.wait()


def _hypercorn_config(fd: int) -> Config:
    errors = logging.getLogger("hypercorn.error")
    errors.setLevel(logging.WARNING)  # instead of "Running on …" the daemon logs daemon_ready
    config = Config()
    config.bind = [f"fd://{fd}"]
    config.backlog = BACKLOG
    config.accesslog = None
    config.errorlog = errors
    config.include_server_header = False
    config.keep_alive_timeout = KEEP_ALIVE_S
    config.graceful_timeout = NEVER_S
    config.h11_max_incomplete_size = MAX_HEADERS_BYTES
    return config
