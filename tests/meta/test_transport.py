"""Every way in which a send can fail, over real sockets: its phase, and that nothing is sent twice."""

import asyncio
import gzip
import queue
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.meta.peer import ACCEPTED, Talk, accept_all, hang, http_answer, peer, reset_on_close
from tests.support.certificates import certificate, server_tls
from tests.support.event_loops import both_event_loops
from wacrmd.domain.marketing_route import Endpoint
from wacrmd.meta.client import MetaClient
from wacrmd.meta.errors import NO_META_ERROR
from wacrmd.meta.outcome import Accepted, MetaError, NotSent, Outcome, Phase, Refused, Unknown
from wacrmd.meta.transport import MAX_ANSWER_BYTES

pytestmark = [pytest.mark.anyio, both_event_loops]

PATIENT_S = 20.0
"""A timeout that a passing test never waits for."""
SHORT_S = 0.3
"""A timeout that the test waits for."""


@asynccontextmanager
async def client(url: str, **settings: Any) -> AsyncIterator[MetaClient]:
    given = {"connect_timeout_s": PATIENT_S, "read_timeout_s": PATIENT_S, "max_connections": 10} | settings
    meta = MetaClient(url, "v25.0", **given)
    try:
        yield meta
    finally:
        await meta.aclose()


async def send(
    url: str, body: bytes = b'{"a":1}', *, endpoint: Endpoint = Endpoint.MESSAGES, **settings: Any
) -> Outcome:
    async with client(url, **settings) as meta:
        return await meta.send("1", "token", body, endpoint=endpoint)


async def send_until(phase: Phase, url: str, body: bytes = b'{"a":1}') -> tuple[Outcome, float]:
    """The outcome of a send whose read timeout ends in `phase`, and that timeout.

    A busy machine may need the whole of a short timeout for an earlier phase; then a longer one is tried.
    """
    for timeout_s in (SHORT_S, 10 * SHORT_S, PATIENT_S):
        outcome = await send(url, body, read_timeout_s=timeout_s)
        if isinstance(outcome, Unknown) and outcome.phase is phase:
            break
    return outcome, timeout_s


# --- surely not sent -------------------------------------------------------------------------------------


async def test_one_connection_carries_messages_to_both_endpoints() -> None:
    """The request line is prepared once for each; a token and number with two endpoints have two."""
    async with peer(accept_all) as seen, client(seen.url) as meta:
        for endpoint in (*Endpoint, *Endpoint):
            assert await meta.send("1", "token", b"{}", endpoint=endpoint) == Accepted("wamid.1")
    lines = [head.split(b" ")[1] for head, _ in seen.requests]
    assert lines == [b"/v25.0/1/messages", b"/v25.0/1/marketing_messages"] * 2
    assert seen.connections == 1


async def test_a_refused_connection_is_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_at_once:
        port = closed_at_once.getsockname()[1]
    outcome = await send(f"http://127.0.0.1:{port}")
    assert isinstance(outcome, NotSent)
    assert outcome.phase is Phase.CONNECT


@pytest.mark.parametrize("host", [".".join(["a" * 60] * 5), "a" * 64 + ".invalid"])
async def test_a_host_name_that_does_not_resolve_is_not_sent(host: str) -> None:
    outcome = await send(f"http://{host}")
    assert isinstance(outcome, NotSent)
    assert outcome.phase in (Phase.RESOLVE, Phase.CONNECT)


async def test_a_full_backlog_is_a_connect_timeout_and_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.socket() as filler:
        filler.connect(full.getsockname())
        outcome = await send(f"http://127.0.0.1:{full.getsockname()[1]}", connect_timeout_s=SHORT_S)
    assert outcome == NotSent(Phase.CONNECT, f"no connection within {SHORT_S} s")


async def test_tls_with_a_trusted_certificate_is_sent(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "localhost")
    async with peer(accept_all, tls=server_tls(pem)) as seen:
        outcome = await send(seen.url, ssl_context=lambda: ssl.create_default_context(cafile=pem))
    assert outcome == Accepted("wamid.1")


@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("another.example", True)])
async def test_an_invalid_certificate_is_not_sent(tmp_path: Path, name: str, trusted: bool) -> None:
    pem = certificate(tmp_path, name)
    async with peer(accept_all, tls=server_tls(pem)) as seen:
        outcome = await send(
            seen.url, ssl_context=lambda: ssl.create_default_context(cafile=pem if trusted else None)
        )
    assert isinstance(outcome, NotSent)
    assert outcome.phase is Phase.TLS
    assert seen.posts == 0


async def test_a_peer_that_speaks_no_tls_is_not_sent() -> None:
    async def plain(talk: Talk) -> None:
        await talk.reader.read(1)
        await talk.answer(ACCEPTED)

    async with peer(plain) as seen:
        outcome = await send(seen.url.replace("http:", "https:"))
    assert isinstance(outcome, NotSent)
    assert outcome.phase in (Phase.TLS, Phase.CONNECT)


@pytest.mark.parametrize("how", ["hang", "close", "reset"])
async def test_a_tls_handshake_that_breaks_off_is_not_sent(how: str) -> None:
    async def script(talk: Talk) -> None:
        await talk.reader.read(1)
        if how == "hang":
            await asyncio.Event().wait()
        elif how == "reset":
            talk.reset()

    async with peer(script) as seen:
        outcome = await send(
            seen.url.replace("http:", "https:"), connect_timeout_s=SHORT_S if how == "hang" else PATIENT_S
        )
    assert isinstance(outcome, NotSent)
    assert outcome.phase in (Phase.TLS, Phase.CONNECT)


async def test_no_free_connection_is_not_sent() -> None:
    async with (
        peer(hang) as seen,
        client(seen.url, max_connections=1, connect_timeout_s=SHORT_S) as meta,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(meta.send, "1", "token", b"{}")
        await seen.first_request.wait()
        assert await meta.send("1", "token", b"{}") == NotSent(
            Phase.POOL, f"no free connection within {SHORT_S} s"
        )
        tasks.cancel_scope.cancel()
    assert seen.posts == 1


async def test_a_closed_client_does_not_send() -> None:
    async with peer(accept_all) as seen:
        async with client(seen.url) as meta:
            assert isinstance(await meta.send("1", "token", b"{}"), Accepted)
        assert await meta.send("1", "token", b"{}") == NotSent(Phase.POOL, "the client is closed")
    assert seen.posts == 1


@pytest.mark.parametrize("token", ["a\r\nHost: evil", "é", "a\x00"])
async def test_a_token_that_no_header_can_carry_is_not_sent(token: str) -> None:
    async with peer(accept_all) as seen, client(seen.url) as meta:
        outcome = await meta.send("1", token, b"{}")
    assert isinstance(outcome, Refused)
    assert outcome.error.code == 190
    assert seen.connections == 0


# --- the outcome is unknown ------------------------------------------------------------------------------


async def close_at_once(talk: Talk) -> None:
    pass


async def reset_at_once(talk: Talk) -> None:
    talk.reset()


async def close_after_the_head(talk: Talk) -> None:
    await talk.head()


async def close_after_the_request(talk: Talk) -> None:
    await talk.request()


async def reset_after_the_request(talk: Talk) -> None:
    await talk.request()
    talk.reset()


async def half_a_head(talk: Talk) -> None:
    await talk.request()
    await talk.write(b"HTTP/1.1 200 OK\r\nContent-Le")


async def a_head_alone(talk: Talk) -> None:
    await talk.request()
    await talk.write(b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n")


async def half_a_body(talk: Talk) -> None:
    await talk.request()
    await talk.write(b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n" + ACCEPTED[:10])


async def half_a_body_and_reset(talk: Talk) -> None:
    await half_a_body(talk)
    talk.reset()


async def half_a_chunked_body(talk: Talk) -> None:
    await talk.request()
    await talk.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\n" + ACCEPTED)


async def half_a_body_without_length(talk: Talk) -> None:
    await talk.request()
    await talk.write(b"HTTP/1.1 200 OK\r\n\r\n" + ACCEPTED[:10])


async def no_http(talk: Talk) -> None:
    await talk.request()
    await talk.write(b"220 mail.example ESMTP\r\n\r\n")


async def too_long(talk: Talk) -> None:
    await talk.request()
    await talk.answer(b" " * (MAX_ANSWER_BYTES + 1))


def whole(body: bytes, status: str) -> Callable[[Talk], Awaitable[None]]:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.answer(body, status)

    return script


BEFORE_THE_ANSWER = (Phase.WRITE, Phase.READ)
FAILING: list[tuple[str, Callable[[Talk], Awaitable[None]], tuple[Phase, ...]]] = [
    ("hang-up after the head", close_after_the_head, BEFORE_THE_ANSWER),
    ("hang-up after the request", close_after_the_request, (Phase.READ,)),
    ("reset after the request", reset_after_the_request, (Phase.READ,)),
    ("half a head", half_a_head, (Phase.READ,)),
    ("a head alone", a_head_alone, (Phase.ANSWER,)),
    ("half a body", half_a_body, (Phase.ANSWER,)),
    ("half a body, then reset", half_a_body_and_reset, (Phase.READ, Phase.ANSWER)),
    ("half a chunked body", half_a_chunked_body, (Phase.ANSWER,)),
    ("half a body without length", half_a_body_without_length, (Phase.ANSWER,)),
    ("no HTTP", no_http, (Phase.READ,)),
    ("an answer too long", too_long, (Phase.ANSWER,)),
    ("502 with HTML", whole(b"<html>Bad Gateway</html>", "502 Bad Gateway"), (Phase.ANSWER,)),
    ("503 with nothing", whole(b"", "503 Service Unavailable"), (Phase.ANSWER,)),
    ("408", whole(b"", "408 Request Timeout"), (Phase.ANSWER,)),
    ("200 with garbage", whole(b"OK", "200 OK"), (Phase.ANSWER,)),
]


@pytest.mark.parametrize("endpoint", Endpoint)
@pytest.mark.parametrize(
    ("script", "phases"), [case[1:] for case in FAILING], ids=[case[0] for case in FAILING]
)
async def test_a_failure_after_the_connection_is_unknown_and_never_sent_again(
    script: Callable[[Talk], Awaitable[None]], phases: tuple[Phase, ...], endpoint: Endpoint
) -> None:
    async with peer(script) as seen:
        outcome = await send(seen.url, endpoint=endpoint)
    assert isinstance(outcome, Unknown)
    assert outcome.phase in phases
    assert outcome.detail
    assert (seen.connections, seen.posts <= 1) == (1, True)
    assert all(head.startswith(b"POST /v25.0/1/%b HTTP" % endpoint.encode()) for head, _ in seen.requests)


@pytest.mark.parametrize("script", [close_at_once, reset_at_once])
async def test_a_hang_up_at_once_is_not_sent_or_unknown(script: Callable[[Talk], Awaitable[None]]) -> None:
    """Not sent, if it is noticed before the first byte is written."""
    async with peer(script) as seen:
        outcome = await send(seen.url)
    if isinstance(outcome, NotSent):
        assert outcome.phase is Phase.CONNECT
    else:
        assert isinstance(outcome, Unknown)
        assert outcome.phase in BEFORE_THE_ANSWER
    assert (seen.connections, seen.posts <= 1) == (1, True)


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_connection_that_breaks_within_the_body_is_unknown(how: str) -> None:
    async def script(talk: Talk) -> None:
        await talk.head()
        if how == "reset":
            talk.reset()

    async with peer(script, receive_buffer=4096) as seen:
        outcome = await send(seen.url, b"x" * 1_000_000)
    assert isinstance(outcome, Unknown)
    assert outcome.phase in BEFORE_THE_ANSWER
    assert (seen.connections, seen.posts) == (1, 0)


@pytest.mark.filterwarnings("ignore:Sending a large body")
async def test_a_peer_that_does_not_read_is_unknown_after_the_read_timeout() -> None:
    async def script(talk: Talk) -> None:
        await asyncio.Event().wait()

    async with peer(script, receive_buffer=4096) as seen:
        outcome, timeout_s = await send_until(Phase.WRITE, seen.url, b"x" * 8_000_000)
    assert outcome == Unknown(Phase.WRITE, f"no answer within {timeout_s:g} s")


async def test_no_answer_in_time_is_unknown() -> None:
    async with peer(hang) as seen:
        outcome, timeout_s = await send_until(Phase.READ, seen.url)
    assert outcome == Unknown(Phase.READ, f"no answer within {timeout_s:g} s")
    assert seen.connections == seen.posts >= 1


async def test_an_answer_byte_by_byte_ends_at_the_read_timeout() -> None:
    async def drip(talk: Talk) -> None:
        await talk.request()
        await talk.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            await talk.write(b" ")
            await asyncio.sleep(SHORT_S / 20)

    async with peer(drip) as seen:
        outcome, timeout_s = await send_until(Phase.ANSWER, seen.url)
    assert outcome == Unknown(Phase.ANSWER, f"no answer within {timeout_s:g} s")


async def test_closing_the_client_makes_requests_in_flight_unknown() -> None:
    outcomes: list[Outcome] = []

    async def one(meta: MetaClient) -> None:
        outcomes.append(await meta.send("1", "token", b"{}"))

    async with peer(hang) as seen, client(seen.url) as meta, anyio.create_task_group() as tasks:
        tasks.start_soon(one, meta)
        await seen.first_request.wait()
        await meta.aclose()
    assert isinstance(outcomes[0], Unknown)
    assert seen.connections == 1


async def test_an_unforeseen_failure_is_unknown() -> None:
    outcome = await send("ftp://localhost")
    assert isinstance(outcome, Unknown)
    assert "ftp" in outcome.detail


# --- reused connections ---------------------------------------------------------------------------------


async def test_a_connection_is_used_again() -> None:
    async with peer(accept_all) as seen, client(seen.url) as meta:
        for _ in range(3):
            assert await meta.send("1", "token", b"{}") == Accepted("wamid.1")
    assert (seen.connections, seen.posts) == (1, 3)


async def test_an_idle_connection_that_breaks_during_the_next_request_is_unknown() -> None:
    async def serve_one_then_hang_up(talk: Talk) -> None:
        await talk.request()
        await talk.answer(ACCEPTED)
        await talk.request()

    async with peer(serve_one_then_hang_up) as seen, client(seen.url) as meta:
        assert await meta.send("1", "token", b"{}") == Accepted("wamid.1")
        outcome = await meta.send("1", "token", b"{}")
    assert isinstance(outcome, Unknown)
    assert outcome.phase is Phase.READ
    assert (seen.connections, seen.posts) == (1, 2)


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_an_idle_connection_that_the_peer_has_just_closed_is_not_used(how: str) -> None:
    """Also if the event loop had no time to notice it: a request on it would have an unknown outcome."""
    accepted: queue.Queue[socket.socket] = queue.Queue()
    received: list[bytes] = []

    def serve_one() -> None:
        connection, _ = listener.accept()
        received.append(connection.recv(65536))
        connection.sendall(http_answer(ACCEPTED))
        accepted.put(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve_one)
        thread.start()
        async with client(f"http://127.0.0.1:{listener.getsockname()[1]}") as meta:
            assert await meta.send("1", "token", b"{}") == Accepted("wamid.1")
            thread.join()
            connection = accepted.get()
            if how == "reset":
                reset_on_close(connection)
            second = threading.Thread(target=serve_one)
            second.start()
            connection.close()  # the loop cannot notice it before the next line writes
            assert await meta.send("1", "token", b"{}") == Accepted("wamid.1")
            second.join()
            accepted.get().close()
        assert len(received) == 2
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


async def test_unread_bytes_of_an_idle_connection_are_not_read_as_the_answer() -> None:
    stray = b'HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{"messages":[{"id":"wamid.X"}]}'
    idle, said = asyncio.Event(), asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.answer(ACCEPTED)
        if talk.peer.connections == 1:
            await idle.wait()
            await talk.write(stray)
            said.set()
        await accept_all(talk)

    async with peer(script) as seen, client(seen.url) as meta:
        assert await meta.send("1", "token", b"{}") == Accepted("wamid.1")
        idle.set()
        await said.wait()
        for _ in range(5):  # the bytes are in the kernel's buffer: let the loop read them
            await asyncio.sleep(0)
        assert await meta.send("1", "token", b"{}") == Accepted("wamid.1")
    assert (seen.connections, seen.posts) == (2, 2)


async def test_many_requests_at_once_are_each_sent_once() -> None:
    outcomes: list[Outcome] = []

    async def one(meta: MetaClient, number: int) -> None:
        outcomes.append(await meta.send("1", "token", b'{"n":%d}' % number))

    async with (
        peer(accept_all) as seen,
        client(seen.url, max_connections=20) as meta,
        anyio.create_task_group() as tasks,
    ):
        for number in range(200):
            tasks.start_soon(one, meta, number)
    assert outcomes == [Accepted("wamid.1")] * 200
    assert len({body for _, body in seen.requests}) == seen.posts == 200
    assert seen.connections <= 20


async def test_cancelling_a_send_closes_its_connection_and_frees_its_slot() -> None:
    closed = asyncio.Event()

    async def script(talk: Talk) -> None:
        await talk.request()
        if talk.peer.connections == 1:
            await talk.reader.read()
            closed.set()
        else:
            await talk.answer(ACCEPTED)

    async with peer(script) as seen, client(seen.url, max_connections=1) as meta:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(meta.send, "1", "token", b"{}")
            await seen.first_request.wait()
            tasks.cancel_scope.cancel()
        await closed.wait()
        assert await meta.send("1", "token", b"{}") == Accepted("wamid.1")


# --- responses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["400 Bad Request", "429 Too Many Requests", "500 Internal Server Error"])
async def test_an_error_object_is_a_rejection_with_any_status(status: str) -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.answer(b'{"error":{"code":130429,"message":"(#130429) Rate"}}', status, "Retry-After: 7")

    async with peer(script) as seen:
        outcome = await send(seen.url)
    assert outcome == Refused(MetaError(130429, "Rate"), int(status[:3]), 7.0)


async def test_a_redirect_is_not_followed() -> None:
    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.answer(b"", "307 Temporary Redirect", f"Location: {talk.peer.url}/elsewhere")

    async with peer(script) as seen:
        outcome = await send(seen.url)
    assert isinstance(outcome, Refused)
    assert outcome.error.code == NO_META_ERROR
    assert (seen.connections, seen.posts) == (1, 1)


async def test_unusual_answers_are_read() -> None:
    long = "X-Long: " + "x" * 20_000

    async def script(talk: Talk) -> None:
        await talk.request()
        await talk.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        await talk.answer(
            gzip.compress(ACCEPTED), "200 OK", "Content-Encoding: gzip", long, "Set-Cookie: a=b"
        )
        await talk.request()
        await talk.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\n" + ACCEPTED + b"\r\n0\r\n\r\n"
        )

    async with peer(script) as seen, client(seen.url) as meta:
        assert await meta.send("1", "token", b"{}") == Accepted("wamid.1")
        assert await meta.send("1", "token", b"{}") == Accepted("wamid.1")
    assert all(b"cookie" not in head.lower() for head, _ in seen.requests)


async def test_the_request_is_as_meta_documents_it() -> None:
    async with peer(accept_all) as seen, client(seen.url + "/") as meta:
        await meta.send("106540352242922", "EAAG", b'{"to":"+1"}')
    head, body = seen.requests[0]
    assert head.startswith(b"POST /v25.0/106540352242922/messages HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer EAAG\r\n" in head
    assert b"\r\nContent-Type: application/json\r\n" in head
    assert body == b'{"to":"+1"}'
