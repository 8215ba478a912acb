"""Reading the body of a request, with a limit of size and time."""

from anyio import move_on_after
from starlette.requests import Request

from wacrmd.errors import ErrorCode, Refusal, bad_request


async def read_body(request: Request, *, limit: int, deadline_s: float) -> bytes:
    """The whole body: at most `limit` bytes, received within `deadline_s`.

    Raises Refusal for a body that is too large (before reading, if its length is declared) or too slow, and
    starlette's ClientDisconnect if the client has disconnected.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    body = bytearray()
    with move_on_after(deadline_s) as deadline:
        async for chunk in request.stream():
            if len(body) + len(chunk) > limit:
                raise _too_large(limit)
            body += chunk
    if deadline.cancelled_caught:
        raise bad_request(f"the body did not arrive within {deadline_s:g} s: {len(body)} bytes came")
    return bytes(body)


def _too_large(limit: int) -> Refusal:
    return Refusal(ErrorCode.PAYLOAD_TOO_LARGE, f"the body is larger than the limit of {limit} bytes")
