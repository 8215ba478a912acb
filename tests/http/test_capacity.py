"""What a listener may hold for its clients: who goes when there is too much, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import anyio
import pytest
from anyio.abc import ByteStream
from structlog.testing import capture_logs

from tests.http.test_listener import Behaviours, answer_to, calling, raw, rest, serving
from tests.ops.test_metrics import values
from tests.support.meta import post
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import site
from wacrmd.clock import HOUR
from wacrmd.http.capacity import MAX_BODY_BYTES, MAX_CONNECTIONS, Capacity, Shortage
from wacrmd.http.sockets import Listener
from wacrmd.services.http_shortages import HttpShortages

pytestmark = pytest.mark.anyio

BODY = 90_000


@pytest.fixture
def app() -> Behaviours:
    return Behaviours()


@asynccontextmanager
async def opened(listener: Listener, *sent: bytes) -> AsyncIterator[list[ByteStream]]:
    """A connection for each text, on which it was sent."""
    streams = [await raw(listener, each) for each in sent]
    try:
        yield streams
    finally:
        for stream in streams:
            await stream.aclose()


async def is_closed_without_an_answer(stream: ByteStream) -> None:
    with suppress(anyio.BrokenResourceError):
        assert await rest(stream) == b""


def shortages(capacity: Capacity) -> list[Shortage]:
    found: list[Shortage] = []
    capacity.on_shortage = found.append
    return found


def body(size: int, sent: int) -> bytes:
    return b"POST /body HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (
        size,
        b"x" * sent,
    )


def test_the_capacity_follows_the_largest_body_and_the_files_that_may_be_open() -> None:
    usual = Capacity.of(3 << 20, 65_536)
    assert (usual.max_connections, usual.max_body_bytes) == (MAX_CONNECTIONS, MAX_BODY_BYTES)
    small = Capacity.of(100 << 20, 1024)
    assert (small.max_connections, small.max_body_bytes) == (128, 400 << 20)


async def test_a_new_connection_takes_the_place_of_the_one_that_waits_longest(app: Behaviours) -> None:
    capacity = Capacity(4, 1 << 20)
    found = shortages(capacity)
    async with serving(app, capacity=capacity) as listener:
        begun = b"GET /slow"
        async with opened(listener, begun, b"", begun) as (first, second, third):
            await eventually(lambda: capacity.connections == 3)
            async with calling(listener) as client:
                assert (await client.get("/")).text == "hello"
                assert not found
                assert b" 200 " in await answer_to(listener, b"GET / HTTP/1.0\r\n\r\n")
                assert found == [Shortage.CONNECTIONS]
                await is_closed_without_an_answer(first)
                for each in (second, third):
                    await each.send(b"\r\n\r\n")
                    assert b" 400 " in await rest(each), "they were not closed"


async def test_a_body_that_does_not_come_goes_before_a_request_that_is_being_answered(
    app: Behaviours,
) -> None:
    capacity = Capacity(2, 1 << 20)
    held = b"GET /held HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    async with (
        serving(app, capacity=capacity) as listener,
        opened(listener, held, body(BODY, 10)) as (answered, slow),
    ):
        await app.entered.wait()
        await eventually(lambda: capacity.body_bytes == 10)
        async with opened(listener, held) as (second,):
            await is_closed_without_an_answer(slow)
            assert (await answer_to(listener, held)).startswith(b"HTTP/1.1 503 "), "all are being answered"
            app.release.set()
            for each in (answered, second):
                assert (await rest(each)).endswith(b"done")
    assert capacity.body_bytes == 0


async def test_whoever_has_just_come_does_not_go_before_bodies_that_do_not_come(
    app: Behaviours, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two connections can come in one pass of the loop, before the first has sent its request."""
    monkeypatch.setattr("wacrmd.http.connection.NEW_S", PATIENCE_S)
    capacity = Capacity(3, 1 << 20)
    async with (
        serving(app, capacity=capacity) as listener,
        opened(listener, body(BODY, 10), body(BODY, 10)) as slow,
    ):
        await eventually(lambda: capacity.body_bytes == 20)
        async with opened(listener, b"", b"", b"") as new:
            for each in slow:
                await is_closed_without_an_answer(each)
            for each in new:
                await each.send(b"GET / HTTP/1.0\r\n\r\n")
                assert (await rest(each)).endswith(b"hello")


async def test_a_client_that_does_not_read_its_answer_goes_too(app: Behaviours) -> None:
    flood = b"GET /flood HTTP/1.1\r\nhost: a\r\n\r\n"
    async with serving(app, capacity=Capacity(1, 1 << 20)) as listener, opened(listener, flood):
        await app.entered.wait()
        # Until the buffers of both sides are full, it is being answered.
        while b"hello" not in (answer := await answer_to(listener, b"GET / HTTP/1.0\r\n\r\n")):
            assert b" 503 " in answer


async def test_the_oldest_incomplete_body_goes_when_there_are_too_many_bytes(
    app: Behaviours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wacrmd.http.request_tracker.LINGER_S", 0.1)
    capacity = Capacity(100, 100_000)
    found = shortages(capacity)
    async with serving(app, capacity=capacity) as listener:
        async with opened(listener, body(BODY, 60_000)) as (slow,):
            await eventually(lambda: capacity.body_bytes == 60_000)
            assert (await answer_to(listener, body(BODY, BODY))).endswith(b"\r\n\r\n90000")
            refused = await rest(slow)
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1" in refused
        assert found == [Shortage.BODIES]
        assert capacity.body_bytes == 0
        assert b" 503 " in await answer_to(listener, body(200_000, 200_000)), "more than all of it"
        assert b" 413 " in await answer_to(listener, body(3_000_000, 0))


async def test_a_head_must_come_within_its_time(app: Behaviours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wacrmd.http.connection.HEAD_S", 0.1)
    async with serving(app) as listener:
        stream = await raw(listener, b"GET / HTTP/1.1\r\n")

        async def drip() -> None:
            with pytest.raises(anyio.BrokenResourceError):
                while True:
                    await stream.send(b"x: y\r\n")
                    await anyio.sleep(0.02)

        await drip()
        await stream.aclose()
        assert b"hello" in await answer_to(listener, b"GET / HTTP/1.0\r\n\r\n")


async def test_a_client_is_asked_for_its_body_when_it_is_wanted(
    app: Behaviours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wacrmd.http.request_tracker.LINGER_S", 0.1)
    async with serving(app) as listener:
        head = b"POST /%b HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n"
        stream = await raw(listener, head % b"body")
        assert (await stream.receive()).startswith(b"HTTP/1.1 100 ")
        await stream.send(b"abc")
        assert (await rest(stream)).endswith(b"3")
        await stream.aclose()
        assert (await answer_to(listener, head % b"unread")).startswith(b"HTTP/1.1 401 ")


async def test_slow_strangers_do_not_keep_a_signed_webhook_out(tmp_path: Path) -> None:
    signature = b"x-hub-signature-256: sha256=" + b"0" * 64
    slow = b"POST /webhooks/meta HTTP/1.1\r\nhost: a\r\n%b\r\ncontent-length: 3000000\r\n\r\n%b" % (
        signature,
        b"x" * 60_000,
    )
    async with site(tmp_path) as here:
        capacity = here.running.ctx.capacities["webhooks"]
        capacity.max_connections, capacity.max_body_bytes = 20, 1 << 20
        host, port = here.running.meta_webhooks_address.split(":")
        connect = partial(asyncio.open_connection, host, int(port))
        with capture_logs() as events:
            strangers = [await connect() for _ in range(60)]
            for index, (_, writer) in enumerate(strangers):
                writer.write((slow, b"POST /", b"")[index % 3])
            answer = await post(here.hook, {"object": "whatsapp_business_account", "entry": []})
            assert answer.status_code == 200
            assert capacity.connections <= 20
            assert capacity.body_bytes <= 1 << 20
        assert "http_client_dropped" in {each["event"] for each in events}
        shown = await values(here)
        assert shown["wacrmd_http_shortages_total{listener=webhooks}{reason=connections}"] >= 40
        assert shown["wacrmd_http_connections{listener=webhooks}"] <= 20
        warnings = (await here.admin("status"))["warnings"]
        assert [each for each in warnings if "listener of [webhooks]" in each]
        checks = (await here.admin("doctor"))["checks"]
        assert "warn" in [each["state"] for each in checks if each["check"] == "connections"]
        for _, writer in strangers:
            writer.close()


def test_a_shortage_is_told_for_an_hour() -> None:
    told, now = HttpShortages(), 1_000 * HOUR
    assert told.lately(now) == []
    for at in (now, now + 1, now + HOUR // 2):
        told.add("webhooks", Shortage.CONNECTIONS, at)
    told.add("api", Shortage.BODIES, now)
    texts = told.lately(now + HOUR)
    assert len(texts) == 1
    assert "[webhooks], too many connections were open: 3 " in texts[0]
    assert told.lately(now + 2 * HOUR) == []
    told.add("webhooks", Shortage.CONNECTIONS, now + 2 * HOUR)
    assert ": 1 " in told.lately(now + 2 * HOUR)[0]
