"""`Content-Encoding` of a request's body: gzip is decoded within the limit of size, others are refused."""

import zlib

from starlette.types import Scope

from wacrmd.errors import ErrorCode, Refusal, bad_request, payload_too_large

GZIP_NAMES = frozenset({b"gzip", b"x-gzip"})
"""`x-gzip` is the same (RFC 9110, section 8.4.1.3)."""

MAX_MEMBERS = 4096
"""A gzip body may have several members, such as the blocks of bgzip. Each costs some time, even without content."""

_CHUNK = 64 << 10
_GZIP_ONLY = 16 + zlib.MAX_WBITS


def is_gzip(scope: Scope) -> bool:
    """Whether the body is gzip; False for a body as it is. Refuses every other coding and more than one."""
    given = b",".join(value for name, value in scope["headers"] if name == b"content-encoding")
    codings = [coding for part in given.lower().split(b",") if (coding := part.strip())]
    wanted = [coding for coding in codings if coding != b"identity"]
    if len(wanted) > 1 or any(coding not in GZIP_NAMES for coding in wanted):
        found = given[:60].decode("latin-1").strip()
        raise Refusal(
            ErrorCode.UNSUPPORTED_MEDIA_TYPE,
            f"Content-Encoding: expected gzip or identity, found {found!r}",
            headers={"Accept-Encoding": "gzip, identity"},
        )
    return bool(wanted)


def wire_limit(limit: int) -> int:
    """How many bytes of gzip may hold `limit` bytes: what cannot be compressed gets a little larger."""
    return limit + (limit >> 8) + 4096


def gunzip(body: bytes, limit: int) -> bytes:
    """The content of one or more gzip members: at most `limit` bytes, and never more in memory.

    Raises Refusal for more, for what is damaged or cut off, and for anything after the last member.
    """
    decoded: list[bytes] = []
    size, members = 0, 1
    member = zlib.decompressobj(_GZIP_ONLY)
    try:
        for start in range(0, len(body), _CHUNK):
            chunk = body[start : start + _CHUNK]
            while chunk:
                if member.eof:
                    members += 1
                    if members > MAX_MEMBERS:
                        raise bad_request(f"The gzip body has more than {MAX_MEMBERS} members")
                    member = zlib.decompressobj(_GZIP_ONLY)
                piece = member.decompress(chunk, limit - size + 1)
                size += len(piece)
                if size > limit:
                    raise payload_too_large(limit)
                decoded.append(piece)
                chunk = member.unused_data if member.eof else member.unconsumed_tail
    except zlib.error as error:
        raise bad_request(f"The body is not valid gzip: {error}") from error
    if not member.eof:
        raise bad_request("The body is not valid gzip: its end is missing")
    return b"".join(decoded)
