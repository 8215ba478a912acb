"""Server-sent events: a broadcast's progress while it happens (HTML Living Standard, section 9.2)."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from wacrmd.domain.actor import Actor
from wacrmd.operations.operation import HttpRequest, Reply, Stream
from wacrmd.services.broadcasts.follow import Snapshot, follow, snapshot
from wacrmd.services.broadcasts.read import broadcast_of
from wacrmd.services.context import Context
from wacrmd.views.json import to_json

EVENT_STREAM = "text/event-stream"
RETRY_MS = 2000
"""How long a client is to wait before it comes back after the stream broke off."""

HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx holds answers back otherwise
}
ENDED = ".end"


async def events_over_http(ctx: Context, actor: Actor, request: HttpRequest) -> Stream | Reply:
    """The stream; 204 for a client that comes back although it has seen the end, so that it stays away."""
    broadcast = await broadcast_of(ctx, actor, request.path["id"])
    seen = request.headers.get("last-event-id") or None
    if seen is not None and seen.endswith(ENDED):
        now = await snapshot(ctx, broadcast.id)
        if now.finished and seen == now.view.version + ENDED:
            return Reply(None, status=204)
        seen = None
    if request.method == "HEAD":
        return Reply(None, status=200, headers={"Content-Type": EVENT_STREAM, **HEADERS})
    return Stream(EVENT_STREAM, stream(ctx, broadcast.id, seen), HEADERS, ends_anywhere=True)


async def stream(ctx: Context, broadcast_id: int, seen: str | None) -> AsyncGenerator[bytes, None]:
    """The bytes of the stream; it ends without `end` when the daemon drains, and the client comes back."""
    yield b"retry: %d\n\n" % RETRY_MS
    async with aclosing(follow(ctx, broadcast_id, seen=seen)) as snapshots:
        async for now in snapshots:
            if now is None:
                yield b": heartbeat\n\n"
                continue
            if now.view.version != seen:
                seen = now.view.version
                yield event("progress", now.view.version, now)
            if now.finished:
                yield event("end", now.view.version + ENDED, now)
    if ctx.draining:
        yield b": the daemon is restarting\n\n"


def event(name: str, event_id: str, now: Snapshot) -> bytes:
    """One event; JSON has no line breaks of its own."""
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (event_id.encode(), name.encode(), to_json(now.view))
