"""HTTP to Meta that knows how far a request got: an httpx transport over an aiohttp session.

httpx's own connection pool costs sixty times the CPU at a hundred requests in flight (docs/adr/0003-http-transport.md).
aiohttp's exceptions do not show whether a request may have been sent. So the phase is recorded here: the connector
sets it when it starts to connect and when it has a connection. A failure is `NotSentError` only while waiting for a
free connection or connecting; every other failure, also an unforeseen one, is `OutcomeUnknownError`.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import NamedTuple

import aiohttp
import httpx
from aiohttp import hdrs
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from wacrmd.errors import describe
from wacrmd.meta.outcome import Phase

KEEPALIVE_S = 4.0
"""How long an idle connection is kept: less than the 5 s after which many servers close it.

A request on a connection that Meta closes at that moment has an unknown outcome. A broadcast uses its connections
again within milliseconds, so a longer time would gain little.
"""

DNS_CACHE_S = 30
"""How long an address from DNS is used; Meta's own records live for a minute."""

MAX_ANSWER_BYTES = 1 << 20
"""A longer answer is not read to its end; Meta's answers to sends have some hundred bytes."""

MAX_HEADER_BYTES = 64 << 10
"""Room for one long header: an answer that cannot be parsed leaves a message with an unknown outcome."""


class RequestFailedError(httpx.TransportError):
    """A request failed; `phase` says how far it got, `detail` what happened."""

    def __init__(self, phase: Phase, detail: str) -> None:
        super().__init__(f"{detail} ({phase})")
        self.phase = phase
        self.detail = detail


class NotSentError(RequestFailedError):
    """No byte of the request was sent: sending it again is safe."""


class OutcomeUnknownError(RequestFailedError):
    """Bytes of the request may have been sent: the peer may have acted on it."""


class Timeouts(NamedTuple):
    """Seconds for a free connection, for connecting (DNS, TCP, TLS), and from then to the answer's last byte."""

    pool_s: float | None
    connect_s: float | None
    read_s: float | None


class Answer(NamedTuple):
    """A whole answer; `headers` finds names in any case."""

    status: int
    headers: Mapping[str, str]
    raw_headers: Sequence[tuple[bytes, bytes]]
    content: bytes


class _Exchange:
    """How far one request has got, and the deadline of its phase."""

    __slots__ = ("connecting", "deadline", "phase", "timeouts")

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self.phase = Phase.POOL
        self.connecting = False
        self.deadline = asyncio.timeout(timeouts.pool_s)

    def enter(self, phase: Phase, timeout_s: float | None) -> None:
        """Enter `phase` with its own deadline; raises CancelledError if the previous deadline has just passed."""
        if self.deadline.expired():
            raise asyncio.CancelledError
        self.deadline.reschedule(None if timeout_s is None else asyncio.get_running_loop().time() + timeout_s)
        self.phase = phase

    def failure(self, detail: str) -> RequestFailedError:
        """The exception for a failure in the present phase."""
        return (NotSentError if self.phase in _NOT_SENT else OutcomeUnknownError)(self.phase, detail)

    def timeout(self) -> RequestFailedError:
        """The exception for a deadline that has passed."""
        match self.phase:
            case Phase.POOL:
                return self.failure(f"no free connection within {self.timeouts.pool_s} s")
            case Phase.CONNECT:
                return self.failure(f"no connection within {self.timeouts.connect_s} s")
        return self.failure(f"no answer within {self.timeouts.read_s} s")


_NOT_SENT = frozenset({Phase.POOL, Phase.RESOLVE, Phase.CONNECT, Phase.TLS})

_exchange: ContextVar[_Exchange] = ContextVar("exchange")


class _Connector(aiohttp.TCPConnector):
    """Sets the phase when connecting starts and ends, and gives one connection to each POST.

    The latter makes sure that aiohttp cannot repeat a POST by itself; it may repeat a GET once.
    """

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> Connection:
        exchange = _exchange.get()
        if exchange.connecting:
            if req.method == hdrs.METH_POST:
                raise exchange.failure("the HTTP library wanted to send the request again")
            return await super().connect(req, traces, timeout)
        exchange.connecting = True
        exchange.enter(Phase.CONNECT, exchange.timeouts.connect_s)
        try:
            connection = await self._idle_connection(req, traces, timeout)
        except aiohttp.ClientConnectorDNSError:
            exchange.phase = Phase.RESOLVE
            raise
        except aiohttp.ClientSSLError:
            exchange.phase = Phase.TLS
            raise
        try:
            exchange.enter(Phase.WRITE if req.body else Phase.READ, exchange.timeouts.read_s)
        except asyncio.CancelledError:
            connection.close()
            raise
        return connection

    async def _idle_connection(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> Connection:
        """A connection without unread bytes, which would be read as the answer to this request."""
        while True:
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()


class _Body(aiohttp.BytesPayload):
    """A request's body; sets the phase to READ when its last byte has been written to the socket."""

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        await super().write_with_length(writer, content_length)
        exchange = _exchange.get()
        if exchange.phase is Phase.WRITE:
            exchange.phase = Phase.READ


class Transport(httpx.AsyncBaseTransport):
    """An httpx transport over one aiohttp session: no redirects, no cookies, no retries, whole answers.

    It uses the timeouts `pool`, `connect` and `read` that httpx puts into a request; `read` is for all from the
    connection to the answer's last byte. Raises NotSentError and OutcomeUnknownError. Proxies from the
    environment are used only with `trust_env`.
    """

    def __init__(
        self, *, max_connections: int, ssl_context: ssl.SSLContext | None = None, trust_env: bool = False
    ) -> None:
        self._free_connections = asyncio.Semaphore(max_connections)
        self._ssl_context = ssl_context or httpx.create_ssl_context()
        self._trust_env = trust_env
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` once and read the whole answer."""
        given = request.extensions.get("timeout", {})
        timeouts = Timeouts(given.get("pool"), given.get("connect"), given.get("read"))
        body = await request.aread()
        answer = await self.exchange(request.method, str(request.url), request.headers, body, timeouts)
        headers = [pair for pair in answer.raw_headers if pair[0].lower() not in _ENCODING_HEADERS]
        return httpx.Response(answer.status, headers=headers, content=answer.content)

    async def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> Answer:
        """Send one request as `handle_async_request` does, without httpx's objects: a fifth of a message's CPU."""
        exchange = _Exchange(timeouts)
        _exchange.set(exchange)
        try:
            async with exchange.deadline, self._free_connections:
                return await self._send(exchange, method, url, headers, body)
        except RequestFailedError:
            raise
        except TimeoutError as error:
            raise exchange.timeout() from error
        except Exception as error:
            raise exchange.failure(describe(error)) from error

    async def _send(
        self, exchange: _Exchange, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        if self._closed:
            raise exchange.failure("the client is closed")
        session = self._session or self._open()
        exchange.phase = Phase.WRITE  # until the connector sets another one
        answer = await session.request(
            method, url, headers=headers, data=_Body(body) if body else None, allow_redirects=False
        )
        exchange.phase = Phase.ANSWER
        try:
            content = await _content(exchange, answer)
        except BaseException:
            answer.close()
            raise
        answer.release()
        return Answer(answer.status, answer.headers, answer.raw_headers, content)

    def _open(self) -> aiohttp.ClientSession:
        connector = _Connector(
            limit=0,  # the semaphore limits it
            ssl=self._ssl_context,
            keepalive_timeout=KEEPALIVE_S,
            ttl_dns_cache=DNS_CACHE_S,
            resolver=aiohttp.ThreadedResolver(),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
            trust_env=self._trust_env,
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
        )
        return self._session

    async def aclose(self) -> None:
        """Close all connections. Requests in flight fail with an unknown outcome; later ones are not sent."""
        self._closed = True
        if self._session is not None:
            await self._session.close()


_ENCODING_HEADERS = frozenset({b"content-encoding", b"transfer-encoding", b"content-length"})
"""Headers that describe the body as it was transferred; here it is decoded already."""


async def _content(exchange: _Exchange, answer: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise exchange.failure(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)
