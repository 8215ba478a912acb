"""Requests as they are written, and answers as they are read."""

import gzip
import tracemalloc
import zlib

import pytest

from wacrmd.http_client.message import Headers, Origin, RequestHead, decoded

HERE = Origin(tls=False, host="meta.example", port=80)


@pytest.mark.parametrize(
    ("origin", "authority"),
    [
        (Origin(tls=True, host="a.example", port=443), "a.example"),
        (Origin(tls=True, host="a.example", port=80), "a.example:80"),
        (Origin(tls=False, host="a.example", port=80), "a.example"),
        (Origin(tls=False, host="a.example", port=8080), "a.example:8080"),
        (Origin(tls=False, host="::1", port=80), "[::1]"),
        (Origin(tls=True, host="::1", port=8443), "[::1]:8443"),
    ],
)
def test_the_host_has_a_port_unless_it_is_the_usual_one(origin: Origin, authority: str) -> None:
    assert origin.authority == authority


def test_a_request_is_written_as_http_1_1() -> None:
    head = RequestHead("POST", HERE, "/v25.0/1/messages", [(b"A", b"b"), (b"C", b"d e")])
    assert head.origin == HERE
    assert head.with_body(b'{"a":1}') == (
        b"POST /v25.0/1/messages HTTP/1.1\r\nHost: meta.example\r\nA: b\r\nC: d e\r\n"
        b'Content-Length: 7\r\n\r\n{"a":1}'
    )


@pytest.mark.parametrize(
    ("method", "length"), [("POST", b"Content-Length: 0\r\n"), ("GET", b""), ("HEAD", b"")]
)
def test_a_request_without_a_body_says_so_if_its_method_may_have_one(method: str, length: bytes) -> None:
    whole = RequestHead(method, HERE, "/", []).with_body(b"")
    assert whole == method.encode() + b" / HTTP/1.1\r\nHost: meta.example\r\n" + length + b"\r\n"


def test_a_get_with_a_body_has_its_length() -> None:
    assert RequestHead("GET", HERE, "/", []).with_body(b"x").endswith(b"\r\nContent-Length: 1\r\n\r\nx")


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        ("GET\r\nX: y", "/", (b"A", b"b")),
        ("GET", "/ HTTP/1.1\r\nX: y", (b"A", b"b")),
        ("GET", "/a\nb", (b"A", b"b")),
        ("GET", "/é", (b"A", b"b")),
        ("GET", "/", (b"A", b"b\r\nX: y")),
        ("GET", "/", (b"A\nX", b"b")),
        ("GET", "/", (b"A", b"b\x00")),
        ("GET", "/", (b"A", b"b\x7f")),
    ],
)
def test_nothing_can_end_a_line_of_the_head(method: str, target: str, header: tuple[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match=r"^a control character|ascii"):
        RequestHead(method, HERE, target, [header])


def test_headers_are_found_in_any_case_and_the_first_of_several_counts() -> None:
    headers = Headers([(b"Retry-After", b"7"), (b"retry-after", b"9"), (b"X-\xe9", b"\xe9")])
    assert headers["retry-after"] == headers["Retry-After"] == "7"
    assert headers["x-\xe9"] == "\xe9"
    assert headers.get("date") is None
    assert "RETRY-AFTER" in headers
    assert list(headers) == ["retry-after", "x-\xe9"]
    assert len(headers) == 2
    assert headers.get("€") is None, "no header can have this name"
    with pytest.raises(KeyError, match="date"):
        headers["date"]


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("", b"plain"),
        ("identity", b"plain"),
        ("br", b"plain"),
        ("gzip", gzip.compress(b"plain", mtime=0)),
        ("x-gzip", gzip.compress(b"plain", mtime=0)),
        ("deflate", zlib.compress(b"plain")),
    ],
)
def test_an_encoding_is_undone(encoding: str, content: bytes) -> None:
    assert decoded(content, encoding, 5) == b"plain"


def test_a_long_answer_is_not_decoded_to_its_end() -> None:
    bomb = gzip.compress(b"x" * 50_000_000, mtime=0)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="longer"):
            decoded(bomb, "gzip", 1000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (gzip.compress(b"x" * 1001, mtime=0), "longer than 1000 bytes"),
        (gzip.compress(b"plain", mtime=0)[:-5], "ends too early"),
        (b"plain", "cannot be decoded"),
        (b"", "ends too early"),
    ],
)
def test_a_broken_or_long_encoded_answer_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        decoded(content, "gzip", 1000)
