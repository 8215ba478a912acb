"""The HTTP listeners: sockets that are bound before anything starts, served by Hypercorn until told to stop.

This is the only module that imports hypercorn.
"""

import asyncio
import errno
import logging
import os
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from anyio import CancelScope, move_on_after
from anyio.abc import TaskStatus
from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wacrmd.config import Bind, BindKind
from wacrmd.errors import AddressInUseError, ConfigError, ErrorCode, Refusal
from wacrmd.http.middleware import answer_error
from wacrmd.log import get_logger

BACKLOG = 1024
UNIX_SOCKET_MODE = 0o660

KEEP_ALIVE_S = 75.0
"""Longer than a reverse proxy keeps a connection (nginx: 60 s): the side that sends requests closes it."""

LINGER_S = 2.0
"""How long a body that nobody wants any more is still taken, so that the caller gets to read its answer."""

HANG_UP_S = 1.0
"""How long a cancelled request or connection may take to end."""

NEVER_S = 86_400.0
"""For Hypercorn's graceful timeout, which does nothing from Python 3.12 on; `Listener.serve` keeps time."""

log = get_logger(__name__)


class Listener:
    """A socket that listens already; `serve` answers on it."""

    def __init__(self, sock: socket.socket, bind: Bind, inode: tuple[int, int] | None) -> None:
        self._socket: socket.socket | None = sock
        self._bind = bind
        self._inode = inode
        self.address = _address(sock, bind)
        """Where it really listens, in the form of the configuration; a port 0 has become the true one."""

    @classmethod
    def open(cls, bind: Bind, key: str) -> "Listener":
        """Bind and listen; `key` names the setting, such as `[api] bind`, in errors.

        Raises AddressInUseError if the address is taken, ConfigError if it cannot be had at all. Callers
        that come before `serve` wait in the backlog.
        """
        try:
            if bind.kind is BindKind.TCP:
                return cls(_open_tcp(bind), bind, None)
            if bind.kind is BindKind.FD:
                return cls(_adopt(bind), bind, None)
            return cls(*_open_unix(bind))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise AddressInUseError(
                    f"{bind} is taken: stop the program that listens there or change {key}"
                ) from error
            reason = error.strerror or str(error)
            raise ConfigError([f"{key}: expected an address to listen on, found {bind}: {reason}"]) from error

    @property
    def port(self) -> int | None:
        """The TCP port; None for a unix socket."""
        tail = self.address.rpartition(":")[2]
        return int(tail) if tail.isdecimal() and not self.address.startswith("unix:") else None

    def close(self) -> None:
        """Stop listening and remove the unix socket's file, if it is still the one made here."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._inode is not None and self._bind.path is not None:
            with suppress(OSError):
                if _inode(self._bind.path) == self._inode:
                    self._bind.path.unlink()
            self._inode = None

    async def serve(
        self,
        app: ASGIApp,
        *,
        shutdown: anyio.Event,
        drain_s: float,
        task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Answer requests until `shutdown`; then requests that run get `drain_s` and are cancelled.

        Can be called once; closes the listener. ASGI lifespan and websockets do not reach `app`.
        """
        if self._socket is None:
            raise RuntimeError("this listener has been closed")
        tracker = _RequestTracker(app)
        # Hypercorn owns the descriptor from here on: "stop accepting" then closes the socket itself.
        config = _hypercorn_config(self._socket.detach())
        self._socket = None
        # Starlette and Hypercorn type the same ASGI messages differently.
        serving = hypercorn_serve(tracker, config, shutdown_trigger=shutdown.wait, mode="asgi")  # type: ignore[arg-type]
        server = asyncio.create_task(serving, name=f"http {self.address}")
        told = asyncio.create_task(_wait(shutdown))
        task_status.started()
        try:
            await asyncio.wait({server, told}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({server}, timeout=drain_s)
            if not server.done():
                log.warning(
                    "requests_cancelled", address=self.address, requests=tracker.hang_up(), drain_s=drain_s
                )
                await asyncio.wait({server}, timeout=HANG_UP_S)
        finally:
            told.cancel()
            tracker.hang_up()
            server.cancel()
            with CancelScope(shield=True):
                await asyncio.wait({server}, timeout=HANG_UP_S)
            tracker.close()
            self.close()
        if server.done() and not server.cancelled():
            server.result()


async def _wait(event: anyio.Event) -> None:
    await event.wait()


def _hypercorn_config(fd: int) -> Config:
    errors = logging.getLogger("hypercorn.error")
    errors.setLevel(logging.WARNING)  # "Running on …" is told by the daemon, in its own words
    config = Config()
    config.bind = [f"fd://{fd}"]
    config.backlog = BACKLOG
    config.accesslog = None
    config.errorlog = errors
    config.include_server_header = False
    config.keep_alive_timeout = KEEP_ALIVE_S
    config.graceful_timeout = NEVER_S
    config.h11_max_incomplete_size = 32 * 1024
    return config


@dataclass(slots=True, eq=False)
class _Exchange:
    """One request and its answer, as far as the gate has to know."""

    scope: CancelScope
    body_ended: bool
    started: bool = False


class _RequestTracker:
    """What stands between Hypercorn and the app: cancels requests, and takes bodies that nobody reads.

    A body that is left unread fills Hypercorn's queue, and then its connection waits for ever, the answer
    with it. So what is left is thrown away: for up to `LINGER_S` before the answer ends, because closing on
    bytes that were not taken resets the connection and the answer is lost; then until it is closed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running: set[_Exchange] = set()
        self._sinks: set[asyncio.Task[None]] = set()
        self._hung_up = False

    def hang_up(self) -> int:
        """Cancel all requests, also those to come; how many ran."""
        self._hung_up = True
        for exchange in self._running:
            exchange.scope.cancel()
        return len(self._running)

    def close(self) -> None:
        """Let nothing run on."""
        for sink in self._sinks:
            sink.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        if scope["type"] == "http":
            await self._exchange(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await _lifespan(receive, send)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(CancelScope(), body_ended=not _has_body(scope))
        if self._hung_up:
            exchange.scope.cancel()

        async def watched_receive() -> Message:
            message = await receive()
            exchange.body_ended = not message.get("more_body", False)  # a disconnect ends it too
            return message

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.started = True
            elif not exchange.body_ended and not message.get("more_body", False):
                await send({**message, "more_body": True})
                with move_on_after(LINGER_S):
                    while not exchange.body_ended:
                        await watched_receive()
                self._sink(exchange, receive)
                message = {"type": "http.response.body"}
            await send(message)

        self._running.add(exchange)
        try:
            with exchange.scope:
                await self._app(scope, watched_receive, watched_send)
            if exchange.scope.cancelled_caught and not exchange.started:
                with move_on_after(HANG_UP_S):
                    await _answer_stopping(scope, watched_send)
        finally:
            self._running.discard(exchange)
            self._sink(exchange, receive)

    def _sink(self, exchange: _Exchange, receive: Receive) -> None:
        """Take what still comes, beside all else, until Hypercorn says that the connection is closed."""
        if not exchange.body_ended:
            exchange.body_ended = True
            sink = asyncio.create_task(_take_until_closed(receive))
            self._sinks.add(sink)
            sink.add_done_callback(self._sinks.discard)


async def _take_until_closed(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer_stopping(scope: Scope, send: Send) -> None:
    request_id = scope.get("state", {}).get("request_id")

    async def send_with_id(message: Message) -> None:
        if request_id is not None and message["type"] == "http.response.start":
            message["headers"].append((b"x-request-id", request_id.encode()))
        await send(message)

    refusal = Refusal(ErrorCode.UNAVAILABLE, "wacrmd is stopping: try again in a moment", retry_after_s=5)
    await answer_error(send_with_id, refusal)


async def _lifespan(receive: Receive, send: Send) -> None:
    """Answer the ASGI lifespan: what the apps use is opened and closed by the daemon, not by a server."""
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})


def _has_body(scope: Scope) -> bool:
    return any(
        (name == b"content-length" and value != b"0") or name == b"transfer-encoding"
        for name, value in scope["headers"]
    )


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
        sock.listen(BACKLOG)  # only this makes the address ours: with SO_REUSEADDR two may bind
    except OSError:
        sock.close()
        raise
    return sock


def _adopt(bind: Bind) -> socket.socket:
    """The listening socket that the service manager opened (sd_listen_fds(3): from fd 3 on)."""
    sock = socket.socket(fileno=bind.fd)
    if sock.type != socket.SOCK_STREAM or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.detach()
        raise OSError(errno.EINVAL, "the descriptor is no listening stream socket")
    return sock


def _open_unix(bind: Bind) -> tuple[socket.socket, Bind, tuple[int, int]]:
    """A listening unix socket and its inode; what a crash left behind is replaced, a live socket never."""
    path = bind.path
    if path is None:
        raise OSError(errno.EINVAL, "the address has no path")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            sock.bind(str(path))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _is_stale(path):
                raise
            path.unlink(missing_ok=True)
            sock.bind(str(path))
        # Nobody can connect before listen, so there is no moment with the wrong mode.
        path.chmod(UNIX_SOCKET_MODE)
        sock.listen(BACKLOG)
        return sock, bind, _inode(path)
    except OSError:
        sock.close()
        raise


def _is_stale(path: Path) -> bool:
    """Whether `path` is a socket that nobody listens on."""
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise OSError(errno.EEXIST, "a file that is no socket stands there")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        return probe.connect_ex(str(path)) == errno.ECONNREFUSED


def _inode(path: Path) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_dev, status.st_ino


def _address(sock: socket.socket, bind: Bind) -> str:
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return f"unix:{name}"
    host = bind.host if bind.kind is BindKind.TCP else name[0]
    return f"[{host}]:{name[1]}" if ":" in host else f"{host}:{name[1]}"
