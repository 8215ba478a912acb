"""The HTTP client over real sockets: connections, limits, cancellation, and what it never does."""

import asyncio
import gc
import resource
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.meta.peer import ACCEPTED, Talk, accept_all, hang, peer
from tests.support.certificates import certificate, server_tls
from tests.support.event_loops import both_event_loops
from tests.support.loop_cost import frozen_heap
from tests.support.patience import eventually
from wacrmd.http_client.client import KEEPALIVE_S, LONG_REST_S, HttpClient, Timeouts
from wacrmd.http_client.connection import MAX_HEADER_BYTES
from wacrmd.http_client.connector import Connector, ForbiddenAddressError
from wacrmd.http_client.failure import NotSentError, OutcomeUnknownError, Phase, RequestFailedError
from wacrmd.http_client.message import LongBody, Origin, RequestHead
from wacrmd.http_client.tls import Tls
from wacrmd.meta.transport import Transport, request_head

pytestmark = [pytest.mark.anyio, both_event_loops]

MAX_BYTES = 1000
PATIENT = Timeouts(20.0, 20.0, 20.0)
SHORT = Timeouts(0.3, 0.3, 0.3)


@asynccontextmanager
async def client(
    *, places: int = 10, tls: ssl.SSLContext | None = None, **connector: Any
) -> AsyncIterator[HttpClient]:
    made = HttpClient(
        Connector(Tls(lambda: tls or ssl.create_default_context()), **connector),
        max_connections=places,
        max_answer_bytes=MAX_BYTES,
    )
    try:
        yield made
    finally:
        await made.aclose()


def head(url: str, method: str = "POST") -> RequestHead:
    return request_head(method, f"{url}/x", {"Authorization": "Bearer SECRET"})


def sockets() -> int:
    """The number of open sockets of this process."""
    gc.collect()
    found = 0
    for each in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found += str(each.readlink()).startswith("socket:")
    return found


# --- connections ------------------------------------------------------------------------------------------


async def test_a_tls_connection_is_used_again(tmp_path: Path) -> None:
    """Session tickets that come after the handshake do not count as unread bytes of the server."""
    pem = certificate(tmp_path, "localhost")
    trusting = ssl.create_default_context(cafile=pem)
    async with peer(accept_all, tls=server_tls(pem)) as seen, client(tls=trusting) as http:
        for _ in range(5):
            assert (await http.exchange(head(seen.url), b"{}", PATIENT)).content == ACCEPTED
    assert (seen.connections, seen.posts) == (1, 5)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_without_a_file_descriptor_it_is_this_machine_that_has_no_connection(host: str) -> None:
    """The failure must not be told as one of the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with peer(accept_all) as seen, client() as http:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            with pytest.raises(NotSentError, match="Too many open files") as failed:
                await http.exchange(head(seen.url.replace("127.0.0.1", host)), b"{}", PATIENT)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (failed.value.phase, seen.posts) == (Phase.POOL, 0)


async def test_an_idle_connection_is_closed_after_a_while() -> None:
    ended = asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.answer(b"ok")
        assert await talk.reader.read() == b""
        ended.set()

    async with peer(script) as seen, client() as http:
        await http.exchange(head(seen.url), b"{}", PATIENT)
        with anyio.fail_after(10 * KEEPALIVE_S):
            await ended.wait()


async def test_the_connection_used_last_is_used_again_and_the_others_grow_old() -> None:
    """Used in turns, all of them would be idle for nearly as long as the server allows, which is when it closes them."""
    connections = [0]

    async def script(talk: Talk) -> None:
        connections[0] += 1
        mine = connections[0]
        while True:
            await talk.request()
            served.append(mine)
            await everybody_asks.wait()
            await talk.answer(b"ok")

    served, everybody_asks = list[int](), asyncio.Event()
    async with peer(script) as seen, client() as http:
        async with anyio.create_task_group() as asking:
            for _ in range(5):
                asking.start_soon(http.exchange, head(seen.url), b"{}", PATIENT)
            await eventually(lambda: len(served) == 5)
            everybody_asks.set()
        for _ in range(5):
            await asyncio.sleep(2 * LONG_REST_S)
            await http.exchange(head(seen.url), b"{}", PATIENT)
    assert (seen.connections, len(set(served[5:]))) == (5, 1)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\x00\x01",
    ],
    ids=["Connection: close", "HTTP/1.0", "a second answer", "stray bytes"],
)
async def test_a_connection_is_not_used_again_after(answer: bytes) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.write(answer)
        await talk.reader.read()

    async with peer(script) as seen, client() as http:
        for _ in range(3):
            assert (await http.exchange(head(seen.url), b"{}", PATIENT)).content == b"ok"
    assert (seen.connections, seen.posts) == (3, 3)


async def test_an_answer_that_ends_with_the_connection_is_read() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.write(b"HTTP/1.1 200 OK\r\n\r\nok")

    async with peer(script) as seen, client() as http:
        assert (await http.exchange(head(seen.url), b"{}", PATIENT)).content == b"ok"


async def test_an_answer_before_the_whole_request_is_read_and_ends_the_connection() -> None:
    async def script(talk: Talk) -> None:
        await talk.head()
        await talk.answer(b"no", "413 Content Too Large")
        await talk.reader.read()

    async with peer(script, receive_buffer=4096) as seen, client() as http:
        for _ in range(2):
            answer = await http.exchange(head(seen.url), b"x" * 8_000_000, PATIENT)
            assert (answer.status, answer.content) == (413, b"no")
    assert seen.connections == 2


async def test_connections_belong_to_an_origin() -> None:
    async with peer(accept_all) as one, peer(accept_all) as two, client() as http:
        for seen in (one, two, one, two):
            await http.exchange(head(seen.url), b"{}", PATIENT)
    assert (one.connections, one.posts, two.connections, two.posts) == (1, 2, 1, 2)


# --- limits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * (MAX_HEADER_BYTES + 1),
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * MAX_HEADER_BYTES,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * MAX_HEADER_BYTES,
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 2 * MAX_HEADER_BYTES,
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=[
        "a long header",
        "many headers",
        "many interim answers",
        "too long",
        "too long without length",
        "a long chunk extension",
        "another protocol",
        "two lengths",
        "length and chunks",
    ],
)
async def test_an_answer_beyond_the_limits_or_the_rules_ends_the_request(answer: bytes) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.write(answer)
        await asyncio.Event().wait()

    async with peer(script) as seen, client() as http:
        with pytest.raises(OutcomeUnknownError) as failed:
            await http.exchange(head(seen.url), b"{}", PATIENT)
        assert "no answer within" not in failed.value.detail
    assert (seen.connections, seen.posts) == (1, 1)


async def test_a_failure_after_the_head_has_the_status() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.write(b"HTTP/1.1 201 Created\r\nA: b\r\nContent-Length: 5\r\n\r\nok")

    async with peer(script) as seen, client() as http:
        with pytest.raises(OutcomeUnknownError) as failed:
            await http.exchange(head(seen.url), b"{}", PATIENT)
    assert (failed.value.phase, failed.value.status, failed.value.headers["a"]) == (Phase.ANSWER, 201, "b")


async def test_one_time_for_all_includes_the_time_to_connect(tmp_path: Path) -> None:
    async def slow_name(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
        await asyncio.sleep(0.5)
        return [(socket.AF_INET, "127.0.0.1")]

    async with peer(hang) as seen, client(resolve=slow_name) as http:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(OutcomeUnknownError):
            await http.exchange(head(seen.url), b"{}", Timeouts(20.0, 20.0, 1.0, read_from_start=True))
        one_after_the_other = loop.time() - began
        began = loop.time()
        with pytest.raises(OutcomeUnknownError):
            await http.exchange(head(seen.url), b"{}", Timeouts(20.0, 20.0, 1.0))
        assert one_after_the_other < loop.time() - began


# --- cancellation and closing -----------------------------------------------------------------------------


async def never(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("where", ["looking up", "connecting", "handshake", "waiting for the answer"])
@pytest.mark.parametrize("how", ["cancelled", "late"])
async def test_a_request_that_ends_early_leaves_no_connection_and_no_place_taken(
    where: str, how: str
) -> None:
    # Frozen, for the garbage is collected again and again.
    async with client(places=1, **_resolver(where)) as http:
        with (
            frozen_heap(),
            socket.create_server(("127.0.0.1", 0), backlog=0) as full,
            socket.socket() as filler,
        ):
            filler.connect(full.getsockname())
            before = sockets()
            async with peer(hang) as seen:
                url = _url(where, seen.url, f"http://127.0.0.1:{full.getsockname()[1]}")
                for _ in range(3):
                    if how == "late":
                        with pytest.raises(RequestFailedError) as failed:
                            await http.exchange(head(url), b"{}", SHORT)
                        assert isinstance(failed.value, OutcomeUnknownError) is (where[:7] == "waiting")
                    else:
                        with anyio.move_on_after(0.1) as scope:
                            await http.exchange(head(url), b"{}", PATIENT)
                        assert scope.cancelled_caught
            await eventually(lambda: sockets() <= before)


def _resolver(where: str) -> dict[str, Any]:
    return {"resolve": never} if where == "looking up" else {}


def _url(where: str, hanging: str, full: str) -> str:
    return {"connecting": full, "handshake": hanging.replace("http:", "https:")}.get(where, hanging)


@pytest.mark.parametrize("where", ["looking up", "handshake"])
async def test_closing_the_client_ends_attempts_to_connect(where: str) -> None:
    async with peer(hang) as seen, client(**_resolver(where)) as http:
        request = asyncio.ensure_future(http.exchange(head(_url(where, seen.url, "")), b"{}", PATIENT))
        await asyncio.sleep(0.05)
        await http.aclose()
        with pytest.raises(NotSentError, match="the client is closed"):
            await request


async def test_closing_the_client_ends_requests_that_wait_for_a_place() -> None:
    async with peer(hang) as seen, client(places=1) as http:
        first = asyncio.ensure_future(http.exchange(head(seen.url), b"{}", PATIENT))
        await seen.first_request.wait()
        second = asyncio.ensure_future(http.exchange(head(seen.url), b"{}", PATIENT))
        await asyncio.sleep(0)
        await http.aclose()
        first_failed, second_failed = await asyncio.gather(first, second, return_exceptions=True)
    assert isinstance(first_failed, OutcomeUnknownError)
    assert isinstance(second_failed, NotSentError)
    assert seen.posts == 1


async def test_a_request_whose_connection_rests_when_the_client_is_closed_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "wacrmd.http_client.client.REST_S", 0.5
    )  # also on a busy machine it still rests at the close
    async with peer(accept_all) as seen, client() as http:
        await http.exchange(head(seen.url), b"{}", PATIENT)
        request = asyncio.ensure_future(http.exchange(head(seen.url), b"{}", PATIENT))
        await asyncio.sleep(0)
        await http.aclose()
        with pytest.raises(NotSentError, match="the client is closed"):
            await request
    assert (seen.connections, seen.posts) == (1, 1)


async def test_a_request_that_is_cancelled_while_it_waits_for_a_place_takes_none() -> None:
    async with peer(accept_all) as seen, client(places=1) as http:
        for _ in range(20):
            waiting = [asyncio.ensure_future(http.exchange(head(seen.url), b"{}", PATIENT)) for _ in range(5)]
            await asyncio.sleep(0.001)
            for each in waiting[::2]:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        assert (await http.exchange(head(seen.url), b"{}", SHORT)).content == ACCEPTED


async def test_a_request_that_is_cancelled_in_the_moment_in_which_it_gets_a_place_gives_it_back() -> None:
    async with peer(accept_all) as seen, client(places=1) as http:
        first, second = (asyncio.ensure_future(http.exchange(head(seen.url), b"{}", PATIENT)) for _ in "12")
        await asyncio.sleep(0)
        assert len(http._waiting) == 1
        while http._waiting:  # noqa: ASYNC110 - in the pass in which it ends, `second` has its place and has not run
            await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        assert (await first).content == ACCEPTED
        assert (await http.exchange(head(seen.url), b"{}", SHORT)).content == ACCEPTED


# --- what it never does -----------------------------------------------------------------------------------


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with peer(accept_all) as proxy, peer(accept_all) as seen, client() as http:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        await http.exchange(head(seen.url), b"{}", PATIENT)
    assert (proxy.connections, seen.posts) == (0, 1)


async def test_the_authority_that_ssl_cert_file_names_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    async with peer(accept_all, tls=server_tls(pem)) as seen:
        transport = Transport(max_connections=1)
        assert (await transport.exchange(head(seen.url), b"{}", PATIENT)).content == ACCEPTED
        await transport.aclose()


@pytest.mark.parametrize("how", ["hang", "hang up", "garbage", "refused", "looking up", "bad URL"])
async def test_no_error_shows_the_access_token(how: str) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        if how == "hang":
            await asyncio.Event().wait()
        elif how == "garbage":
            await talk.write(b"SMTP\r\n")

    async with peer(script) as seen, client(**_resolver(how)) as http:
        url = {"refused": "http://127.0.0.1:1", "bad URL": "ftp://127.0.0.1"}.get(how, seen.url)
        with pytest.raises(RequestFailedError) as failed:
            await http.exchange(head(url), b"{}", SHORT)
    texts = []
    error: BaseException | None = failed.value
    while error is not None:
        texts += [str(error), repr(error)]
        error = error.__cause__ or error.__context__
    assert not [text for text in texts if "SECRET" in text]


async def test_the_address_is_checked_for_each_connection_and_the_next_one_is_tried() -> None:
    asked: list[tuple[str, str]] = []

    def check(host: str, address: str) -> None:
        asked.append((host, address))
        if address != "127.0.0.1":
            raise ForbiddenAddressError(address)

    async def resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
        return [(socket.AF_INET, "127.0.0.9"), (socket.AF_INET, "127.0.0.1")]

    async with peer(accept_all) as seen, client(resolve=resolve, check=check) as http:
        origin = Origin(tls=False, host="meta.example", port=int(seen.url.rsplit(":", 1)[1]))
        assert (await http.exchange(RequestHead("GET", origin, "/", []), b"", PATIENT)).status == 200
    assert asked == [("meta.example", "127.0.0.9"), ("meta.example", "127.0.0.1")]


@pytest.mark.parametrize(
    ("found", "tried"),
    [
        ([f"127.0.0.{number}" for number in range(1, 100)], [f"127.0.0.{number}" for number in range(1, 5)]),
        (
            [*(f"::{number}" for number in range(2, 100)), "127.0.0.1", "127.0.0.2"],
            ["::2", "127.0.0.1", "::3", "127.0.0.2"],
        ),
        (["127.0.0.1", "::2", "::3", "::4"], ["127.0.0.1", "::2", "::3", "::4"]),
    ],
    ids=["IPv4", "mostly IPv6", "few"],
)
async def test_of_a_name_with_many_addresses_a_few_of_each_kind_are_tried(
    found: list[str], tried: list[str]
) -> None:
    asked: list[str] = []

    def check(host: str, address: str) -> None:
        asked.append(address)
        raise ForbiddenAddressError(address)

    async def resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
        return [(socket.AF_INET6 if ":" in each else socket.AF_INET, each) for each in found]

    async with client(resolve=resolve, check=check) as http:
        with pytest.raises(NotSentError):
            await http.exchange(head("http://many.example"), b"{}", PATIENT)
    assert asked == tried


# --- long bodies --------------------------------------------------------------------------------------------


async def _parts(count: int, taken: list[int], size: int = 64 << 10) -> AsyncIterator[bytes]:
    for number in range(count):
        taken.append(number)
        yield bytes([number % 251]) * size


async def test_a_long_body_is_read_only_as_fast_as_the_server_reads_it() -> None:
    may_read, count, taken = asyncio.Event(), 400, list[int]()

    async def slow(talk: Talk) -> None:
        await talk.head()
        await may_read.wait()
        body = await talk.reader.readexactly(count * (64 << 10))
        talk.peer.requests.append((b"POST ", body))
        await talk.answer(ACCEPTED)

    async with peer(slow, receive_buffer=64 << 10) as seen, client() as http:
        long = LongBody(count * (64 << 10), _parts(count, taken))
        answer = asyncio.create_task(http.exchange(head(seen.url), long, PATIENT))
        await eventually(lambda: len(taken) > 1)
        await asyncio.sleep(0.05)  # what has not stopped by now reads on
        assert len(taken) < count / 2
        may_read.set()
        assert (await answer).content == ACCEPTED
    ((_, body),) = seen.requests
    assert body[:: 64 << 10] == bytes(number % 251 for number in range(count))


async def test_an_answer_before_the_end_of_a_long_body_ends_it_and_its_connection() -> None:
    taken = list[int]()

    async def refuse(talk: Talk) -> None:
        await talk.head()
        await talk.answer(b"no", "413 Content Too Large")
        await asyncio.Event().wait()

    async with peer(refuse, receive_buffer=64 << 10) as seen, client() as http:
        long = LongBody(10_000 * (64 << 10), _parts(10_000, taken))
        answer = await http.exchange(head(seen.url), long, PATIENT)
        assert (answer.status, len(taken) < 10_000) == (413, True)
        await http.exchange(head(seen.url), b"{}", PATIENT)
        assert seen.connections == 2


async def test_a_long_body_that_cannot_be_read_ends_the_request() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise RuntimeError("the disk is gone")

    async with peer(hang) as seen, client() as http:
        with pytest.raises(OutcomeUnknownError, match="the disk is gone"):
            await http.exchange(head(seen.url), LongBody(10, broken()), PATIENT)
        assert seen.posts == 0
