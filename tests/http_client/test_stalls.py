"""What has arrived while this process did not run is read before anything times out."""

import asyncio
import socket
import threading
import time
from typing import Any

import pytest

from tests.meta.peer import Talk, peer
from wacrmd.http.address_policy import AddressPolicy
from wacrmd.meta.client import MetaClient
from wacrmd.meta.outcome import Accepted, Phase, Unknown
from wacrmd.outbound.client import WebhookClient

pytestmark = pytest.mark.anyio

OK = b'{"messages":[{"id":"wamid.1"}]}'
COUNT = 50
READ_S = 0.5
BLOCKED_S = 1.5


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


def answer_all(listener: socket.socket, begin: threading.Event) -> None:
    """Read one request on each of COUNT connections, and answer all of them when `begin` is set."""
    connections = [listener.accept()[0] for _ in range(COUNT)]
    for each in connections:
        each.recv(65536)
    begin.wait()
    for each in connections:
        each.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(OK), OK))
        each.close()


async def test_answers_that_arrived_while_the_loop_was_blocked_are_read() -> None:
    begin = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=COUNT) as listener:
        thread = threading.Thread(target=answer_all, args=(listener, begin))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        meta = MetaClient(url, "v25.0", connect_timeout_s=20, read_timeout_s=READ_S, max_connections=COUNT)
        sends = [asyncio.ensure_future(meta.send("1", "token", b"{}")) for _ in range(COUNT)]
        await asyncio.sleep(READ_S / 2)
        begin.set()
        time.sleep(BLOCKED_S)  # noqa: ASYNC251 - blocks the loop
        outcomes = await asyncio.gather(*sends)
        thread.join()
        await meta.aclose()
    assert outcomes == [Accepted("wamid.1")] * COUNT


async def test_answers_to_webhooks_that_arrived_while_the_loop_was_blocked_are_read() -> None:
    begin = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=COUNT) as listener:
        thread = threading.Thread(target=answer_all, args=(listener, begin))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/hook"
        client = WebhookClient(lambda: AddressPolicy(["127.0.0.0/8"]))
        posts = [asyncio.ensure_future(client.post(url, {}, b"{}", READ_S)) for _ in range(COUNT)]
        await asyncio.sleep(READ_S / 2)
        begin.set()
        time.sleep(BLOCKED_S)  # noqa: ASYNC251 - blocks the loop
        results = await asyncio.gather(*posts)
        thread.join()
        await client.aclose()
    assert [result.error for result in results] == [None] * COUNT


async def test_a_server_that_hangs_still_times_out_after_the_loop_was_blocked() -> None:
    async def hang(talk: Talk) -> None:
        await talk.request()
        await asyncio.Event().wait()

    async with peer(hang) as seen:
        meta = MetaClient(seen.url, "v25.0", connect_timeout_s=20, read_timeout_s=READ_S, max_connections=1)
        send = asyncio.ensure_future(meta.send("1", "token", b"{}"))
        await seen.first_request.wait()
        time.sleep(BLOCKED_S)  # noqa: ASYNC251 - blocks the loop
        assert await send == Unknown(Phase.READ, f"no answer within {READ_S:g} s")
        await meta.aclose()
