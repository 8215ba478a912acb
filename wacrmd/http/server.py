"""Serves HTTP on a listening socket until it is stopped."""

import asyncio
import logging
from typing import cast

import anyio
from anyio import CancelScope
from anyio.abc import TaskStatus
from starlette.types import ASGIApp

from wacrmd.http.capacity import Capacity, Shortage
from wacrmd.http.connection import ASGIWrapper, Config, Connection, Refuse, WorkerContext
from wacrmd.http.loop_pass import LoopPass
from wacrmd.http.request_tracker import CANCEL_GRACE_S, RequestTracker
from wacrmd.http.sockets import BACKLOG, Listener
from wacrmd.log import get_logger

KEEP_ALIVE_S = 75.0
"""Longer than a reverse proxy keeps a connection (nginx: 60 s): the side that sends requests closes it."""

MAX_HEADERS_BYTES = 32 << 10

READ_AHEAD_BYTES = 32 << 10
"""Of what a connection receives, twice as much may wait to be parsed."""

MAX_PARTS = 4
"""Parts of a body, of up to 64 KiB, that are received before the app asks for them."""

FULL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
"""For a connection that finds no room: then as many requests are being answered as there may be connections."""

log = get_logger(__name__)


async def serve(
    listener: Listener,
    app: ASGIApp,
    *,
    shutdown: anyio.Event,
    drain_s: float,
    capacity: Capacity,
    refuse: Refuse | None = None,
    loop_pass: LoopPass | None = None,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Answer requests until `shutdown`; then running requests get `drain_s` and are cancelled.

    Closes the listener. Beyond `capacity`, room is made for new clients (`http/capacity.py`). `refuse` may answer plain
    requests before they are parsed. What a connection has received passes `loop_pass` first. `app` gets HTTP requests
    only: no lifespan and no websockets.
    """
    tracker = RequestTracker(app, capacity)
    connections = _Connections(tracker, capacity, refuse, loop_pass)
    accepting = await asyncio.start_server(
        connections.serve, sock=listener.socket, backlog=BACKLOG, limit=READ_AHEAD_BYTES
    )
    task_status.started()
    try:
        await shutdown.wait()
        await _stop_accepting(accepting, listener)
        await connections.close_idle()
        if not await connections.ended(drain_s):
            count = tracker.cancel_all()
            log.warning("requests_cancelled", address=listener.address, requests=count, drain_s=drain_s)
            await connections.ended(CANCEL_GRACE_S)
    finally:
        with CancelScope(shield=True):
            await _stop_accepting(accepting, listener)
            tracker.cancel_all()
            connections.cancel()
            await connections.ended(CANCEL_GRACE_S)
        tracker.close()
        listener.close()


async def _stop_accepting(accepting: asyncio.Server, listener: Listener) -> None:
    """Accept no more connections, and let those that were just accepted begin, so that they can be closed.

    asyncio leaves them open if the server is closed before (python/cpython#109564); uvloop does not.
    """
    loop = asyncio.get_running_loop()
    if accepting.is_serving() and isinstance(loop, asyncio.SelectorEventLoop):
        loop.remove_reader(listener.socket.fileno())
        for _ in range(3):
            await asyncio.sleep(0)
    accepting.close()


class _Connections:
    """The connections that are open."""

    def __init__(
        self, app: RequestTracker, capacity: Capacity, refuse: Refuse | None, loop_pass: LoopPass | None
    ) -> None:
        # Starlette and Hypercorn type the same ASGI messages differently.
        self._app = ASGIWrapper(app)  # type: ignore[arg-type]
        self._config = _hypercorn_config()
        self._capacity = capacity
        self._refuse = refuse
        self._loop_pass = loop_pass
        self._context = WorkerContext(max_requests=None)
        self._open: dict[asyncio.Task[None], Connection] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until its end."""
        if not self._has_room():
            writer.write(FULL)
            writer.close()
            return
        task = cast("asyncio.Task[None]", asyncio.current_task())
        loop = asyncio.get_running_loop()
        connection = Connection(self._app, loop, self._config, self._context, {}, reader, writer)
        connection.refuse = self._refuse
        connection.loop_pass = self._loop_pass
        self._open[task] = connection
        self._capacity.connections = len(self._open)
        try:
            await connection
        except asyncio.CancelledError:  # by `cancel`; asyncio's own callback does not expect it
            pass
        finally:
            del self._open[task]
            self._capacity.connections = len(self._open)

    def _has_room(self) -> bool:
        """Whether one more may be served, if need be in place of the one that waits longest for its client."""
        if len(self._open) < self._capacity.max_connections:
            return True
        self._capacity.on_shortage(Shortage.CONNECTIONS)
        idle = [each for each in self._open.values() if not each.is_closing and each.patience is not None]
        if not idle:
            return False
        min(idle, key=lambda each: (each.patience, each.waiting_since)).hang_up()
        return True

    async def close_idle(self) -> None:
        """Close those without a request now, and each of the others after its request."""
        await self._context.terminated.set()
        for connection in list(self._open.values()):
            connection.close_soon()

    async def ended(self, timeout_s: float) -> bool:
        """Wait until all have ended; False if some have not in time."""
        if self._open:
            await asyncio.wait(list(self._open), timeout=timeout_s)
        return not self._open

    def cancel(self) -> None:
        """End all of them."""
        for task in self._open:
            task.cancel()


def _hypercorn_config() -> Config:
    errors = logging.getLogger("hypercorn.error")
    config = Config()
    config.accesslog = None
    config.errorlog = errors
    config.include_server_header = False
    config.keep_alive_timeout = KEEP_ALIVE_S
    config.h11_max_incomplete_size = MAX_HEADERS_BYTES
    config.max_app_queue_size = MAX_PARTS
    return config
