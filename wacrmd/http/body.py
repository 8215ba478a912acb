"""Reading the body of a request, with a limit of size and time."""

import asyncio
from dataclasses import dataclass, replace

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from wacrmd.errors import ErrorCode, Refusal, bad_request, payload_too_large
from wacrmd.http.content_coding import gunzip, is_gzip, wire_limit

SMALL_BODY = 4096
"""A body of this size is read in a few milliseconds at worst, which is less trouble than a thread."""


@dataclass(frozen=True, slots=True)
class SentBody:
    """A body as it was sent: gzip may hold a thousand times as much, and is decoded when there is room."""

    raw: bytes
    is_gzip: bool
    limit: int

    def decoded(self) -> bytes:
        """The body itself: at most `limit` bytes. Raises as `gunzip`."""
        return gunzip(self.raw, self.limit) if self.is_gzip else self.raw

    def if_small(self) -> bytes | None:
        """The body itself; None if it has more than `SMALL_BODY` bytes. Raises as `gunzip`."""
        if len(self.raw) > SMALL_BODY:
            return None
        try:
            return replace(self, limit=min(self.limit, SMALL_BODY)).decoded()
        except Refusal as refusal:
            if refusal.code is ErrorCode.PAYLOAD_TOO_LARGE:
                return None
            raise


async def read_body(scope: Scope, receive: Receive, *, limit: int, deadline_s: float) -> SentBody:
    """The whole body, at most `limit` bytes once it is decoded. Raises as `read_raw` and `is_gzip`."""
    gzip = is_gzip(scope)
    raw = await read_raw(scope, receive, limit=wire_limit(limit) if gzip else limit, deadline_s=deadline_s)
    return SentBody(raw, gzip, limit)


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
