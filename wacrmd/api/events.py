"""Server-sent events: a broadcast's progress while it happens (HTML Living Standard, section 9.2)."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import orjson
from starlette.responses import Response, StreamingResponse

from wacrmd.api.answers import BroadcastOut
from wacrmd.api.endpoint import Call, Endpoint, Header
from wacrmd.domain.account import Scope
from wacrmd.errors import ErrorCode
from wacrmd.services.broadcasts import lifecycle
from wacrmd.services.broadcasts.follow import Look, follow, look
from wacrmd.services.context import Context

RETRY_MS = 2000
"""How long a client shall wait before it comes back after the stream broke off."""

HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx holds answers back otherwise
}
ENDED = ".end"


async def events(call: Call) -> Response:
    """The stream; 204 to a client that comes back although it has seen the end, so that it stays away."""
    broadcast = await lifecycle.broadcast_of(call.ctx, call.path("id"), call.account_id)
    seen = call.request.headers.get("last-event-id") or None
    if seen is not None and seen.endswith(ENDED):
        now = await look(call.ctx, broadcast.id)
        if now.finished and seen == now.mark + ENDED:
            return Response(status_code=204)
        seen = None
    if call.request.method == "HEAD":
        return Response(media_type="text/event-stream", headers=HEADERS)
    return StreamingResponse(
        stream(call.ctx, broadcast.id, seen), media_type="text/event-stream", headers=HEADERS
    )


async def stream(ctx: Context, broadcast_id: int, seen: str | None) -> AsyncGenerator[bytes, None]:
    """The bytes of the stream; it ends without `end` when the daemon drains, and the client comes back."""
    yield b"retry: %d\n\n" % RETRY_MS
    async with aclosing(follow(ctx, broadcast_id, seen=seen)) as states:
        async for state in states:
            if state is None:
                yield b": still here\n\n"
                continue
            if state.mark != seen:
                seen = state.mark
                yield event("progress", state.mark, state)
            if state.finished:
                yield event("end", state.mark + ENDED, state)
    if ctx.draining:
        yield b": the daemon is restarting\n\n"


def event(name: str, mark: str, state: Look) -> bytes:
    """One event; JSON has no line breaks of its own."""
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (mark.encode(), name.encode(), orjson.dumps(state.view))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/broadcasts/{id}/events",
        "Follow a broadcast live",
        events,
        BroadcastOut,
        scopes=(Scope.BROADCASTS_SEND, Scope.BROADCASTS_READ),
        errors=(ErrorCode.NOT_FOUND,),
        description=(
            "Server-sent events. `progress` comes at once and then on each change, at most twice a second; its data is"
            " the broadcast as in `GET /api/v1/broadcasts/{id}`. `end` comes once the broadcast is `sent` or"
            " `cancelled` and has been quiet for three seconds (statuses that come later are in the other endpoints and"
            " webhooks). A comment every 15 seconds keeps proxies from cutting the stream."
        ),
        headers=(
            Header(
                "Last-Event-ID",
                "the id of the last event that was seen: nothing is told twice after a reconnect",
            ),
        ),
        media={"text/event-stream": "Events `progress` and `end`."},
        other={204: None},
    ),
)
