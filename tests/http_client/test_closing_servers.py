"""Servers that close connections without saying so: no request gets an unknown outcome, and none is sent twice."""

import asyncio
import re
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.meta.peer import ACCEPTED, http_answer
from tests.support.event_loops import both_event_loops
from wacrmd.meta.client import MetaClient
from wacrmd.meta.outcome import Accepted

pytestmark = [pytest.mark.anyio, both_event_loops]

IN_FLIGHT = 20


class Closing:
    """A server on threads of its own, which does not wait for the client's event loop.

    It closes a connection after `requests` on it, in the segment of the last answer, or when it was idle for `idle_s`.
    """

    def __init__(self, requests: int | None, idle_s: float | None) -> None:
        self._requests = requests
        self._idle_s = idle_s
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self.bodies: Counter[bytes] = Counter()
        self._threads: list[threading.Thread] = []

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                break
            self.connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _serve(self, connection: socket.socket) -> None:
        served, received = 0, b""
        connection.settimeout(self._idle_s)
        try:
            while served != self._requests:
                if not (part := connection.recv(65536)):
                    break
                received += part
                if whole := re.fullmatch(rb"POST .*?\r\n\r\n(\{\"n\":\d+\})", received, re.DOTALL):
                    self.bodies[whole[1]] += 1
                    served, received = served + 1, b""
                    if served == self._requests:
                        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                    connection.sendall(http_answer(ACCEPTED))
            connection.shutdown(socket.SHUT_WR)
        except OSError:  # it was idle too long, or the client closed it
            pass
        finally:
            connection.close()


@asynccontextmanager
async def closing(requests: int | None, idle_s: float | None) -> AsyncIterator[tuple[Closing, MetaClient]]:
    server = Closing(requests, idle_s)
    thread = threading.Thread(target=server.run)
    thread.start()
    meta = MetaClient(
        f"http://127.0.0.1:{server.port}",
        "v25.0",
        connect_timeout_s=20,
        read_timeout_s=20,
        max_connections=IN_FLIGHT,
    )
    try:
        yield server, meta
    finally:
        await meta.aclose()
        await asyncio.to_thread(server.stop)
        thread.join()


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(("count", "in_flight"), [(300, 1), (1000, IN_FLIGHT)])
@pytest.mark.parametrize("requests", [1, 100])
async def test_a_server_that_closes_after_some_answers(requests: int, count: int, in_flight: int) -> None:
    numbers = iter(range(count))
    outcomes: list[object] = []
    async with closing(requests, None) as (server, meta):

        async def send() -> None:
            for number in numbers:
                outcome = await meta.send("1", "token", b'{"n":%d}' % number)
                outcomes.append(outcome)

        await asyncio.gather(*(send() for _ in range(in_flight)))
    assert Counter(outcomes) == {Accepted("wamid.1"): count}
    assert len(server.bodies) == server.bodies.total() == count
    assert server.connections >= count // requests


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("idle_s", [0.5, 1.0])
async def test_a_server_that_closes_idle_connections(idle_s: float) -> None:
    """Pauses before, at and after the time at which the server closes them."""
    outcomes: list[object] = []
    async with closing(None, idle_s) as (server, meta):
        for pause_s in (0.0, 0.5, 1.5, 0.5, 1.5):
            await asyncio.sleep(pause_s * idle_s)
            burst = [meta.send("1", "token", b'{"n":%d}' % (len(outcomes) + n)) for n in range(IN_FLIGHT)]
            outcomes += await asyncio.gather(*burst)
    assert Counter(outcomes) == {Accepted("wamid.1"): 5 * IN_FLIGHT}
    assert len(server.bodies) == server.bodies.total() == 5 * IN_FLIGHT
