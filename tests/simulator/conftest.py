"""A receiver of webhooks and a client, both over real sockets."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from wacrmd.simulator.server import stop_accepting

PHONE = "106540352242922"


@dataclass
class Receiver:
    """Receives webhooks; `answer` returns the HTTP status of each from its number, beginning with 0."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    signatures: list[str | None] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    answer: Callable[[int], int] = lambda _: 200
    release: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            self.queries.append(dict(request.query))
            return web.Response(text=request.query["hub.challenge"])
        body = await request.read()
        n = len(self.bodies)
        self.bodies.append(body)
        self.signatures.append(request.headers.get("X-Hub-Signature-256"))
        self.arrived.set()
        await self.release.wait()
        return web.Response(status=self.answer(n))

    @property
    def webhooks(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]

    @property
    def values(self) -> list[dict[str, Any]]:
        return [c["value"] for w in self.webhooks for e in w["entry"] for c in e["changes"]]

    @property
    def statuses(self) -> list[dict[str, Any]]:
        return [s for value in self.values for s in value.get("statuses", [])]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    receiver.release.set()
    app = web.Application()
    app.router.add_route("*", "/hook", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listening).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await stop_accepting(listening)
    await runner.cleanup()


def template_body(
    to: str = "+15551230001", callback: str | None = "bc_1:r_1", **template: Any
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "template",
        "template": {"name": "order_update", "language": {"code": "en_US"}} | template,
    }
    return body if callback is None else body | {"biz_opaque_callback_data": callback}


@dataclass
class Client:
    """An HTTP client of the simulated Meta."""

    session: aiohttp.ClientSession

    async def call(
        self, method: str, url: str, *, token: str | None = "t", body: Any = None
    ) -> tuple[int, Any, Any]:
        """(status, JSON or text, headers)."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self.session.request(method, url, json=body, headers=headers) as answer:
            is_json = "json" in answer.content_type
            return answer.status, (await answer.json() if is_json else await answer.text()), answer.headers

    async def send(self, base: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        body = template_body() if body is None else body
        status, answer, _ = await self.call("POST", f"{base}/v25.0/{PHONE}/messages", body=body, **more)
        return status, answer


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield Client(session)


@pytest.fixture
def body_of() -> Callable[..., dict[str, Any]]:
    return template_body
