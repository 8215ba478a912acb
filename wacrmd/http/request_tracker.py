"""ASGI middleware between Hypercorn and an app: it cancels requests, bounds their bodies and discards unread ones."""

import asyncio

from anyio import move_on_after
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wacrmd.errors import ErrorCode, Refusal
from wacrmd.http.capacity import Capacity
from wacrmd.http.middleware import error_response

LINGER_S = 2.0
"""How long the rest of an unread body is received before the answer ends, so that the client gets the answer."""

LINGER_BYTES = 8 << 20
"""How much of it: more than the largest bodies that clients should send to either listener."""

ASK_FOR_BODY = "wacrmd.ask_for_body"
"""Where the state of a request holds the function that tells its client to send the body, if it waits for that."""

CANCEL_GRACE_S = 1.0
"""How long a cancelled request or connection may take to end."""


PASSED_ON = "body_is_passed_on"
"""In the state of a request whose body goes to the disk as it comes: only its last part is in memory."""


class _Exchange:
    """One request and its answer, in the task that Hypercorn runs for it."""

    __slots__ = (
        "_ask_for_body",
        "_is_receiving",
        "_receive",
        "_send",
        "_state",
        "_tracker",
        "body_ended",
        "is_cancelled",
        "is_evicted",
        "started",
        "task",
    )

    def __init__(self, tracker: "RequestTracker", scope: Scope, receive: Receive, send: Send) -> None:
        self._tracker = tracker
        self._receive = receive
        self._send = send
        self.task = asyncio.current_task()
        self.body_ended = not _has_body(scope)
        self.started = False
        self.is_cancelled = False
        self.is_evicted = False
        self._is_receiving = False
        self._state = scope.setdefault("state", {})
        self._ask_for_body = self._state.get(ASK_FOR_BODY)

    def cancel(self) -> None:
        """Cancel the app."""
        if self.task is not None and not self.is_cancelled:
            self.is_cancelled = True
            self.task.cancel()

    def end_cancellation(self) -> bool:
        """Whether the task may go on after a CancelledError: nobody but us has cancelled it."""
        return self.is_cancelled and self.task is not None and self.task.uncancel() == 0

    def evict(self) -> None:
        """Give up receiving the body: the memory is needed for newer requests."""
        self.is_evicted = True
        if self._is_receiving and self.task is not None:
            self.task.cancel()

    async def receive(self) -> Message:
        """Receive for the app. Raises Refusal if there is no room for the body."""
        capacity = self._tracker.capacity
        if self.body_ended or self.started:
            return await self._next()
        if self._ask_for_body is not None:
            ask, self._ask_for_body = self._ask_for_body, None
            await ask()
        self._is_receiving = True
        try:
            message = await self._next()
        except asyncio.CancelledError:
            if not self.is_evicted or self.task is None or self.task.uncancel() > 0:
                raise
            raise no_room() from None
        finally:
            self._is_receiving = False
        if self._state.get(PASSED_ON):  # what came before is not in memory any more
            capacity.release(self)
        if size := len(message.get("body", b"")):
            capacity.take(self, size)
        if self.is_evicted:
            raise no_room()
        if self.body_ended:
            capacity.complete(self)
        return message

    async def _next(self) -> Message:
        message = await self._receive()
        self.body_ended = not message.get("more_body", False)  # also true of a disconnect
        return message

    async def send(self, message: Message) -> None:
        """Send for the app; before the end of the answer the rest of the body is received."""
        if message["type"] == "http.response.start":
            self.started = True
        elif not self.body_ended and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            discarded = 0
            with move_on_after(LINGER_S):
                while not self.body_ended and discarded < LINGER_BYTES:
                    discarded += len((await self._next()).get("body", b""))
            self.discard_rest()
            message = {"type": "http.response.body"}
        await self._send(message)

    def discard_rest(self) -> None:
        """Receive the rest of a body in a task of its own, until Hypercorn reports the end of the connection."""
        if not self.body_ended:
            self.body_ended = True
            self._tracker.discard(self._receive)


class RequestTracker:
    """Knows the requests that are running, and the bodies that they hold.

    It receives what is left of bodies that the app does not read.

    An unread body fills Hypercorn's queue, and then the connection and the answer wait for ever. So the rest is
    received and discarded: for up to `LINGER_S` and `LINGER_BYTES` before the answer ends, because closing a connection
    with unread bytes resets it and the client loses the answer; after that until the connection is closed.
    """

    def __init__(self, app: ASGIApp, capacity: Capacity) -> None:
        self.capacity = capacity
        self._app = app
        self._running: set[_Exchange] = set()
        self._discards: set[asyncio.Task[None]] = set()
        self._is_cancelling = False

    def cancel_all(self) -> int:
        """Cancel all requests, also those that are still to come; how many were running."""
        self._is_cancelling = True
        for exchange in self._running:
            exchange.cancel()
        return len(self._running)

    def close(self) -> None:
        """End the tasks that discard bodies."""
        for task in self._discards:
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        exchange = _Exchange(self, scope, receive, send)
        self._running.add(exchange)
        try:
            if self._is_cancelling:
                await _answer_stopping(scope, receive, exchange.send)
            else:
                await self._app(scope, exchange.receive, exchange.send)
        except asyncio.CancelledError:
            if not exchange.end_cancellation():
                raise
            if not exchange.started:
                with move_on_after(CANCEL_GRACE_S):
                    await _answer_stopping(scope, receive, exchange.send)
        finally:
            self._running.discard(exchange)
            self.capacity.release(exchange)
            exchange.discard_rest()

    def discard(self, receive: Receive) -> None:
        """Receive and discard in a task of its own, until Hypercorn reports the end of the connection."""
        task = asyncio.create_task(_receive_until_closed(receive))
        self._discards.add(task)
        task.add_done_callback(self._discards.discard)


def no_room() -> Refusal:
    """The refusal of a request for whose body there is no room."""
    return Refusal(
        ErrorCode.UNAVAILABLE, "Too many large requests come at once: send this one again", retry_after_s=1
    )


async def _receive_until_closed(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer_stopping(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 503, with the headers that the app has named for every answer to this request."""
    state = scope.get("state", {})
    request_id = state.get("request_id")

    async def send_with_id(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] += state.get("answer_headers", ())
            if request_id is not None:
                message["headers"].append((b"x-request-id", request_id.encode()))
        await send(message)

    refusal = Refusal(ErrorCode.UNAVAILABLE, "wacrmd is stopping: try again in a moment", retry_after_s=5)
    await error_response(refusal)(scope, receive, send_with_id)


def _has_body(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if (name == b"content-length" and value != b"0") or name == b"transfer-encoding":
            return True
    return False
