"""ASGI middleware between Hypercorn and an app: it can cancel all requests, and discards unread bodies."""

import asyncio
from dataclasses import dataclass

from anyio import CancelScope, move_on_after
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wacrmd.errors import ErrorCode, Refusal
from wacrmd.http.middleware import error_response

LINGER_S = 2.0
"""How long the rest of an unread body is received before the answer ends, so that the client gets the answer."""

CANCEL_GRACE_S = 1.0
"""How long a cancelled request or connection may take to end."""


@dataclass(slots=True, eq=False)
class _Exchange:
    """One request and its answer."""

    scope: CancelScope
    body_ended: bool
    started: bool = False


class RequestTracker:
    """Knows the requests that are running, and receives what is left of bodies that the app does not read.

    An unread body fills Hypercorn's queue, and then the connection and the answer wait for ever. So the rest is
    received and discarded: for up to `LINGER_S` before the answer ends, because closing a connection with unread
    bytes resets it and the client loses the answer; after that until the connection is closed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running: set[_Exchange] = set()
        self._discards: set[asyncio.Task[None]] = set()
        self._is_cancelling = False

    def cancel_all(self) -> int:
        """Cancel all requests, also those that are still to come; how many were running."""
        self._is_cancelling = True
        for exchange in self._running:
            exchange.scope.cancel()
        return len(self._running)

    def close(self) -> None:
        """End the tasks that discard bodies."""
        for task in self._discards:
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        if scope["type"] == "http":
            await self._exchange(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await _lifespan(receive, send)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(CancelScope(), body_ended=not _has_body(scope))
        if self._is_cancelling:
            exchange.scope.cancel()

        async def watched_receive() -> Message:
            message = await receive()
            exchange.body_ended = not message.get("more_body", False)  # also true of a disconnect
            return message

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.started = True
            elif not exchange.body_ended and not message.get("more_body", False):
                await send({**message, "more_body": True})
                with move_on_after(LINGER_S):
                    while not exchange.body_ended:
                        await watched_receive()
                self._discard_rest(exchange, receive)
                message = {"type": "http.response.body"}
            await send(message)

        self._running.add(exchange)
        try:
            with exchange.scope:
                await self._app(scope, watched_receive, watched_send)
            if exchange.scope.cancelled_caught and not exchange.started:
                with move_on_after(CANCEL_GRACE_S):
                    await _answer_stopping(scope, receive, watched_send)
        finally:
            self._running.discard(exchange)
            self._discard_rest(exchange, receive)

    def _discard_rest(self, exchange: _Exchange, receive: Receive) -> None:
        """Receive the rest of a body in a task of its own, until Hypercorn reports the end of the connection."""
        if not exchange.body_ended:
            exchange.body_ended = True
            task = asyncio.create_task(_receive_until_closed(receive))
            self._discards.add(task)
            task.add_done_callback(self._discards.discard)


async def _receive_until_closed(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer_stopping(scope: Scope, receive: Receive, send: Send) -> None:
    request_id = scope.get("state", {}).get("request_id")

    async def send_with_id(message: Message) -> None:
        if request_id is not None and message["type"] == "http.response.start":
            message["headers"].append((b"x-request-id", request_id.encode()))
        await send(message)

    refusal = Refusal(ErrorCode.UNAVAILABLE, "wacrmd is stopping: try again in a moment", retry_after_s=5)
    await error_response(refusal)(scope, receive, send_with_id)


async def _lifespan(receive: Receive, send: Send) -> None:
    """Answer the ASGI lifespan; the daemon, not a server, opens and closes what the apps use."""
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})


def _has_body(scope: Scope) -> bool:
    return any(
        (name == b"content-length" and value != b"0") or name == b"transfer-encoding"
        for name, value in scope["headers"]
    )
