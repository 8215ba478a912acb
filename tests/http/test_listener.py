"""The HTTP listeners over real sockets: cases in which Hypercorn alone would hang or leak."""

import asyncio
import gc
import socket
import stat
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from anyio.abc import ByteStream
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from tests.support.event_loops import both_event_loops
from tests.support.patience import PATIENCE_S
from wacrmd.config import Bind
from wacrmd.errors import AddressInUseError, ConfigError
from wacrmd.http.body import read_body
from wacrmd.http.capacity import Capacity
from wacrmd.http.middleware import RequestMiddleware
from wacrmd.http.server import serve
from wacrmd.http.sockets import Listener

pytestmark = pytest.mark.anyio

LOCAL = Bind.parse("127.0.0.1:0")
LIMIT = 2_000_000
ROOM = Capacity.of(LIMIT, 65_536)


class Unlistening(StreamingResponse):
    """A streaming response that does not check whether the client has disconnected."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.stream_response(send)


class Behaviours:
    """An app with every kind of behaviour that the listener must handle."""

    def __init__(self) -> None:
        self.entered = anyio.Event()
        self.release = anyio.Event()
        self.left: list[str] = []
        self.body_deadline_s = PATIENCE_S
        routes = [
            Route("/", self.hello),
            Route("/body", self.body, methods=["POST"]),
            Route("/unread", self.unread, methods=["POST"]),
            Route("/torn", self.torn, methods=["POST"]),
            Route("/held", self.held),
            Route("/stream", self.stream),
            Route("/flood", self.flood),
            Route("/crash", self.crash),
        ]
        self.asgi = Starlette(routes=routes, middleware=[Middleware(RequestMiddleware)])

    async def hello(self, request: Request) -> Response:
        return PlainTextResponse("hello")

    async def body(self, request: Request) -> Response:
        body = await read_body(request.scope, request.receive, limit=LIMIT, deadline_s=self.body_deadline_s)
        return PlainTextResponse(str(len(body.raw)))

    async def unread(self, request: Request) -> Response:
        return PlainTextResponse("no", 401)

    async def torn(self, request: Request) -> Response:
        async def half() -> AsyncIterator[str]:
            yield "half"
            await anyio.sleep(0.1)  # until the body has filled all buffers
            raise ZeroDivisionError

        return Unlistening(half())

    async def held(self, request: Request) -> Response:
        self.entered.set()
        try:
            await self.release.wait()
        finally:
            self.left.append("held")
        return PlainTextResponse("done")

    async def stream(self, request: Request) -> Response:
        async def events() -> AsyncIterator[str]:
            yield ": hello\n\n"
            self.entered.set()
            try:
                await anyio.sleep_forever()
            finally:
                self.left.append("stream")

        return StreamingResponse(events(), media_type="text/event-stream")

    async def flood(self, request: Request) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            self.entered.set()
            while True:
                yield b"x" * 65536

        return StreamingResponse(chunks())

    async def crash(self, request: Request) -> Response:
        raise ZeroDivisionError


@pytest.fixture
def app() -> Behaviours:
    return Behaviours()


@asynccontextmanager
async def serving(
    app: Behaviours, bind: Bind = LOCAL, drain_s: float = 3600, capacity: Capacity | None = None
) -> AsyncIterator[Listener]:
    """A serving listener; on exit it is stopped, within a time limit."""
    listener, shutdown = Listener.open(bind, "[api] bind"), anyio.Event()
    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as tasks:
            await tasks.start(
                partial(
                    serve,
                    listener,
                    app.asgi,
                    shutdown=shutdown,
                    drain_s=drain_s,
                    capacity=capacity or ROOM,
                )
            )
            try:
                yield listener
            finally:
                shutdown.set()


@asynccontextmanager
async def calling(listener: Listener) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{listener.address}", timeout=PATIENCE_S) as client:
        yield client


def port_of(listener: Listener) -> int:
    return int(listener.address.rpartition(":")[2])


async def raw(listener: Listener, sent: bytes) -> ByteStream:
    stream = await anyio.connect_tcp("127.0.0.1", port_of(listener))
    await stream.send(sent)
    return stream


async def rest(stream: ByteStream) -> bytes:
    """All bytes until the server closes."""
    received = b""
    with anyio.fail_after(PATIENCE_S):
        try:
            while True:
                received += await stream.receive()
        except anyio.EndOfStream:
            return received


async def answer_to(listener: Listener, sent: bytes) -> bytes:
    """All bytes that come back on a connection of its own, until the server closes it."""
    stream = await raw(listener, sent)
    answer = await rest(stream)
    await stream.aclose()
    return answer


async def test_port_0_becomes_a_real_port_and_connections_are_kept_alive(app: Behaviours) -> None:
    async with serving(app) as listener, calling(listener) as client:
        assert port_of(listener)
        first, second = await client.get("/"), await client.get("/")
        assert first.text == second.text == "hello"
        assert first.extensions["network_stream"] is not None
        pool = client._transport._pool  # type: ignore[attr-defined]
        assert len(pool.connections) == 1
        assert "server" not in first.headers


async def test_a_crash_is_a_500_with_the_request_id_and_the_connection_stays_open(app: Behaviours) -> None:
    with capture_logs() as events:
        async with serving(app) as listener, calling(listener) as client:
            answer = await client.get("/crash", headers={"X-Request-Id": "abc"})
            assert answer.status_code == 500
            assert answer.headers["x-request-id"] == "abc"
            assert answer.json()["error"]["code"] == "internal"
            assert (await client.get("/")).status_code == 200
    assert [e["event"] for e in events] == ["request_crashed"]


async def test_every_answer_carries_a_request_id(app: Behaviours) -> None:
    async with serving(app) as listener, calling(listener) as client:
        for path, status in (("/", 200), ("/nowhere", 404), ("/body", 405)):
            answer = await client.get(path)
            assert (answer.status_code, len(answer.headers["x-request-id"])) == (status, 32)


async def test_a_slow_body_is_refused(app: Behaviours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wacrmd.http.request_tracker.LINGER_S", 0.1)
    app.body_deadline_s = 0.2
    async with serving(app) as listener:
        answer = await answer_to(
            listener, b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n12345"
        )
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"did not arrive within 0.2 s: 5 bytes came" in answer


async def test_a_body_whose_declared_length_is_too_large_gets_413(app: Behaviours) -> None:
    async with serving(app) as listener, calling(listener) as client:
        answer = await client.post("/body", content=b"x" * (LIMIT + 1))
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "payload_too_large"
        assert (await client.post("/body", content=b"x" * LIMIT)).text == str(LIMIT)


async def test_a_chunked_body_that_is_too_large_gets_413(app: Behaviours) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 50_000

    async with serving(app) as listener, calling(listener) as client:
        answer = await client.post("/body", content=chunks())
        assert answer.status_code == 413


async def test_an_unread_body_does_not_delay_the_answer(app: Behaviours) -> None:
    async with serving(app) as listener, calling(listener) as client:
        with anyio.fail_after(PATIENCE_S):
            answer = await client.post("/unread", content=b"x" * 5_000_000)
            assert answer.status_code == 401
            assert (await client.get("/")).status_code == 200


async def test_the_connection_of_a_body_that_never_ends_is_closed(
    app: Behaviours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wacrmd.http.request_tracker.LINGER_S", 0.1)
    async with serving(app) as listener:
        stream = await raw(
            listener, b"POST /unread HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        with pytest.raises(anyio.BrokenResourceError):
            while True:
                await stream.send(chunk)
        await stream.aclose()


async def test_the_connection_of_an_answer_that_broke_off_is_closed(app: Behaviours) -> None:
    async with serving(app) as listener, calling(listener) as client:
        with capture_logs(), pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await client.post("/torn", content=b"x" * 5_000_000)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_an_answer_that_broke_off_does_not_look_whole(app: Behaviours, version: str) -> None:
    """In HTTP/1.0 the end of the connection is the end of the answer, so that one is reset."""
    async with serving(app) as listener:
        stream = await raw(
            listener, f"POST /torn HTTP/{version}\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode()
        )
        with capture_logs():
            if version == "1.0":
                with pytest.raises(anyio.BrokenResourceError):
                    await rest(stream)
            else:
                answer = await rest(stream)
                assert answer.endswith(b"4\r\nhalf\r\n")
        await stream.aclose()


async def test_a_running_request_is_finished_before_the_exit(app: Behaviours) -> None:
    answers: list[httpx.Response] = []
    async with anyio.create_task_group() as tasks, serving(app) as listener:

        async def call() -> None:
            async with calling(listener) as client:
                answers.append(await client.get("/held"))

        tasks.start_soon(call)
        await app.entered.wait()

        async def release_when_closed() -> None:
            assert port_of(listener) is not None
            with anyio.fail_after(PATIENCE_S):
                while await accepts(port_of(listener)):
                    await anyio.lowlevel.checkpoint()
            app.release.set()

        tasks.start_soon(release_when_closed)
    assert [(answer.text, answer.headers["connection"]) for answer in answers] == [("done", "close")]


async def accepts(port: int) -> bool:
    try:
        await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
    except OSError:
        return False
    return True


async def test_an_open_stream_does_not_delay_the_exit(app: Behaviours) -> None:
    with capture_logs() as events:
        async with serving(app, drain_s=0.1) as listener:
            stream = await raw(listener, b"GET /stream HTTP/1.1\r\nhost: a\r\n\r\n")
            await app.entered.wait()
        assert b": hello" in await rest(stream)
        await stream.aclose()
    assert app.left == ["stream"]
    assert [(e["event"], e["requests"]) for e in events] == [("requests_cancelled", 1)]


async def test_a_request_that_outlasts_the_drain_is_answered_503(app: Behaviours) -> None:
    async with serving(app, drain_s=0.1) as listener:
        stream = await raw(listener, b"GET /held HTTP/1.1\r\nhost: a\r\nx-request-id: abc\r\n\r\n")
        await app.entered.wait()
    answer = await rest(stream)
    await stream.aclose()
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 5" in answer
    assert b"x-request-id: abc" in answer
    assert app.left == ["held"]


async def test_a_client_that_does_not_read_does_not_delay_the_exit(
    app: Behaviours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wacrmd.http.server.CANCEL_GRACE_S", 0.2)
    async with serving(app, drain_s=0.1) as listener:
        stream = await raw(listener, b"GET /flood HTTP/1.1\r\nhost: a\r\n\r\n")
        await app.entered.wait()
    await stream.aclose()


async def test_idle_connections_do_not_delay_the_exit(app: Behaviours) -> None:
    async with serving(app, drain_s=3600) as listener, calling(listener) as client:
        await client.get("/")
        silent = await raw(listener, b"")
    await silent.aclose()


async def test_an_address_in_use_is_reported_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(AddressInUseError, match=rf"127\.0\.0\.1:{port} is in use.*\[api\] bind"):
            Listener.open(Bind.parse(f"127.0.0.1:{port}"), "[api] bind")


async def test_two_listeners_cannot_share_an_address_before_they_serve() -> None:
    first = Listener.open(LOCAL, "[api] bind")
    with pytest.raises(AddressInUseError):
        Listener.open(Bind.parse(first.address), "[webhooks] bind")
    first.close()


async def test_an_address_of_another_machine_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match=r"\[api\] bind: expected an address.*192\.0\.2\.1:8080"):
        Listener.open(Bind.parse("192.0.2.1:8080"), "[api] bind")


async def test_localhost_can_be_listened_on() -> None:
    listener = Listener.open(Bind.parse("localhost:0"), "[api] bind")
    assert listener.address == f"localhost:{listener.socket.getsockname()[1]}"
    listener.close()


def unix(path: Path) -> Bind:
    return Bind.parse(f"unix:{path}")


async def test_a_unix_socket_is_served_and_removed_with_the_listener(app: Behaviours, tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    async with serving(app, unix(path)) as listener:
        assert listener.address == f"unix:{path}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with httpx.AsyncClient(transport=transport, base_url="http://wacrmd") as client:
            assert (await client.get("/")).text == "hello"
    assert not path.exists()


async def test_a_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    Listener.open(unix(path), "[api] bind").close()
    assert not path.exists()


async def test_a_unix_socket_in_use_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(path))
        live.listen(1)
        with pytest.raises(AddressInUseError, match=r"api\.sock is in use"):
            Listener.open(unix(path), "[api] bind")
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(path))


async def test_a_file_that_is_no_socket_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="a file that is no socket"):
        Listener.open(unix(path), "[api] bind")
    assert path.read_text() == "precious"


async def test_closing_does_not_remove_the_socket_of_another_listener(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    first = Listener.open(unix(path), "[api] bind")
    path.unlink()
    second = Listener.open(unix(path), "[api] bind")
    first.close()
    assert path.exists()
    second.close()
    assert not path.exists()


async def test_a_unix_socket_has_the_mode_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    listener = Listener.open(unix(path), "[admin] socket", mode=0o600)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    listener.close()


async def test_a_unix_socket_with_a_full_backlog_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))
        with pytest.raises(AddressInUseError):
            Listener.open(unix(path), "[admin] socket")
        assert path.exists()


async def test_a_unix_socket_in_a_missing_directory_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[admin\] socket: .*missing does not exist; create it"):
        Listener.open(unix(tmp_path / "missing" / "admin.sock"), "[admin] socket")


async def test_an_inherited_descriptor_is_served(app: Behaviours) -> None:
    inherited = socket.create_server(("127.0.0.1", 0))
    port = inherited.getsockname()[1]
    async with serving(app, Bind.parse(f"fd://{inherited.detach()}")) as listener:
        assert port_of(listener) == port
        async with calling(listener) as client:
            assert (await client.get("/")).text == "hello"


async def test_a_descriptor_that_does_not_listen_is_a_configuration_error() -> None:
    with socket.socket() as idle:
        with pytest.raises(ConfigError, match="no listening stream socket"):
            Listener.open(Bind.parse(f"fd://{idle.fileno()}"), "[api] bind")
        assert idle.fileno() >= 0
    with pytest.raises(ConfigError, match="Bad file descriptor"):
        Listener.open(Bind.parse("fd://999"), "[api] bind")


async def test_http_2_in_clear_text_is_not_spoken(app: Behaviours) -> None:
    async with serving(app) as listener:
        answer = await answer_to(listener, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        assert answer.startswith(b"HTTP/1.1 4")
        upgrade = (
            b"GET / HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\nconnection: upgrade, http2-settings, close\r\n"
            b"http2-settings: AAMAAABkAAQAAP__\r\n\r\n"
        )
        answer = await answer_to(listener, upgrade)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"hello")


async def test_an_idle_connection_is_closed_and_one_with_a_request_is_not(
    app: Behaviours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wacrmd.http.server.KEEP_ALIVE_S", 0.05)
    async with serving(app) as listener:
        assert await answer_to(listener, b"") == b""
        stream = await raw(listener, b"GET /held HTTP/1.1\r\nhost: a\r\n\r\n")
        await app.entered.wait()
        await anyio.sleep(0.2)  # longer than a connection may be idle
        app.release.set()
        answer = await rest(stream)
        await stream.aclose()
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"done")


async def test_pipelined_requests_are_answered_in_their_order(app: Behaviours) -> None:
    async with serving(app) as listener:
        requests = b"".join(
            b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n%b" % (size, b"x" * size)
            for size in (1, 22, 333)
        )
        answer = await answer_to(
            listener, requests + b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        )
    bodies = [part.partition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 200")[1:]]
    assert bodies == [b"1", b"22", b"333", b"hello"]


async def test_what_follows_the_last_request_does_not_change_its_answer(app: Behaviours) -> None:
    """The request is carried out. Old clients send an empty line after a body."""
    last = b"POST /body HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc"
    old = b"POST /body HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: 3\r\n\r\nabc"
    async with serving(app) as listener:
        for sent in (last, old):
            for more in (b"\r\n", b"\0" * 1000, last):
                answer = await answer_to(listener, sent + more)
                assert answer.startswith(b"HTTP/1.1 200 "), answer
                assert answer.endswith(b"\r\n\r\n3"), answer
        held = b"GET /held HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        stream = await raw(listener, held)
        await app.entered.wait()
        await stream.send(last)
        app.release.set()
        assert (await rest(stream)).endswith(b"done")
        await stream.aclose()


async def test_a_request_for_a_websocket_is_an_ordinary_request(app: Behaviours) -> None:
    async with serving(app) as listener:
        upgrade = (
            b"GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade, close\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        answer = await answer_to(listener, upgrade)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"hello")
    assert b"\r\ndate: " in answer


@pytest.mark.parametrize("cancelled", [True, False])
async def test_connections_that_were_just_accepted_are_closed_at_the_end(cancelled: bool) -> None:
    """With asyncio's own loop; an unclosed transport is a ResourceWarning, which fails the test."""
    for steps in range(12):
        listener, shutdown = Listener.open(LOCAL, "here"), anyio.Event()
        port = port_of(listener)
        clients = [socket.socket() for _ in range(5)]
        async with anyio.create_task_group() as tasks:
            await tasks.start(
                partial(serve, listener, Behaviours().asgi, shutdown=shutdown, drain_s=1, capacity=ROOM)
            )
            for client in clients:
                client.connect(("127.0.0.1", port))
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            if cancelled:
                tasks.cancel_scope.cancel()
            shutdown.set()
        for client in clients:
            client.close()
    gc.collect()


async def test_a_client_that_resets_its_connection_before_it_is_served_is_no_error(app: Behaviours) -> None:
    """Such as a scan of ports: the socket has no address of a peer any more."""
    errors = list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    async with serving(app) as listener, calling(listener) as other:
        for _ in range(5):
            with socket.socket() as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.connect(("127.0.0.1", port_of(listener)))
        assert (await other.get("/")).text == "hello"
    assert errors == []


LEAVING = """
import socket, sys
for _ in range(100):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
        client.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
        client.recv(300)
"""
"""A client of bad requests that leaves as soon as it is answered. In a process of its own it often comes first."""


@both_event_loops
async def test_a_client_that_leaves_after_a_bad_request_is_no_error() -> None:
    """The listener still says that nothing more comes, on a socket that is not connected any more."""
    errors = list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    app = Behaviours()
    async with serving(app) as listener, calling(listener) as other:
        await anyio.run_process([sys.executable, "-c", LEAVING, str(port_of(listener))])
        assert (await other.get("/")).text == "hello"
    assert errors == []
