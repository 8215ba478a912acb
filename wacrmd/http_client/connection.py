"""One connection to a server, with one request on it at a time."""

import asyncio
import socket
from collections.abc import AsyncIterable, Callable
from typing import cast

import httptools

from wacrmd.errors import describe
from wacrmd.http_client.bytes_received import bytes_received
from wacrmd.http_client.failure import IdleConnectionLostError, OutcomeUnknownError, Phase
from wacrmd.http_client.message import Answer, Headers, decoded

MAX_HEADER_BYTES = 64 << 10
"""Room for an answer's head: an answer that cannot be parsed leaves a message with an unknown outcome."""

MAX_HEADERS = 256
"""How many headers an answer may have, with those of interim answers and trailers."""

PART_BYTES = 16 << 10
"""How much is parsed before the limits are checked: the parser calls back for every few bytes, if the server wants so."""

UNSEEN_BYTES = 256 << 10
"""Room for what is received besides an answer: records and tickets of TLS, which never reach the parser."""

_PEEK = int(socket.MSG_PEEK | socket.MSG_DONTWAIT)


class Connection(asyncio.Protocol):
    """Writes a request and reads the whole answer to it; any other byte from the server ends the connection.

    It never writes a request twice, and every failure here is an OutcomeUnknownError.
    """

    def __init__(self, sock: socket.socket, on_lost: Callable[["Connection"], None]) -> None:
        self._socket = sock
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None
        self._max_bytes = 0
        self._status_only = False
        self._on_drained: Callable[[], None] | None = None
        self._is_writing = False
        self._has_rest = False
        self._written: asyncio.Future[None] | None = None
        """Done when what was written last has left, if somebody waits for that."""
        self._sent = 0
        self._received_before = 0
        self.is_open = True
        self._reset()

    def _reset(self) -> None:
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._received = 0
        self._size = 0
        self._header_count = 0
        self._limit_passed = ""
        self._has_head = False
        self._is_whole = False

    def send(
        self, request: bytes, max_bytes: int, *, status_only: bool = False, has_rest: bool = False
    ) -> asyncio.Future[Answer]:
        """Write `request`; the future has the answer, whose content may have `max_bytes`.

        With `status_only` it has the answer without content, as soon as its head has come. With `has_rest` the rest of the
        request is written by `send_rest`.
        """
        self._reset()
        self._has_rest = has_rest
        self._sent += 1
        self._received_before = bytes_received(self._socket)
        self._max_bytes = max_bytes
        self._status_only = status_only
        self._answer = self._loop.create_future()
        self._transport.write(request)
        return self._answer

    async def send_rest(self, parts: AsyncIterable[bytes]) -> None:
        """Write the rest of the request as fast as the server reads it; ends early if the server answers before.

        A part is taken when the one before has left, so never much of the request is in memory.
        """
        assert self._answer is not None  # noqa: S101 - for the type checker
        async for part in parts:
            if self._answer.done() or not self.is_open:
                return
            self._transport.write(part)
            if self._is_writing:
                self._written = self._loop.create_future()
                await asyncio.wait((self._written, self._answer), return_when=asyncio.FIRST_COMPLETED)
        self._has_rest = False

    @property
    def is_reusable(self) -> bool:
        """Whether its request is answered and another one may follow."""
        return self.is_open and self._is_whole

    @property
    def address(self) -> str:
        """The server's address; raises OSError if the connection has ended."""
        return str(self._socket.getpeername()[0])

    def drain(self, on_drained: Callable[[], None]) -> bool:
        """Read the rest of an answer whose status was enough, and call `on_drained` at its end.

        False if there is no such rest. If the connection ends before, `on_drained` is not called.
        """
        if not (self.is_open and self._has_head and not self._is_whole and self._status_only):
            return False
        self._on_drained = on_drained
        return True

    def is_quiet(self) -> bool:
        """Whether the server has sent nothing since its last answer, not even the end of the connection.

        This asks the kernel. So a connection that the server has closed is noticed before a request is written to
        it, also if the event loop has not read yet.
        """
        if not self.is_open:
            return False
        try:
            self._socket.recv(1, _PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def failure(self, detail: str) -> OutcomeUnknownError:
        """The exception for a failure of the present request now."""
        if self._has_head:
            return OutcomeUnknownError(Phase.ANSWER, detail, self._status, Headers(self._headers))
        is_writing = self._is_writing or self._has_rest
        return OutcomeUnknownError(Phase.WRITE if is_writing else Phase.READ, detail)

    def abort(self) -> None:
        """Close the connection at once."""
        self.is_open = False
        self._transport.abort()

    def end_flood(self) -> None:
        """End the connection if the server sends without an end, so that nothing of it reaches the parser."""
        if (
            self.is_open
            and bytes_received(self._socket) - self._received_before > self._max_bytes + UNSEEN_BYTES
        ):
            self._fail("the server sends too much that is no answer")

    # --- what the event loop calls -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; what it cannot write at once is waited for."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(0)

    def pause_writing(self) -> None:
        """A part of the request could not be written yet."""
        self._is_writing = True

    def resume_writing(self) -> None:
        """All that was given to the transport is written."""
        self._is_writing = False
        if self._written is not None and not self._written.done():
            self._written.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Read a part of the answer, as far as the limits allow."""
        for start in range(0, len(data), PART_BYTES):
            if not self._expects_more:
                self.abort()
                return
            self._read(data[start : start + PART_BYTES])

    @property
    def _expects_more(self) -> bool:
        """Whether an answer is on its way, or the rest of one whose status was enough."""
        if self._answer is None or self._is_whole:
            return False
        return not self._answer.done() or (self.is_open and self._status_only)

    def _read(self, part: bytes) -> None:
        assert self._answer is not None  # noqa: S101 - for the type checker
        is_rest = self._answer.done()
        self._received += len(part)
        try:
            self._parser.feed_data(part)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.is_open = False
            if not self._is_whole and not (self._has_head and self._status_only):
                self._fail(self._limit_passed or "the answer is no HTTP/1.1")
                return
        if self._received - self._size > MAX_HEADER_BYTES + self._size:
            self._limit_passed = f"the answer's head is longer than {MAX_HEADER_BYTES} bytes"
        elif self._size > self._max_bytes:
            self._limit_passed = f"the answer is longer than {self._max_bytes} bytes"
        if is_rest:
            self._take_rest()
        elif self._is_whole or (self._has_head and self._status_only):
            self._succeed()
        elif self._limit_passed:
            self._fail(self._limit_passed)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended, which also ends an answer that did not say its length."""
        self.is_open = False
        if self._answer is not None and not self._answer.done():
            if exc is None and self._has_head and not self._has_length():
                self._succeed()
            else:
                self._fail(
                    describe(exc) if exc else "the server closed the connection", is_lost=True, cause=exc
                )
        del self._parser  # it refers to this object
        self._on_lost(self)

    # --- what the parser calls -----------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """The beginning of an answer; of a second one, if the first is whole."""
        if self._is_whole:
            self.is_open = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header."""
        if self._is_whole:
            return
        self._header_count += 1
        if self._header_count > MAX_HEADERS:
            self._limit_passed = f"the answer has more than {MAX_HEADERS} headers"
            raise OverflowError(self._limit_passed)  # it ends the parser
        if not self._has_head:  # what comes after the content is not kept
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Keep the status, unless it is that of an interim answer (1xx)."""
        if not self._is_whole:
            self._status = self._parser.get_status_code()
            self._has_head = self._status >= 200  # noqa: PLR2004

    def on_body(self, part: bytes) -> None:
        """Keep a part of the content."""
        if not self._is_whole:
            self._size += len(part)
            if self._size <= self._max_bytes and not self._status_only:
                self._parts.append(part)

    def on_message_complete(self) -> None:
        """The answer is whole; an interim one is forgotten."""
        if self._is_whole:
            return
        if not self._has_head:
            self._headers.clear()
            return
        self._is_whole = True
        self.is_open = self.is_open and self._parser.should_keep_alive()

    # --- the end of a request --------------------------------------------------------------------------------

    def _succeed(self) -> None:
        assert self._answer is not None  # noqa: S101 - for the type checker
        headers, content = Headers(self._headers), b"".join(self._parts)
        if self._is_writing or self._has_rest:  # an answer before the whole request was written
            self.is_open = False
        if self._status_only:
            self._answer.set_result(Answer(self._status, headers, b""))
            return
        try:
            if self._size > self._max_bytes:
                raise ValueError(f"the answer is longer than {self._max_bytes} bytes")  # noqa: TRY301
            if encoding := headers.get("content-encoding"):
                content = decoded(content, encoding.strip().lower(), self._max_bytes)
        except ValueError as error:
            self._fail(str(error))
            return
        self._answer.set_result(Answer(self._status, headers, content))

    def _take_rest(self) -> None:
        if not self.is_open or self._limit_passed:
            self.abort()
        elif self._is_whole and self._on_drained is not None:
            self._on_drained()

    def _fail(self, detail: str, *, is_lost: bool = False, cause: Exception | None = None) -> None:
        if self._answer is not None and not self._answer.done():
            failure = self.failure(detail)
            if is_lost and self._sent > 1 and not self._received:
                failure = IdleConnectionLostError(failure.phase, detail)
            failure.__cause__ = cause
            self._answer.set_exception(failure)
        if self.is_open:
            self.abort()

    def _has_length(self) -> bool:
        return any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self._headers)
