"""Reading the body of a request, with a limit of size and time."""

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from wacrmd.errors import bad_request, payload_too_large
from wacrmd.http.content_coding import decode_gzip, is_gzip, wire_limit


async def read_body(scope: Scope, receive: Receive, *, limit: int, deadline_s: float) -> bytes:
    """The whole body, decoded if it is gzip: at most `limit` bytes then. Raises as `read_raw`, `is_gzip` and `gunzip`."""
    gzip = is_gzip(scope)
    raw = await read_raw(scope, receive, limit=wire_limit(limit) if gzip else limit, deadline_s=deadline_s)
    return await decode_gzip(raw, limit) if gzip else raw


async def read_raw(scope: Scope, receive: Receive, *, limit: int, deadline_s: float) -> bytes:
    """The whole body as it is sent: at most `limit` bytes, received within `deadline_s`.

    Raises Refusal for a body that is too large (before reading, if its length is declared) or too slow, and
    starlette's ClientDisconnect if the client has disconnected.
    """
    declared = declared_length(scope)
    if declared is not None and declared > limit:
        raise payload_too_large(limit)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(deadline_s):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                if chunk := message.get("body", b""):
                    size += len(chunk)
                    if size > limit:
                        raise payload_too_large(limit)
                    chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
    except TimeoutError:
        raise bad_request(f"the body did not arrive within {deadline_s:g} s: {size} bytes came") from None


def declared_length(scope: Scope) -> int | None:
    """The length that the request declares; None without a length."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
    return None
