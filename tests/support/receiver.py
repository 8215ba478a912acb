"""A local app that receives events: it keeps the requests and responds as the test says."""

import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import orjson
from aiohttp import web

from tests.support.patience import PATIENCE_S
from wacrmd.simulator.server import stop_accepting

CUT_OFF = 0
"""In place of a status: the connection is closed after the request, without an answer."""


@dataclass
class ReceivedRequest:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The envelope."""
        envelope: dict[str, Any] = orjson.loads(self.body)
        return envelope


@dataclass
class Receiver:
    """Its URL, the requests, and the response by path: a status, CUT_OFF, or None to never respond."""

    url: str = ""
    requests: list[ReceivedRequest] = field(default_factory=list)
    answers: dict[str, int | None] = field(default_factory=dict)
    choose: Callable[[ReceivedRequest], int | None] | None = None
    bodies: dict[str, bytes] = field(default_factory=dict)
    arrived: anyio.Event = field(default_factory=anyio.Event)

    def at(self, path: str) -> list[ReceivedRequest]:
        """The requests to one path."""
        return [each for each in self.requests if each.path == path]

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """The envelopes of one event or of all."""
        return [each.event for each in self.requests if name is None or each.event["event"] == name]

    async def until(self, true: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        """Wait until `true` returns True; checked after each request."""
        try:
            with anyio.fail_after(timeout_s):
                while not true():
                    arrived = self.arrived
                    await arrived.wait()
        except TimeoutError as error:
            raise AssertionError(f"still not so after {timeout_s} s: {self.requests}") from error

    async def _take(self, request: web.Request) -> web.StreamResponse:
        got = ReceivedRequest(request.path, dict(request.headers), await request.read())
        self.requests.append(got)
        arrived, self.arrived = self.arrived, anyio.Event()
        arrived.set()
        status = self.choose(got) if self.choose else self.answers.get(request.path, 200)
        if status is None:
            await anyio.sleep_forever()
        if status == CUT_OFF and request.transport is not None:
            request.transport.abort()
        headers = {"Location": "/elsewhere"} if status in (301, 302, 307) else {}
        return web.Response(status=status or 200, headers=headers, body=self.bodies.get(request.path))


@asynccontextmanager
async def receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A running receiver on a free port of 127.0.0.1; it accepts every path."""
    made = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made._take)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    try:
        await web.SockSite(runner, listening, ssl_context=tls).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
    finally:
        await stop_accepting(listening)
        await runner.cleanup()
