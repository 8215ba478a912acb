"""One HTTP/1.1 connection: Hypercorn's own, with some differences. Only this module imports hypercorn.

Hypercorn has no settings for these, so they are overrides; tests over real sockets hold them.

- No HTTP/2 and no websockets. Hypercorn speaks HTTP/2 in clear text on every listener, on an upgrade (which would
  pass the path filter of a reverse proxy) and without one. Nothing here needs either, and the control frames of
  HTTP/2 can keep the loop busy.
- In one pass of the event loop only so many connections may be served (`http/loop_pass.py`), and of each one request or
  some chunks of a body.
- The framing of a request must not be readable in two ways (`http/raw_request.py`): h11 forgives some of that. A body has
  no trailers.
- What comes after a request that says `Connection: close` is ignored (RFC 9112, section 9.6).
- A request that is not valid is answered with the JSON of every other error, and what the client still sends is discarded
  for a moment, so that it gets the answer.
- `100 Continue` is sent when the body is wanted, and not to each client that asks.
- The time that a connection may be idle is a timer, and a shorter one runs from the first byte of a request to the end of
  its head. Hypercorn starts and cancels two tasks for each request.
- The Date header is written once a second.
- An answer of HTTP/1.0 that breaks off ends with a reset: a mere end of the connection is the end of an answer there.
- A request target may be a whole URL (`http/request_target.py`).
"""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex
from typing import Any

import h11
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.tcp_server import MAX_RECV, TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config as HypercornConfig
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.events import Body, EndBody, Request
from hypercorn.protocol.h11 import STREAM_ID, H11Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.typing import ConnectionState
from hypercorn.utils import parse_socket_addr

from wacrmd.errors import bad_request
from wacrmd.http.loop_pass import LoopPass
from wacrmd.http.middleware import error_response
from wacrmd.http.raw_request import head_fault, head_of
from wacrmd.http.request_target import origin_form
from wacrmd.http.request_tracker import ASK_FOR_BODY

__all__ = ["ASGIWrapper", "Config", "Connection", "Refuse", "WorkerContext"]

HEAD_S = 20.0
"""How long a client may take from the first byte of a request to the end of its head."""

NEW_S = 1.0
"""How long after it came, or after its last answer, a connection may be about to send what it came for."""

LINGER_S = 2.0
LINGER_BYTES = 1 << 20
"""So long and so much is received after a request that is not valid: a closed connection with unread bytes is reset, and
the client loses the answer."""

MAX_PARTS_AT_ONCE = 32
"""Chunks of a body that a connection may have parsed in its turn: one costs about 15 µs, however short it is."""

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
    _head_began = False
    _http1: "_Http1 | None" = None
    is_closing = False
    """Whether `hang_up` was called."""
    waiting_since = 0.0
    """Since when it waits for its request, or has one; in seconds of the loop's clock."""

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
                self._http1.loop_pass = self.loop_pass
                self.protocol = self._http1  # type: ignore[assignment]  # it has the methods of ProtocolWrapper
                self._wait_for_request()
                await self._read_data()
        except OSError:  # the client has gone
            pass
        finally:
            self._stop_waiting()
            with suppress(
                OSError
            ):  # a client that has gone with a reset: the socket is not connected any more
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
            if self._idle is not None and data and not self._head_began:
                self._wait_for_head()
            if self._http1 is not None and self._http1.is_refused:
                await self._linger()
                break
        await self.protocol.handle(Closed())

    async def _linger(self) -> None:
        """Say that nothing more will be sent, and discard what still comes, within bounds."""
        received = 0
        with suppress(OSError, RuntimeError, TimeoutError):
            self.writer.write_eof()
            async with asyncio.timeout(LINGER_S):
                while received < LINGER_BYTES and (data := await self.reader.read(MAX_RECV)):
                    received += len(data)

    @property
    def patience(self) -> int | None:
        """How readily it is closed when there are too many: 0 first, it has sent no whole request; None never.

        1: it has not sent the whole body. 2: it does not read the answer. 3: any of these for less than `NEW_S`; else those
        who have begun a body would push out everybody who comes.
        """
        waits_for = self._waits_for()
        is_new = self.loop.time() - self.waiting_since < NEW_S
        return 3 if waits_for is not None and is_new else waits_for

    def _waits_for(self) -> int | None:
        if self._idle is not None:
            return 0
        if self._http1 is not None and self._http1.connection.their_state is h11.SEND_BODY:
            return 1
        return 2 if self.writer.transport.get_write_buffer_size() > 0 else None

    def _is_between_requests(self) -> bool:
        http1 = self._http1
        return self._idle is not None and http1 is not None and http1.connection.trailing_data == (b"", False)

    async def protocol_send(self, event: Event) -> None:
        """Take an event of the protocol: bytes to send, the end, or whether a request is running."""
        if isinstance(event, Closed) and self._http1 is not None and self._http1.looks_whole:
            self._reset()
        elif not isinstance(event, Updated):
            # The end of an answer with a known length is no byte.
            if isinstance(event, Closed) and self._http1 is not None and self._http1.is_refused:
                pass  # `_read_data` closes it
            elif not isinstance(event, RawData) or event.data:
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

    def hang_up(self) -> None:
        """Close it without an answer."""
        self.is_closing = True
        self.writer.transport.abort()

    def _reset(self) -> None:
        """Close it with RST instead of FIN; a unix socket has no such thing."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.hang_up()

    def _wait_for_request(self) -> None:
        self._stop_waiting()
        self._head_began = False
        timeout_s = 0 if self.context.terminated.is_set() else self.config.keep_alive_timeout
        self._idle = self.loop.call_later(timeout_s, self._hang_up)

    def _wait_for_head(self) -> None:
        """The first bytes of a request have come."""
        self._stop_waiting()
        self._head_began = True
        self._idle = self.loop.call_later(HEAD_S, self._hang_up)

    def _stop_waiting(self) -> None:
        self.waiting_since = self.loop.time()
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _hang_up(self) -> None:
        self._stop_waiting()
        self._task_group.spawn(self._initiate_server_close)


class _ChunkedReader(ChunkedReader):
    """Takes no trailers: nobody reads them, h11 forgives how their lines end, and 7,000 of them take it 20 ms."""

    def __call__(self, buf: ReceiveBuffer) -> h11.Data | h11.EndOfMessage | None:
        """The next event of a body."""
        if self._reading_trailer and not b"\r\n".startswith(bytes(buf)[:2]):
            raise h11.LocalProtocolError("its chunks are not followed by CR and LF: trailers are not taken")
        return super().__call__(buf)


class _StrictConnection(h11.Connection):
    """h11 with `head_fault` before it, and with the reason of the last fault."""

    fault = ""

    def receive_data(self, data: bytes) -> None:
        """Take what has come; an empty text is the end. After a client's last request it is nothing but that end."""
        if not (data and self.their_state is h11.MUST_CLOSE):
            super().receive_data(data)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """The next event; raises RemoteProtocolError."""
        if self.their_state is h11.MUST_CLOSE and self.trailing_data[0]:
            return h11.NEED_DATA  # h11 would refuse the request, which is being carried out
        try:
            self._check_head()
            return super().next_event()
        except h11.RemoteProtocolError as error:
            self.fault = str(error).partition(": b")[0]  # without what was received
            raise

    def _get_io_object(self, *args: Any) -> Any:
        """What reads or writes in the state of one side (an inner method of h11)."""
        made = super()._get_io_object(*args)
        return _ChunkedReader() if isinstance(made, ChunkedReader) else made

    def _check_head(self) -> None:
        head = head_of(self.trailing_data[0]) if self.their_state is h11.IDLE else None
        if head is not None and (fault := head_fault(head)) is not None:
            raise h11.RemoteProtocolError(fault)

    @property
    def they_are_waiting_for_100_continue(self) -> bool:
        """False: Hypercorn would answer at once (see `_Http1.ask_for_body`)."""
        return False


class _Http1(H11Protocol):
    loop_pass: LoopPass | None = None
    is_refused = False
    """Whether a request was not valid: no other one is read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._strict = _StrictConnection(
            h11.SERVER, max_incomplete_event_size=self.config.h11_max_incomplete_size
        )
        self.connection = self._strict

    @property
    def looks_whole(self) -> bool:
        """Whether an answer that has not been written to its end would be whole if the connection ended now."""
        return self.connection.our_state is h11.SEND_BODY and self.connection.their_http_version == b"1.0"

    def _state(self) -> ConnectionState:
        if not self._strict.client_is_waiting_for_100_continue:
            return self.connection_state
        return ConnectionState({**self.connection_state, ASK_FOR_BODY: self.ask_for_body})

    async def ask_for_body(self) -> None:
        """Send `100 Continue` if the client waits for it."""
        if self._strict.client_is_waiting_for_100_continue:
            await self._send_h11_event(
                h11.InformationalResponse(status_code=100, headers=self.config.response_headers("h11"))
            )

    async def _handle_events(self) -> None:
        """Pass on what h11 finds in the bytes that have come; after each request and some chunks, others have their turn.

        Chunks are passed on together: one of two bytes costs twenty times its size as an object of its own.
        """
        found, body = 0, bytearray()
        while True:
            try:
                event = self.connection.next_event()
            except h11.RemoteProtocolError as error:
                if self.connection.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
                    await self._send_error_response(error.error_status_hint)
                await self.send(Closed())
                return
            if isinstance(event, h11.Data):
                body += event.data
            if body and (not isinstance(event, h11.Data) or found >= MAX_PARTS_AT_ONCE):
                await self._stream_event(Body(stream_id=STREAM_ID, data=bytes(body)))
                body.clear()
            if found >= MAX_PARTS_AT_ONCE or (found and isinstance(event, h11.Request)):
                await self._turn()
                found = 0
            found += 1
            if isinstance(event, h11.Request):
                await self.send(Updated(idle=False))
                await self._create_stream(event)
            elif isinstance(event, h11.EndOfMessage):
                await self._stream_event(EndBody(stream_id=STREAM_ID))
            elif event is h11.PAUSED:
                await self.can_read.clear()
                await self.can_read.wait()
            elif not isinstance(event, h11.Data):  # it needs more data, or the client has closed
                return

    async def _turn(self) -> None:
        if self.loop_pass is not None:
            await self.loop_pass.enter()

    async def _stream_event(self, event: Body | EndBody) -> None:
        if self.stream is not None:  # else it was closed meanwhile
            await self.stream.handle(event)

    async def _send_error_response(self, _status_code: int) -> None:
        """Hypercorn answers what h11 cannot read with a status and no body."""
        self.is_refused = True
        answer = error_response(bad_request(f"The request is not valid HTTP/1.1: {self._strict.fault}"))
        headers = [
            *answer.raw_headers,
            (b"x-request-id", token_hex(16).encode()),
            (b"connection", b"close"),
            *self.config.response_headers("h11"),
        ]
        await self._send_h11_event(h11.Response(status_code=answer.status_code, headers=headers))
        await self._send_h11_event(h11.Data(data=bytes(answer.body)))
        await self._send_h11_event(h11.EndOfMessage())

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
                state=self._state(),
            )
        )
        self.keep_alive_requests += 1
