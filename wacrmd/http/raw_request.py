"""Recognises a plain request in the bytes that a connection received at once, so that it can be refused unparsed; pure.

Whatever is not plain is left to the HTTP parser: pieces and pipelined requests, other framing than one
Content-Length, anything about the connection itself. So both always agree where a request ends.
"""

import re
from secrets import token_hex

MAX_HEAD_BYTES = 8192

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n")
_LEFT_TO_THE_PARSER = re.compile(
    rb"\r\n(?:transfer-encoding|connection:(?![ \t]*keep-alive[ \t]*\r\n)|expect|upgrade|[ \t])"
)
_REQUEST_ID = re.compile(rb"\r\nx-request-id:[ \t]*([A-Za-z0-9._-]{1,128})[ \t]*\r\n", re.IGNORECASE)


def plain_request(data: bytes) -> bytes | None:
    """The head of the request, from its request line on, if `data` is exactly one plain HTTP/1.1 request; else None."""
    end = data.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
    if end < 0:
        return None
    head = data[: end + 2]
    lower = head.lower()
    length = _LENGTH.search(lower)
    if (
        length is None
        or len(data) != end + 4 + int(length[1])
        or lower.count(b"content-length") != 1
        or _LEFT_TO_THE_PARSER.search(lower)
        or head.count(b"\n") != head.count(b"\r\n")  # the parser takes a line that ends without \r
        or not head[: head.index(b"\r\n")].endswith(b" HTTP/1.1")
    ):
        return None
    return head


def request_id_of(head: bytes) -> bytes:
    """The caller's `X-Request-Id` if it is safe to return, else a new one."""
    found = _REQUEST_ID.search(head)
    return found[1] if found else token_hex(16).encode()
