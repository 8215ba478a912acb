"""Serves HTTP on a listening socket with Hypercorn, until it is stopped. Only this module imports hypercorn."""

import asyncio
import logging

import anyio
from anyio import CancelScope
from anyio.abc import TaskStatus
from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config
from starlette.types import ASGIApp

from wacrmd.http.request_tracker import CANCEL_GRACE_S, RequestTracker
from wacrmd.http.sockets import BACKLOG, Listener
from wacrmd.log import get_logger

KEEP_ALIVE_S = 75.0
"""Longer than a reverse proxy keeps a connection (nginx: 60 s): the side that sends requests closes it."""

MAX_HEADERS_BYTES = 32 << 10

HYPERCORN_GRACE_S = 86_400.0
"""For Hypercorn's graceful timeout, which has no effect from Python 3.12 on: `serve` has its own."""

log = get_logger(__name__)


async def serve(
    listener: Listener,
    app: ASGIApp,
    *,
    shutdown: anyio.Event,
    drain_s: float,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Answer requests until `shutdown`; then running requests get `drain_s` and are cancelled.

    Closes the listener. ASGI lifespan and websockets do not reach `app`.
    """
    tracker = RequestTracker(app)
    # Hypercorn owns the descriptor from here on and closes it to stop accepting.
    config = _hypercorn_config(listener.socket.detach())
    # Starlette and Hypercorn type the same ASGI messages differently.
    serving = hypercorn_serve(tracker, config, shutdown_trigger=shutdown.wait, mode="asgi")  # type: ignore[arg-type]
    server = asyncio.create_task(serving, name=f"http {listener.address}")
    stopping = asyncio.create_task(_wait(shutdown))
    task_status.started()
    try:
        await asyncio.wait({server, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({server}, timeout=drain_s)
        if not server.done():
            count = tracker.cancel_all()
            log.warning("requests_cancelled", address=listener.address, requests=count, drain_s=drain_s)
            await asyncio.wait({server}, timeout=CANCEL_GRACE_S)
    finally:
        stopping.cancel()
        tracker.cancel_all()
        server.cancel()
        with CancelScope(shield=True):
            await asyncio.wait({server}, timeout=CANCEL_GRACE_S)
        tracker.close()
        listener.close()
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
    config.graceful_timeout = HYPERCORN_GRACE_S
    config.h11_max_incomplete_size = MAX_HEADERS_BYTES
    return config
