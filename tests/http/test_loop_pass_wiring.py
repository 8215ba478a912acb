"""That connections and webhooks take turns: how many are served in one pass of the loop, over real sockets."""

import asyncio
import hmac
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.support.event_loops import both_event_loops
from tests.support.patience import PATIENCE_S
from tests.support.site import APP_SECRET, site
from wacrmd.config import Bind
from wacrmd.http.capacity import Capacity
from wacrmd.http.connection import MAX_PARTS_AT_ONCE
from wacrmd.http.loop_pass import LoopPass
from wacrmd.http.server import serve
from wacrmd.http.sockets import Listener
from wacrmd.meta_webhooks import app as meta_webhooks

pytestmark = [pytest.mark.anyio, both_event_loops]

LIMIT = 4
CONNECTIONS = 60
EMPTY = b'{"object": "whatsapp_business_account", "entry": []}'


class Passes:
    """Counts the passes of the loop, and what happened in each."""

    def __init__(self, expected: int = CONNECTIONS) -> None:
        self._expected = expected
        self._number = 0
        self._events = Counter[int]()
        self.complete = anyio.Event()

    def record(self) -> None:
        self._events[self._number] += 1
        if self.total == self._expected:
            self.complete.set()

    @property
    def total(self) -> int:
        return self._events.total()

    @property
    def most(self) -> int:
        return max(self._events.values())

    async def count(self) -> None:
        while True:
            self._number += 1
            await asyncio.sleep(0)


@contextmanager
def connected(listener: Listener) -> Iterator[list[socket.socket]]:
    address = listener.socket.getsockname()
    clients = [socket.create_connection(address, PATIENCE_S) for _ in range(CONNECTIONS)]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


async def answered(app: ASGIApp, passes: Passes, request: bytes, loop_pass: LoopPass | None) -> None:
    """Serve `app`, and send the request on all connections at once: all are there when the loop looks again."""
    listener, shutdown = Listener.open(Bind.parse("127.0.0.1:0"), "here"), anyio.Event()
    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as tasks:
            await tasks.start(
                partial(
                    serve,
                    listener,
                    app,
                    shutdown=shutdown,
                    drain_s=1,
                    capacity=Capacity.of(1024, 65_536),
                    loop_pass=loop_pass,
                )
            )
            with connected(listener) as clients:
                await anyio.sleep(0.1)  # all are accepted and wait for a request
                counting = asyncio.create_task(passes.count())
                for client in clients:
                    client.sendall(request)
                await passes.complete.wait()
                counting.cancel()
            shutdown.set()


async def test_so_many_connections_are_read_in_one_pass() -> None:
    passes = Passes()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        passes.record()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    await answered(app, passes, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", LoopPass(LIMIT))
    assert passes.total == CONNECTIONS
    assert passes.most <= 2 * LIMIT, "the counter may run before or after those of a pass"


async def test_pipelined_requests_take_turns_with_those_of_other_connections() -> None:
    pipelined = 5
    passes = Passes(pipelined * CONNECTIONS)

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        passes.record()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    await answered(app, passes, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" * pipelined, LoopPass(LIMIT))
    assert passes.most <= 2 * LIMIT


@pytest.mark.exhaustive(enough=1)
async def test_small_chunks_take_turns_and_are_passed_on_together() -> None:
    passes, sizes, chunks = Passes(), list[int](), 500

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            sizes.append(len(message.get("body", b"")))
            if not message.get("more_body", False):
                break
        passes.record()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
    await answered(app, passes, head + b"2\r\nxx\r\n" * chunks + b"0\r\n\r\n", LoopPass(LIMIT))
    assert sum(sizes) == CONNECTIONS * chunks * 2
    assert max(sizes) <= 2 * (MAX_PARTS_AT_ONCE + 1), "no connection parses all that has come in one turn"
    assert len(sizes) <= CONNECTIONS * (chunks // MAX_PARTS_AT_ONCE + 3), "chunks are joined"


@pytest.mark.exhaustive(enough=1)
async def test_so_many_webhooks_that_were_stored_together_return_in_one_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meta_webhooks, "MAX_PER_PASS", LIMIT)
    passes = Passes()
    signature = hmac.new(APP_SECRET.encode(), EMPTY, "sha256").hexdigest()
    request = (
        b"POST /webhooks/meta HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\nx-hub-signature-256: sha256=%b\r\n\r\n"
        % (len(EMPTY), signature.encode())
    )
    async with site(tmp_path) as here:
        inner, _, _ = meta_webhooks.build(here.running.ctx, here.running.intake)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            async def recorded(message: Message) -> None:
                if message["type"] == "http.response.start":
                    assert message["status"] == 200
                    passes.record()
                await send(message)

            await inner(scope, receive, recorded)

        release = threading.Event()

        async def release_when_all_wait() -> None:
            while here.running.ctx.meta_webhook_backlog.webhooks < CONNECTIONS:
                await anyio.lowlevel.checkpoint()
            release.set()

        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(here.running.ctx.db.write, lambda _: release.wait(PATIENCE_S))
                tasks.start_soon(release_when_all_wait)
                await answered(app, passes, request + EMPTY, None)
        finally:
            release.set()
    assert passes.total == CONNECTIONS
    assert passes.most <= 2 * LIMIT
