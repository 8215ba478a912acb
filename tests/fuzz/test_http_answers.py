"""Servers that answer with anything: Meta behind a proxy, and receivers of outbound webhooks."""

import itertools
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial

import anyio.from_thread
import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.effort import examples
from tests.fuzz.mutations import mutated_bytes
from tests.support.patience import PATIENCE_S
from wacrmd.http_client.client import HttpClient, Timeouts
from wacrmd.http_client.connector import Connector
from wacrmd.http_client.failure import RequestFailedError
from wacrmd.http_client.message import Answer, Origin, RequestHead
from wacrmd.http_client.tls import Tls

MAX_BYTES = 1 << 16
ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nA: b\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
)
TOKENS = (
    b"\r\n",
    b"\n",
    b"\r\n\r\n",
    b"\0",
    b"Content-Length: 9999999999999999999999\r\n",
    b"Content-Length: 1\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"ffffffffffffffffff\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nsmuggled",
    b"X: " + b"y" * 9000 + b"\r\n",
    b"\xff",
)


class Server:
    """Answers the first request after `answer` was set with it, and each other one with its own path."""

    def __init__(self) -> None:
        self.answer: bytes | None = None
        self.closes = True
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connected, _ = self.listener.accept()
                self.connections.append(connected)
                threading.Thread(target=self._talk, args=(connected,), daemon=True).start()

    def _talk(self, connected: socket.socket) -> None:
        received = b""
        with connected, suppress(OSError):
            while piece := connected.recv(65536):
                received += piece
                if b"\r\n\r\n" not in received:
                    continue
                path = received.split(b" ", 2)[1]
                answer, self.answer, received = self.answer, None, b""
                if answer is None:
                    connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(path), path))
                    continue
                connected.sendall(answer)
                if self.closes:
                    return

    def close(self) -> None:
        """Close everything."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for each in self.connections:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@asynccontextmanager
async def client() -> AsyncIterator[HttpClient]:
    made = HttpClient(
        Connector(Tls(ssl.create_default_context)), max_connections=4, max_answer_bytes=MAX_BYTES
    )
    try:
        yield made
    finally:
        await made.aclose()


@contextmanager
def talking() -> Iterator[tuple[BlockingPortal, HttpClient, Server]]:
    server = Server()
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(client()) as made,
    ):
        yield portal, made, server
    server.close()


@pytest.fixture(scope="module")
def talk(authorities: None) -> Iterator[tuple[BlockingPortal, HttpClient, Server]]:
    with talking() as made:
        yield made


_numbers = itertools.count()


def call(
    talk: tuple[BlockingPortal, HttpClient, Server], timeout_s: float, *, status_only: bool
) -> tuple[Answer, bytes]:
    """Send a request; its answer, and the path by which a good one is known."""
    portal, made, server = talk
    path = f"/{next(_numbers)}"
    host, port = server.listener.getsockname()
    head = RequestHead("POST", Origin(tls=False, host=host, port=port), path, [])
    timeouts = Timeouts(PATIENCE_S, PATIENCE_S, timeout_s)
    answer = portal.call(partial(made.exchange, head, b"", timeouts, status_only=status_only))
    return answer, path.encode()


@examples(60)
@given(mutated_bytes(ANSWERS, TOKENS, changes=4) | st.binary(max_size=40), st.booleans(), st.booleans())
def test_any_answer_is_read_or_refused_and_is_no_part_of_the_next_one(
    talk: tuple[BlockingPortal, HttpClient, Server], data: bytes, closes: bool, status_only: bool
) -> None:
    """What a server sends beyond one answer must not be taken for the answer to another request."""
    server = talk[2]
    server.answer, server.closes = data, closes
    with suppress(RequestFailedError):
        answer, _ = call(talk, PATIENCE_S if closes else 0.05, status_only=status_only)
        assert 100 <= answer.status <= 999
        assert len(answer.content) <= MAX_BYTES
    server.answer = None
    for _ in range(2):
        answer, path = call(talk, PATIENCE_S, status_only=False)
        assert (answer.status, answer.content) == (200, path)
