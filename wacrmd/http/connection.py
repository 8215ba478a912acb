"""One HTTP/1.1 connection: Hypercorn's own, with some differences. Only this module imports hypercorn.

Hypercorn has no settings for these, so they are overrides; tests over real sockets hold them.

- No HTTP/2 and no websockets. Hypercorn speaks HTTP/2 in clear text on every listener, on an upgrade (which would
  pass the path filter of a reverse proxy) and without one. Nothing here needs either, and the control frames of
  HTTP/2 can keep the loop busy.
- The time that a connection may be idle is a timer. Hypercorn starts and cancels two tasks for each request.
- The Date header is written once a second.
- A request target may be a whole URL (`http/request_target.py`).
- In one pass of the event loop only so many connections may be served (`http/loop_pass.py`).
"""

import asyncio
import time
from collections.abc import Callable

import h11
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.tcp_server import MAX_RECV, TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config as HypercornConfig
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.events import Request
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.typing import ConnectionState
from hypercorn.utils import parse_socket_addr

from wacrmd.http.loop_pass import LoopPass
from wacrmd.http.request_target import origin_form

__all__ = ["ASGIWrapper", "Config", "Connection", "Refuse", "WorkerContext"]

Refuse = Callable[[bytes], bytes | None]
"""Takes what arrived at once between two requests; the answer if it is a request that is refused unparsed."""


class Config(HypercornConfig):
    """Hypercorn's configuration."""

    _second = 0
    _headers: tuple[tuple[bytes, bytes], ...] = ()

    def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:
        """The headers that each answer gets; they change once a second."""
        second = int(time.time())
        if second != self._second:
            self._second, self._headers = second, tuple(super().response_headers(protocol))
        return list(self._headers)


class Connection(TCPServer):
    """One connection, from its acceptance to its end; `await` it."""

    refuse: Refuse | None = None
    loop_pass: LoopPass | None = None
    _idle: asyncio.TimerHandle | None = None
    _http1: "_Http1 | None" = None

    async def run(self) -> None:
        """Answer its requests until it is closed by either side."""
        sock = self.writer.get_extra_info("socket")
        try:
            # Outside of the group, which would put the error of a client that has gone already into another one.
            client = parse_socket_addr(sock.family, sock.getpeername())
            server = parse_socket_addr(sock.family, sock.getsockname())
            async with TaskGroup(self.loop) as task_group:
                self._task_group = task_group
                self._http1 = _Http1(
                    self.app,
                    self.config,
                    self.context,
                    task_group,
                    ConnectionState(self.state),
                    ssl=False,
                    client=client,
                    server=server,
                    send=self.protocol_send,
                )
                self.protocol = self._http1  # type: ignore[assignment]  # it has the methods of ProtocolWrapper
                self._wait_for_request()
                await self._read_data()
        except OSError:  # the client has gone
            pass
        finally:
            self._stop_waiting()
            await self._close()

    async def _read_data(self) -> None:
        """Pass on what arrives, until the end; a whole request between two others may be refused unparsed."""
        while not self.reader.at_eof():
            try:
                data = await self.reader.read(MAX_RECV)
                if self.loop_pass is not None:
                    await self.loop_pass.enter()
                if self.refuse is not None and self._is_between_requests() and (answer := self.refuse(data)):
                    self._wait_for_request()
                    self.writer.write(answer)
                    await self.writer.drain()
                    continue
            except OSError:
                break
            await self.protocol.handle(RawData(data))
        await self.protocol.handle(Closed())

    def _is_between_requests(self) -> bool:
        http1 = self._http1
        return self._idle is not None and http1 is not None and http1.connection.trailing_data == (b"", False)

    async def protocol_send(self, event: Event) -> None:
        """Take an event of the protocol: bytes to send, the end, or whether a request is running."""
        if not isinstance(event, Updated):
            # The end of an answer with a known length is no byte.
            if not isinstance(event, RawData) or event.data:
                await super().protocol_send(event)
        elif event.idle:
            self._wait_for_request()
        else:
            self._stop_waiting()

    def close_soon(self) -> None:
        """Close it now if no request is running, else after the answer, which then says `Connection: close`."""
        if self._idle is not None:
            self._hang_up()
        elif self._http1 is not None:
            self._http1.keep_alive_requests = self.config.keep_alive_max_requests

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
    async def _check_protocol(self, event: h11.Request) -> None:
        """Hypercorn changes to HTTP/2 here, when the request asks for it."""

    async def _create_stream(self, request: h11.Request) -> None:
        """Hypercorn starts a websocket here, when the request asks for one."""
        self.stream = HTTPStream(
            self.app,
            self.config,
            self.context,
            self.task_group,
            self.ssl,
            self.client,
            self.server,
            self.stream_send,
            STREAM_ID,
        )
        target, headers = origin_form(request.method, request.target, list(request.headers))
        await self.stream.handle(
            Request(
                stream_id=STREAM_ID,
                headers=headers,
                http_version=request.http_version.decode(),
                method=request.method.decode("ascii"),
                raw_path=target,
                state=self.connection_state,
            )
        )
        self.keep_alive_requests += 1
