"""Reading the body of a request, with a limit of size and time."""

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from wacrmd.errors import ErrorCode, Refusal, bad_request


async def read_body(scope: Scope, receive: Receive, *, limit: int, deadline_s: float) -> bytes:
    """The whole body: at most `limit` bytes, received within `deadline_s`.

    Raises Refusal for a body that is too large (before reading, if its length is declared) or too slow, and
    starlette's ClientDisconnect if the client has disconnected.
    """
    declared = declared_length(scope)
    if declared is not None and declared > limit:
        raise _too_large(limit)
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
                        raise _too_large(limit)
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


def _too_large(limit: int) -> Refusal:
    return Refusal(ErrorCode.PAYLOAD_TOO_LARGE, f"the body is larger than the limit of {limit} bytes")
