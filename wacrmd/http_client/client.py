"""Sends requests over a pool of connections: each request once, with its phase known when it fails."""

import asyncio
import errno
import socket
from collections import Counter, defaultdict, deque
from functools import partial
from typing import Any, NamedTuple

from wacrmd.errors import describe
from wacrmd.http_client.bytes_received import bytes_received
from wacrmd.http_client.connection import Connection
from wacrmd.http_client.connector import Connector
from wacrmd.http_client.deadlines import Deadlines
from wacrmd.http_client.failure import NotSentError, OutcomeUnknownError, Phase, RequestFailedError
from wacrmd.http_client.message import Answer, LongBody, Origin, RequestHead

KEEPALIVE_S = 3.0
"""How long an idle connection is kept: less than the 4 or 5 s after which many servers close it.

A request on a connection that the server closes at that moment has an unknown outcome. A broadcast uses its
connections again within milliseconds, so a longer time would gain little.
"""

REST_S = 0.001
"""How long a connection rests after an answer: a server that closes it then has mostly done so by that time."""

LONG_REST_S = 0.01
"""How long it rests at a server that lately closed one right after an answer without announcing it."""

RIGHT_AFTER_S = 0.1
CAUTIOUS_S = 60.0
"""How long such a server is remembered."""

DRAIN_S = 1.0
"""How long the rest of an answer is read whose status was enough, so that the connection can be used again."""

MAX_DRAINING = 4
"""How many connections to one server are read on like that; more are closed at once."""

WATCH_S = 0.1
"""How often it is seen to that no server sends more than it may."""

MAX_HANDSHAKE_BYTES = 256 << 10
"""More than the longest chain of certificates that OpenSSL takes."""

_NO_FILES = frozenset({errno.EMFILE, errno.ENFILE})


class Timeouts(NamedTuple):
    """Seconds for a free connection, for connecting (DNS, TCP, TLS), and from then to the answer's last byte.

    With `read_from_start` the last one begins with the request, as the first two do.
    """

    pool_s: float
    connect_s: float
    read_s: float
    read_from_start: bool = False


class HttpClient:
    """Sends at most `max_connections` requests at one time; must be used in one event loop.

    No redirects, no cookies, no proxies, no retries. Raises NotSentError only while a request waits for a free
    connection or connects; every later failure is an OutcomeUnknownError. Deadlines do not count time in which
    this process did not run.
    """

    def __init__(self, connector: Connector, *, max_connections: int, max_answer_bytes: int) -> None:
        self._connector = connector
        self._max_answer_bytes = max_answer_bytes
        self._free = max_connections
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._idle: defaultdict[Origin, deque[tuple[Connection, float]]] = defaultdict(deque)
        self._cautious: dict[Origin, float] = {}
        """Until when connections to an origin rest longer."""
        self._draining: Counter[Origin] = Counter()
        self._connections: set[Connection] = set()
        self._opening: dict[asyncio.Task[None], _Attempt] = {}
        self._deadlines: Deadlines | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._watcher: asyncio.TimerHandle | None = None
        self._all_lost: asyncio.Future[None] | None = None
        self._is_closed = False

    async def exchange(
        self,
        head: RequestHead,
        body: bytes | LongBody,
        timeouts: Timeouts,
        *,
        status_only: bool = False,
        fresh: bool = False,
    ) -> Answer:
        """Send one request and read the whole answer; raises RequestFailedError for every failure.

        With `status_only` the answer comes without content, as soon as its head is here. With `fresh` the request goes
        over a new connection.
        """
        try:
            return await self._exchange(head, body, timeouts, status_only=status_only, fresh=fresh)
        except RequestFailedError:
            raise
        except Exception as error:
            raise OutcomeUnknownError(Phase.WRITE, describe(error)) from error

    async def _exchange(
        self, head: RequestHead, body: bytes | LongBody, timeouts: Timeouts, *, status_only: bool, fresh: bool
    ) -> Answer:
        if self._is_closed:
            raise NotSentError(Phase.POOL, "the client is closed")
        deadlines = self._deadlines or self._start()
        began_s = deadlines.now_s
        if self._free > 0:
            self._free -= 1
        else:
            await self._wait_for_place(deadlines, timeouts.pool_s)
        try:
            connection = None if fresh else await self._idle_connection(head.origin)
            if connection is None:
                connection = await self._connect(head.origin, deadlines, timeouts.connect_s)
            rest = body if isinstance(body, LongBody) else None
            request = head.with_body(body) if isinstance(body, bytes) else head.beginning(b"", body.length)
            answer = connection.send(
                request, self._max_answer_bytes, status_only=status_only, has_rest=rest is not None
            )
            late = f"no answer within {timeouts.read_s:g} s"
            spent_s = deadlines.now_s - began_s if timeouts.read_from_start else 0.0
            deadlines.set(answer, timeouts.read_s - spent_s, partial(connection.failure, late))
            try:
                if rest is not None:
                    await connection.send_rest(rest.parts)
                return await answer
            finally:
                answer.cancel()  # nothing if it is there; without the rest of the request there is none to come
                deadlines.clear(answer)
                self._give_back(head.origin, connection)
        finally:
            self._leave_place()

    async def aclose(self) -> None:
        """Close all connections. Requests in flight fail with an unknown outcome; later ones are not sent."""
        self._is_closed = True
        for place in self._waiting:
            if not place.done():
                place.set_exception(NotSentError(Phase.POOL, "the client is closed"))
        for opening in list(self._opening):
            opening.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        if self._sweep is not None:
            self._sweep.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._connections:
            self._all_lost = asyncio.get_running_loop().create_future()
            for connection in list(self._connections):
                connection.abort()
            await self._all_lost

    def _start(self) -> Deadlines:
        self._deadlines = Deadlines()
        return self._deadlines

    # --- places ------------------------------------------------------------------------------------------------

    async def _wait_for_place(self, deadlines: Deadlines, pool_s: float) -> None:
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        late = f"no free connection within {pool_s:g} s"
        deadlines.set(place, pool_s, partial(NotSentError, Phase.POOL, late))
        try:
            await place
        except asyncio.CancelledError:
            if _has_result(place):  # it was given the place in the same moment
                self._leave_place()
            raise
        finally:
            deadlines.clear(place)

    def _leave_place(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

    # --- connections -------------------------------------------------------------------------------------------

    async def _idle_connection(self, origin: Origin) -> Connection | None:
        """One that the server has not closed."""
        idle = self._idle.get(origin)
        loop = asyncio.get_running_loop()
        while idle:
            connection, since_s = _take(idle, loop.time() - LONG_REST_S)
            rest_s = LONG_REST_S if self._cautious.get(origin, 0.0) > loop.time() else REST_S
            if loop.time() - since_s < rest_s:
                try:
                    await asyncio.sleep(rest_s)
                except asyncio.CancelledError:
                    connection.abort()
                    raise
            idle_s = loop.time() - since_s
            if idle_s < KEEPALIVE_S and connection.is_quiet():
                if self._connector.still_allows(origin, connection):
                    return connection
                connection.abort()
                continue
            connection.abort()
            if idle_s < RIGHT_AFTER_S:
                self._cautious[origin] = loop.time() + CAUTIOUS_S
        return None

    def _give_back(self, origin: Origin, connection: Connection) -> None:
        if not self._is_closed and self._draining[origin] < MAX_DRAINING and self._drain(origin, connection):
            return
        if not connection.is_reusable or self._is_closed:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        self._idle[origin].append((connection, loop.time()))
        if self._sweep is None:
            self._sweep = loop.call_later(KEEPALIVE_S, self._close_old)

    def _drain(self, origin: Origin, connection: Connection) -> bool:
        """Read the rest of an answer before the connection is used again; False if nothing is left to read."""

        def end() -> None:
            self._draining[origin] -= 1
            if not self._draining[origin]:
                del self._draining[origin]

        def drained() -> None:
            timer.cancel()
            end()
            self._give_back(origin, connection)

        def late() -> None:
            end()
            connection.abort()

        if not connection.drain(drained):
            return False
        self._draining[origin] += 1
        # It runs also when the connection ends before: the place is free then at the latest.
        timer = asyncio.get_running_loop().call_later(DRAIN_S, late)
        return True

    def _close_old(self) -> None:
        loop = asyncio.get_running_loop()
        oldest = loop.time() - KEEPALIVE_S
        for origin, idle in list(self._idle.items()):
            while idle and idle[0][1] <= oldest:
                idle.popleft()[0].abort()
            if not idle:
                del self._idle[origin]
        if not self._idle:
            self._cautious = {each: until for each, until in self._cautious.items() if until > loop.time()}
        self._sweep = loop.call_later(KEEPALIVE_S / 4, self._close_old) if self._idle else None

    def _watch(self) -> None:
        """End connections and handshakes whose server sends too much; deadlines bound the time, this bounds the bytes."""
        for connection in list(self._connections):
            connection.end_flood()
        for attempt in self._opening.values():
            attempt.end_flood()
        is_needed = self._connections or self._opening
        self._watcher = asyncio.get_running_loop().call_later(WATCH_S, self._watch) if is_needed else None

    async def _connect(self, origin: Origin, deadlines: Deadlines, connect_s: float) -> Connection:
        if self._is_closed:
            raise NotSentError(Phase.POOL, "the client is closed")
        loop = asyncio.get_running_loop()
        attempt = _Attempt(loop.create_future())
        opening = loop.create_task(self._open(origin, attempt))
        self._opening[opening] = attempt
        opening.add_done_callback(self._opening.pop)
        if self._watcher is None:
            self._watcher = loop.call_later(WATCH_S, self._watch)
        deadlines.set(
            attempt.made, connect_s, partial(attempt.failure, f"no connection within {connect_s:g} s")
        )
        try:
            connection = await attempt.made
        except BaseException:
            opening.cancel()
            attempt.abandon()
            raise
        finally:
            deadlines.clear(attempt.made)
        if not connection.is_open:
            raise NotSentError(Phase.CONNECT, "the server closed the connection before the request")
        return connection

    async def _open(self, origin: Origin, attempt: "_Attempt") -> None:
        try:
            connection = await self._connector.open(origin, attempt.enter, self._lost)
        except asyncio.CancelledError:
            attempt.fail(attempt.failure("the client is closed"))
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was sent
            failure = attempt.failure(describe(error), is_ours=getattr(error, "errno", None) in _NO_FILES)
            failure.__cause__ = error
            attempt.fail(failure)
            return
        if connection.is_open:
            self._connections.add(connection)
        if attempt.made.done():
            connection.abort()
        else:
            attempt.made.set_result(connection)

    def _lost(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if self._all_lost is not None and not self._connections and not self._all_lost.done():
            self._all_lost.set_result(None)


class _Attempt:
    """An attempt to connect: how far it has got, and who waits for it."""

    def __init__(self, made: asyncio.Future[Connection]) -> None:
        self.made = made
        self._phase = Phase.RESOLVE
        self._socket: socket.socket | None = None

    def enter(self, phase: Phase, sock: socket.socket | None) -> None:
        self._phase, self._socket = phase, sock

    def end_flood(self) -> None:
        """Fail if the server has sent more than a handshake has."""
        if self._socket is not None and bytes_received(self._socket) > MAX_HANDSHAKE_BYTES:
            self.fail(self.failure("the server sends too much before the request"))

    def failure(self, detail: str, *, is_ours: bool = False) -> NotSentError:
        """The exception for a failure now; `is_ours`: for want of a connection, which says nothing about the server."""
        return NotSentError(Phase.POOL if is_ours else self._phase, detail)

    def fail(self, failure: NotSentError) -> None:
        if not self.made.done():
            self.made.set_exception(failure)

    def abandon(self) -> None:
        """Close the connection if it was made in the same moment in which its request was cancelled."""
        if _has_result(self.made):
            self.made.result().abort()


def _has_result(future: asyncio.Future[Any]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _take(idle: deque[tuple[Connection, float]], rested_since_s: float) -> tuple[Connection, float]:
    """The connection that was used last, of those that have rested since then; else the one that rested longest.

    So those that are not needed grow old and are closed here. If all were used in turns, they would be idle for as
    long as the server allows, and it would close some while a request is on its way.
    """
    for index in range(len(idle) - 1, -1, -1):
        if idle[index][1] <= rested_since_s:
            found = idle[index]
            del idle[index]
            return found
    return idle.popleft()
