"""The head of a request as bytes: what is wrong with it, and whether it is plain enough to be refused unparsed; pure.

The HTTP parser forgives what other parsers read in another way, and so disagree about where a request ends: then a part
of one request passes a reverse proxy as if it were the next one. `head_fault` finds all of that before it is parsed, and
what would take long to parse.

Whatever is not plain is left to the parser: pieces and pipelined requests, other framing than one Content-Length, anything
about the connection itself. So both always agree where a request ends.
"""

import re
from secrets import token_hex

MAX_HEAD_BYTES = 8192

MAX_HEADERS = 100
MAX_LINE_BYTES = 8192
"""Of the request line. 7,000 headers, or as many parameters in a query, hold the event loop for 20 ms, and need 32 KB; what
clients and proxies send has about 20. Other servers have the same limits."""

_END = re.compile(rb"\n\r?\n")
_FOLDED = re.compile(rb"\n[ \t]")
_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\t\r\n"))
_FRAMING = re.compile(rb"\n(content-length|transfer-encoding)[ \t]*:([^\n]*)")
_VERSIONS = (b" HTTP/1.1\r\n", b" HTTP/1.0\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n")
_LEFT_TO_THE_PARSER = re.compile(
    rb"\r\n(?:transfer-encoding|connection:(?![ \t]*keep-alive[ \t]*\r\n)|expect|upgrade)"
)
_REQUEST_ID = re.compile(rb"\r\nx-request-id:[ \t]*([A-Za-z0-9._-]{1,128})[ \t]*\r\n", re.IGNORECASE)


def head_of(data: bytes) -> bytes | None:
    """The head with which `data` begins, up to what any parser may take for its empty line; None if it is not whole."""
    end = _END.search(data)
    return None if end is None else data[: end.end()]


def head_fault(head: bytes) -> str | None:
    """What is wrong with a head: it could be read in two ways, or takes long to read; None if nothing is."""
    lines = head.count(b"\r\n")
    if head.count(b"\n") != lines or head.count(b"\r") != lines:
        return "a line ends without CR and LF (RFC 9112, section 2.2)"
    if lines > MAX_HEADERS + 2:  # with the request line and the empty one
        return f"it has more than {MAX_HEADERS} headers"
    if head.index(b"\n") > MAX_LINE_BYTES:
        return f"the request line has more than {MAX_LINE_BYTES} bytes"
    if not head[: head.index(b"\n") + 1].endswith(_VERSIONS):
        return "the request line does not end with HTTP/1.1 or HTTP/1.0 (RFC 9112, section 3)"
    if _FOLDED.search(head):
        return "a header is folded over several lines (RFC 9112, section 5.2)"
    if len(head.translate(None, _CONTROLS)) != len(head):
        return "a header has a control character (RFC 9110, section 5.5)"
    framing = _FRAMING.findall(head.lower())
    if len(framing) > 1 or any(b"," in value for _, value in framing):
        return "Content-Length or Transfer-Encoding have several values, or both are there (RFC 9112, section 6.3)"
    if framing and framing[0][0] == b"transfer-encoding" and head[: head.index(b"\n")].endswith(b"1.0\r"):
        return "Transfer-Encoding in a request of HTTP/1.0 (RFC 9112, section 6.1)"
    return None


def plain_request(data: bytes) -> bytes | None:
    """The head of the request, from its request line on, if `data` is exactly one plain HTTP/1.1 request; else None."""
    end = data.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
    if end < 0 or head_fault(data[: end + 4]) is not None:
        return None
    head = data[: end + 2]
    lower = head.lower()
    length = _LENGTH.search(lower)
    if (
        length is None
        or len(data) != end + 4 + int(length[1])
        or lower.count(b"content-length") != 1
        or _LEFT_TO_THE_PARSER.search(lower)
        or not head[: head.index(b"\r\n")].endswith(b" HTTP/1.1")
    ):
        return None
    return head


def request_id_of(head: bytes) -> bytes:
    """The caller's `X-Request-Id` if it is safe to return, else a new one."""
    found = _REQUEST_ID.search(head)
    return found[1] if found else token_hex(16).encode()
