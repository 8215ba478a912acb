"""What has arrived while this process did not run is read before anything times out."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from tests.meta.peer import ACCEPTED, hang, http_answer, peer
from tests.support.event_loops import both_event_loops
from wacrmd.http.address_policy import AddressPolicy
from wacrmd.meta.client import MetaClient
from wacrmd.meta.outcome import Accepted, Phase, Unknown
from wacrmd.outbound.client import WebhookClient

pytestmark = [pytest.mark.anyio, both_event_loops]

T = TypeVar("T")

COUNT = 50
READ_S = 1.0
"""Many times what it takes until all requests have reached the server."""
BLOCKED_S = 1.5


class LateServer:
    """A server on a thread of its own: it reads COUNT requests, and answers all of them while the loop is blocked."""

    def __init__(self, listener: socket.socket, answer: bytes) -> None:
        self._answer = answer
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._listener = listener
        self._asked = asyncio.Event()
        self._is_blocked = threading.Event()
        self._has_answered = threading.Event()

    def run(self, loop: asyncio.AbstractEventLoop) -> None:
        connections = [self._listener.accept()[0] for _ in range(COUNT)]
        for each in connections:
            each.recv(65536)
        loop.call_soon_threadsafe(self._asked.set)
        self._is_blocked.wait()
        for each in connections:
            each.sendall(http_answer(self._answer, "200 OK", "Connection: close"))
            each.close()
        self._has_answered.set()

    async def answers(self, ask: Callable[[], Awaitable[T]]) -> list[T]:
        """What COUNT requests return."""
        asked = [asyncio.ensure_future(ask()) for _ in range(COUNT)]
        await self._asked.wait()
        until = time.monotonic() + BLOCKED_S
        self._is_blocked.set()
        self._has_answered.wait()  # blocks the loop, as the next line does
        time.sleep(max(0, until - time.monotonic()))  # noqa: ASYNC251 - the loop must stand still
        return await asyncio.gather(*asked)


@asynccontextmanager
async def late_server(answer: bytes = ACCEPTED) -> AsyncIterator[LateServer]:
    with socket.create_server(("127.0.0.1", 0), backlog=COUNT) as listener:
        server = LateServer(listener, answer)
        thread = threading.Thread(target=server.run, args=[asyncio.get_running_loop()])
        thread.start()
        yield server
        thread.join()


async def test_answers_that_arrived_while_the_loop_was_blocked_are_read() -> None:
    # An event loop reads at most 256 KiB of a connection before it looks at its timers.
    async with late_server(ACCEPTED + b" " * 600_000) as server:
        meta = MetaClient(
            server.url, "v25.0", connect_timeout_s=20, read_timeout_s=READ_S, max_connections=COUNT
        )
        outcomes = await server.answers(lambda: meta.send("1", "token", b"{}"))
        await meta.aclose()
    assert outcomes == [Accepted("wamid.1")] * COUNT


async def test_answers_to_webhooks_that_arrived_while_the_loop_was_blocked_are_read() -> None:
    async with late_server() as server:
        client = WebhookClient(lambda: AddressPolicy(["127.0.0.0/8"]))
        results = await server.answers(lambda: client.post(f"{server.url}/hook", {}, b"{}", READ_S))
        await client.aclose()
    assert [result.error for result in results] == [None] * COUNT


async def test_a_server_that_hangs_still_times_out_after_the_loop_was_blocked() -> None:
    async with peer(hang) as seen:
        meta = MetaClient(seen.url, "v25.0", connect_timeout_s=20, read_timeout_s=READ_S, max_connections=1)
        send = asyncio.ensure_future(meta.send("1", "token", b"{}"))
        await seen.first_request.wait()
        time.sleep(BLOCKED_S)  # noqa: ASYNC251 - blocks the loop
        assert await send == Unknown(Phase.READ, f"no answer within {READ_S:g} s")
        await meta.aclose()
