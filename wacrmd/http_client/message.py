"""Requests as they are written, and answers as they are read; pure."""

import re
import zlib
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from typing import NamedTuple

_UNSAFE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
"""What no line of a request's head may hold: it could end the line and begin another one."""

_PORTS = {False: 80, True: 443}


class Origin(NamedTuple):
    """A server: connections to it are used again for requests to the same origin only."""

    tls: bool
    host: str
    port: int

    @property
    def authority(self) -> str:
        """The value of `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.tls] else f"{host}:{self.port}"


class RequestHead:
    """A request without its body; it can be sent again and again with another body."""

    __slots__ = ("_has_length", "_lines", "origin")

    def __init__(
        self, method: str, origin: Origin, target: str, headers: Iterable[tuple[bytes, bytes]]
    ) -> None:
        """Raises ValueError for what no head may hold; `Host` and `Content-Length` are added here."""
        lines = [
            f"{method} {target} HTTP/1.1".encode("ascii"),
            b"Host: %b" % origin.authority.encode("ascii"),
        ]
        lines += [b"%b: %b" % pair for pair in headers]
        if any(_UNSAFE.search(line) for line in lines):
            raise ValueError("a control character in the head of the request")
        self.origin = origin
        self._has_length = method not in ("GET", "HEAD")
        self._lines = b"\r\n".join(lines)

    def with_body(self, body: bytes) -> bytes:
        """The whole request."""
        return self.beginning(body, len(body))

    def beginning(self, body: bytes, length: int) -> bytes:
        """The head, and the first bytes of a body of this length."""
        if not body and not self._has_length:
            return b"%b\r\n\r\n" % self._lines
        return b"%b\r\nContent-Length: %d\r\n\r\n%b" % (self._lines, length, body)


class LongBody(NamedTuple):
    """A body that is too long to be in memory as a whole: its parts are `length` bytes together."""

    length: int
    parts: AsyncIterable[bytes]


class Headers(Mapping[str, str]):
    """The headers of an answer; finds names in any case, and the first of several."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self.raw = raw

    def __getitem__(self, name: str) -> str:
        wanted = name.lower().encode("latin-1", "replace")
        for key, value in self.raw:
            if key.lower() == wanted:
                return value.decode("latin-1")
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key.lower().decode("latin-1") for key, _ in self.raw))

    def __len__(self) -> int:
        return len(list(iter(self)))


class Answer(NamedTuple):
    """A whole answer, its content decoded."""

    status: int
    headers: Headers
    content: bytes


def decoded(content: bytes, encoding: str, limit: int) -> bytes:
    """`content` without its Content-Encoding; raises ValueError if it is broken or longer than `limit` bytes.

    No request asks for an encoding. gzip and deflate are undone all the same, because a proxy may add them; what
    has another one stays as it is.
    """
    if encoding not in ("gzip", "x-gzip", "deflate"):
        return content
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: the header says which of the two it is
    try:
        plain = decoder.decompress(content, limit + 1)
    except zlib.error as error:
        raise ValueError(f"the answer's {encoding} cannot be decoded: {error}") from error
    if len(plain) > limit:
        raise ValueError(f"the answer is longer than {limit} bytes")
    if not decoder.eof:
        raise ValueError(f"the answer's {encoding} ends too early")
    return plain
