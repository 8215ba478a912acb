"""One HTTP/1.1 connection: Hypercorn's own, with two differences. Only this module imports hypercorn.

Hypercorn has no setting for either, so these are overrides; tests over real sockets hold both.

- No HTTP/2. Hypercorn speaks it in clear text on every listener, on an upgrade (which would pass the path filter
  of a reverse proxy) and without one. Nothing here needs it, and its control frames can keep the loop busy.
- The time that a connection may be idle is a timer. Hypercorn starts and cancels two tasks for each request.
"""

import asyncio

from h11 import Request
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Event, Updated
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.typing import ConnectionState
from hypercorn.utils import parse_socket_addr

__all__ = ["ASGIWrapper", "Config", "Connection", "WorkerContext"]


class Connection(TCPServer):
    """One connection, from its acceptance to its end; `await` it."""

    _idle: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Answer its requests until it is closed by either side."""
        sock = self.writer.get_extra_info("socket")
        try:
            async with TaskGroup(self.loop) as task_group:
                self._task_group = task_group
                self.protocol = _Http1(  # type: ignore[assignment]  # it has the methods of ProtocolWrapper
                    self.app,
                    self.config,
                    self.context,
                    task_group,
                    ConnectionState(self.state),
                    ssl=False,
                    client=parse_socket_addr(sock.family, sock.getpeername()),
                    server=parse_socket_addr(sock.family, sock.getsockname()),
                    send=self.protocol_send,
                )
                self._wait_for_request()
                await self._read_data()
        except OSError:  # the client has gone
            pass
        finally:
            self._stop_waiting()
            await self._close()

    async def protocol_send(self, event: Event) -> None:
        """Take an event of the protocol: bytes to send, the end, or whether a request is running."""
        if not isinstance(event, Updated):
            await super().protocol_send(event)
        elif event.idle:
            self._wait_for_request()
        else:
            self._stop_waiting()

    def close_if_idle(self) -> None:
        """Close it if no request is running."""
        if self._idle is not None:
            self._hang_up()

    def _wait_for_request(self) -> None:
        self._stop_waiting()
        timeout_s = 0 if self.context.terminated.is_set() else self.config.keep_alive_timeout
        self._idle = self.loop.call_later(timeout_s, self._hang_up)

    def _stop_waiting(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _hang_up(self) -> None:
        self._stop_waiting()
        self._task_group.spawn(self._initiate_server_close)


class _Http1(H11Protocol):
    async def _check_protocol(self, event: Request) -> None:
        """Hypercorn changes to HTTP/2 here, when the request asks for it."""
