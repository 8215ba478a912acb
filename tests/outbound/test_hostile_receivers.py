"""Receivers that mean harm: they get bounded bytes and time, stall nobody, and learn nothing of the network."""

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import pytest

from tests.meta.peer import Talk, peer, reset_on_close
from tests.support.certificates import certificate, server_tls
from tests.support.event_loops import both_event_loops
from tests.support.patience import PATIENCE_S
from tests.support.receiver import receiver
from wacrmd.http.address_policy import AddressPolicy
from wacrmd.outbound.client import DeliveryResult, WebhookClient

pytestmark = [pytest.mark.anyio, both_event_loops, pytest.mark.exhaustive(only=True)]

MAX_SENT = 1 << 20
"""Bytes that a receiver may get rid of: what wacrmd reads, and what the buffers of the kernel take besides."""

MAX_HELD_S = 0.5
"""CPU time of the loop's thread between two looks at its timers; it was two seconds for twenty receivers."""

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
FLOODS = {
    "100 Continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "103 Early Hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
    "status 000": (b"", b"HTTP/1.1 000 x\r\n\r\n"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"a:\r\n"),
    "one header": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "a reason": (b"HTTP/1.1 200 ", b"x"),
    "folded lines": (b"HTTP/1.1 200 OK\r\nX: y\r\n", b" z\r\n"),
    "empty lines": (b"", b"\r\n"),
    "chunks": (CHUNKED, b"1\r\nx\r\n"),
    "a chunk extension": (CHUNKED + b"1;", b"x"),
    "zeros of a chunk size": (CHUNKED, b"0"),
    "trailers": (CHUNKED + b"0\r\n", b"a: b\r\n"),
    "content": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"x"),
    "content without length": (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    "a bomb": (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08", b"\0"),
    "answers": (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "no HTTP": (b"", b"\x00\xff"),
    "an upgrade": (b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", b"x"),
}


class Flood:
    """Sends `head` and then `part` without an end, on a thread for each connection."""

    def __init__(self, head: bytes, part: bytes) -> None:
        self._head = head
        self._parts = part * ((256 << 10) // len(part))
        self.sent: list[int] = []
        """The bytes that each connection took until it was closed."""

    def serve(self, connection: socket.socket) -> None:
        sent = 0
        with contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(self._head)
            while sent < 64 * MAX_SENT:
                sent += connection.send(self._parts)
        self.sent.append(sent)


@contextmanager
def threaded(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a server that runs `serve` on a thread for each connection."""
    threads: list[threading.Thread] = []

    def run(connection: socket.socket) -> None:
        with connection:
            serve(connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=run, args=(connection,)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        listener.setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10
        )  # what a closed connection may have taken
        accepting = threading.Thread(target=accept)
        accepting.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    accepting.join()
    for each in threads:
        each.join()


@asynccontextmanager
async def caller(*allowed: str) -> AsyncIterator[WebhookClient]:
    client = WebhookClient(lambda: AddressPolicy(allowed or ("127.0.0.0/8", "localhost")))
    try:
        yield client
    finally:
        await client.aclose()


async def post(client: WebhookClient, url: str, timeout_s: float = PATIENCE_S) -> DeliveryResult:
    return await client.post(url, {}, b"{}", timeout_s)


@asynccontextmanager
async def held() -> AsyncIterator[list[float]]:
    """The CPU times for which the loop was held, in seconds."""
    times = [0.0]

    async def watch() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.01)
            times.append(time.thread_time() - before)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        yield times
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_is_cut_off(kind: str) -> None:
    flood = Flood(*FLOODS[kind])
    with threaded(flood.serve) as port:
        async with caller() as client:
            result = await post(client, f"http://127.0.0.1:{port}/")
            assert result.status in (200, None)
            assert result.succeeded is (result.status == 200)
            with anyio.fail_after(PATIENCE_S):
                while not flood.sent:  # noqa: ASYNC110 - another thread sets it
                    await anyio.sleep(0.01)
    assert max(flood.sent) < MAX_SENT


async def test_twenty_floods_hold_up_nobody() -> None:
    """The trailers are the dearest of all: the parser calls back for each, after the answer has counted already."""
    flood = Flood(*FLOODS["trailers"])
    with threaded(flood.serve) as port:
        async with receiver() as app, caller() as client, held() as times, anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(post, client, f"http://127.0.0.1:{port}/")
            for _ in range(20):
                assert (await post(client, app.url)).succeeded
            await asyncio.sleep(0.5)
    assert max(times) < MAX_HELD_S


@pytest.mark.parametrize("step", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["bytes", "100 Continue"])
async def test_slow_bytes_take_no_longer_than_no_bytes(step: bytes) -> None:
    async def drip(talk: Talk) -> None:
        await talk.head()
        await talk.write(b"" if step.endswith(b"\n") else b"HTTP/1.1 200 ")
        while True:
            await talk.write(step)
            await asyncio.sleep(0.02)

    async with peer(drip) as seen, caller() as client:
        result = await post(client, seen.url, 0.5)
    assert result.error == "no answer within 0.5 s"
    assert result.duration_s < PATIENCE_S / 2


async def test_what_tls_swallows_is_counted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Session tickets never reach the parser of answers: without a limit they hold the loop until the deadline."""
    pem = certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    tls = server_tls(pem)
    tls.num_tickets = 5_000

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), tls.wrap_socket(connection, server_side=True) as secure:
            while secure.recv(65536):
                pass

    with threaded(serve) as port:
        async with caller() as client:
            result = await post(client, f"https://localhost:{port}/")
    assert result.error == "the server sends too much that is no answer"


async def test_a_handshake_that_never_ends_is_cut_off() -> None:
    """HelloRequests of TLS 1.2: a client ignores them during a handshake, as many as there are."""
    hello_requests = Flood(b"", b"\x16\x03\x03\x00\x04\x00\x00\x00\x00")
    with threaded(hello_requests.serve) as port:
        async with caller() as client:
            result = await post(client, f"https://localhost:{port}/")
    assert (result.status, result.succeeded) == (None, False)
    assert max(hello_requests.sent) < 32 * MAX_SENT  # what is swallowed is looked at ten times a second


def offered(hello: bytes) -> tuple[list[int], list[int]]:
    """The cipher suites and the groups of a ClientHello (RFC 8446, section 4.1.2), in a single record."""

    def numbers(data: bytes) -> list[int]:
        return [int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2)]

    rest = hello[5 + 4 + 2 + 32 :]  # after the record's head, the message's, the version and the random bytes
    rest = rest[1 + rest[0] :]
    suites, rest = rest[2 : 2 + int.from_bytes(rest[:2])], rest[2 + int.from_bytes(rest[:2]) :]
    rest = rest[1 + rest[0] + 2 :]
    while rest:
        kind, size = numbers(rest[:4])
        if kind == 10:  # supported_groups
            return numbers(suites), numbers(rest[6 : 4 + size])
        rest = rest[4 + size :]
    return numbers(suites), []


async def test_no_server_can_ask_for_a_key_exchange_that_takes_long() -> None:
    """Primes of the server's own held the loop for 0.8 s in each handshake, and ffdhe8192 for 0.13 s."""
    hellos: list[bytes] = []
    with threaded(lambda connection: hellos.append(connection.recv(65536))) as port:
        async with caller() as client:
            await post(client, f"https://localhost:{port}/")
    suites, groups = offered(hellos[0])
    dhe = {0x33, 0x39, 0x67, 0x6B, 0x9E, 0x9F, 0xCCAA}
    assert 0xC02F in suites  # the parser of this test is right
    assert not dhe & set(suites)
    assert groups == [23]  # P-256, which every server of TLS 1.3 has


BANNERS = {
    "SSH": b"SSH-2.0-OpenSSH_9.6p1 db.corp.internal\r\n",
    "SMTP": b"220 mail.corp.internal ESMTP\r\n",
    "HTTP/0.9": b"<html>corp.internal</html>",
    "a broken status": b"HTTP/1.1 corp.internal OK\r\n\r\n",
    "a broken header": b"HTTP/1.1 200 OK\r\ncorp.internal\r\n\r\n",
    "an upgrade": b"HTTP/1.1 101 corp.internal\r\nConnection: upgrade\r\nUpgrade: corp.internal\r\n\r\n",
    "a redirect": b"HTTP/1.1 302 corp.internal\r\nLocation: http://corp.internal/\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", BANNERS)
async def test_an_error_has_no_text_of_the_other_side(kind: str, scheme: str) -> None:
    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(BANNERS[kind])

    with threaded(serve) as port:
        async with caller() as client:
            result = await post(client, f"{scheme}://localhost:{port}/")
    assert not result.succeeded
    told = f"{result.error} {result.detail if result.status else ''}".lower()
    assert "corp" not in told
    if scheme == "https":
        assert result.error == "no TLS connection: wrong version number" or "closed" in told
    elif result.status is None:
        assert result.error == "the answer is no HTTP/1.1"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", "the connection broke: Connection reset by peer"),
        (b"HTTP/1.1 20", "the connection broke: Connection reset by peer"),
        (b"HTTP/1.1 404 x\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "HTTP 404"),
    ],
    ids=["nothing", "a part of a head", "no redirect"],
)
async def test_an_error_is_a_sentence(answer: bytes, error: str) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)
        if b"\r\n\r\n" not in answer:
            reset_on_close(connection)

    with threaded(serve) as port:
        async with caller() as client:
            result = await post(client, f"http://localhost:{port}/")
    assert result.error == error


async def test_tls_is_answered_where_nobody_speaks_it(tmp_path: Path) -> None:
    tls = server_tls(certificate(tmp_path, "localhost"))

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError, OSError), tls.wrap_socket(connection, server_side=True):
            pass

    with threaded(serve) as port:
        async with caller() as client:
            result = await post(client, f"http://localhost:{port}/")
    assert not result.succeeded


@pytest.mark.parametrize("port", ["closed", "open"])
async def test_an_error_has_no_address_of_the_network(port: str) -> None:
    """Neither for an allowed name whose server is down, nor for a name that is not allowed; the log has them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
        if port == "closed":
            listener.close()
        async with caller("localhost") as client:
            down = await post(client, f"http://localhost:{number}/", 0.3)
        async with caller("10.0.0.0/8") as client:
            refused = await post(client, f"http://localhost:{number}/")
    assert "127.0.0.1" not in f"{down.error} {refused.error}"
    assert "::1" not in f"{down.error} {refused.error}"
    if port == "closed":
        assert down.error == "no connection: Connection refused"
    assert refused.error == (
        "localhost is not public: an operator can allow it in [outbound_webhooks] allow_private"
    )
    assert "127.0.0.1" in (refused.detail or "") or "::1" in (refused.detail or "")
