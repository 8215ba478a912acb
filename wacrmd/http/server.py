"""Serves HTTP on a listening socket until it is stopped."""

import asyncio
import logging
from typing import cast

import anyio
from anyio import CancelScope
from anyio.abc import TaskStatus
from starlette.types import ASGIApp

from wacrmd.http.connection import ASGIWrapper, Config, Connection, Refuse, WorkerContext
from wacrmd.http.loop_pass import LoopPass
from wacrmd.http.request_tracker import CANCEL_GRACE_S, RequestTracker
from wacrmd.http.sockets import BACKLOG, Listener
from wacrmd.log import get_logger

KEEP_ALIVE_S = 75.0
"""Longer than a reverse proxy keeps a connection (nginx: 60 s): the side that sends requests closes it."""

MAX_HEADERS_BYTES = 32 << 10

log = get_logger(__name__)


async def serve(
    listener: Listener,
    app: ASGIApp,
    *,
    shutdown: anyio.Event,
    drain_s: float,
    refuse: Refuse | None = None,
    loop_pass: LoopPass | None = None,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Answer requests until `shutdown`; then running requests get `drain_s` and are cancelled.

    Closes the listener. `refuse` may answer plain requests before they are parsed. What a connection
    has received passes `loop_pass` first. `app` gets HTTP requests only: no
    lifespan and no websockets.
    """
    tracker = RequestTracker(app)
    connections = _Connections(tracker, refuse, loop_pass)
    accepting = await asyncio.start_server(connections.serve, sock=listener.socket, backlog=BACKLOG)
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

    def __init__(self, app: RequestTracker, refuse: Refuse | None, loop_pass: LoopPass | None) -> None:
        # Starlette and Hypercorn type the same ASGI messages differently.
        self._app = ASGIWrapper(app)  # type: ignore[arg-type]
        self._config = _hypercorn_config()
        self._refuse = refuse
        self._loop_pass = loop_pass
        self._context = WorkerContext(max_requests=None)
        self._open: dict[asyncio.Task[None], Connection] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until its end."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        loop = asyncio.get_running_loop()
        connection = Connection(self._app, loop, self._config, self._context, {}, reader, writer)
        connection.refuse = self._refuse
        connection.loop_pass = self._loop_pass
        self._open[task] = connection
        try:
            await connection
        except asyncio.CancelledError:  # by `cancel`; asyncio's own callback does not expect it
            pass
        finally:
            del self._open[task]

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
    return config
