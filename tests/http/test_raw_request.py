"""Which bytes are one plain request, that may be refused without the HTTP parser."""

import pytest

from wacrmd.http.raw_request import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_LINE_BYTES,
    head_fault,
    head_of,
    plain_request,
    request_id_of,
)


def raw(*headers: str, line: str = "POST /hook HTTP/1.1", body: bytes = b"12345") -> bytes:
    return "\r\n".join([line, *headers, "", ""]).encode() + body


LENGTH = "Content-Length: 5"


@pytest.mark.parametrize(
    "data",
    [
        raw("Host: a", LENGTH),
        raw("content-length:5", "Connection: keep-alive"),
        raw("X-Hub-Signature-256: sha256=00", "CONTENT-LENGTH: \t5 "),
        raw("Content-Length: 0", body=b""),
        raw(LENGTH, body=b"1\r\n\r\n"),
    ],
)
def test_a_plain_request(data: bytes) -> None:
    head = plain_request(data)
    assert head is not None
    assert head.startswith(b"POST /hook HTTP/1.1\r\n")
    assert head.endswith(b"\r\n")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"POST /hook HTTP/1.1\r\nContent-Length: 5\r\n",
        raw("Host: a"),
        raw(LENGTH, body=b"1234"),
        raw(LENGTH, body=b"123456"),
        raw(LENGTH) + raw(LENGTH),
        raw(LENGTH, LENGTH),
        raw(LENGTH, "Content-Length: 50"),
        raw(LENGTH, "Content-Length : 50"),
        raw(LENGTH, "X-Content-Length: 50"),
        raw("Content-Length: +5"),
        raw("Content-Length: 5, 5"),
        raw("Content-Length: 0x5"),
        raw("Content-Length : 5"),
        raw(LENGTH, " folded"),
        raw(LENGTH, "Transfer-Encoding: chunked"),
        raw(LENGTH, "transfer-encoding : chunked"),
        raw(LENGTH, "Connection: close"),
        raw(LENGTH, "Connection: keep-alive, close"),
        raw(LENGTH, "Expect: 100-continue"),
        raw(LENGTH, "Upgrade: h2c"),
        raw(LENGTH, line="POST /hook HTTP/1.0"),
        raw(LENGTH, line="POST /hook HTTP/2.0"),
        raw(LENGTH, line="POST /hook"),
        raw(LENGTH, "X: " + "x" * MAX_HEAD_BYTES),
        raw(LENGTH).replace(b"\r\n", b"\n"),
        raw("X: a\nTransfer-Encoding: chunked", LENGTH),
        raw("X: a\n\nPOST /hook HTTP/1.1", LENGTH),
    ],
)
def test_anything_else_is_left_to_the_parser(data: bytes) -> None:
    assert plain_request(data) is None


CHUNKED = "Transfer-Encoding: chunked"
FAULTS = {
    "a header has a control character": [
        raw(f"X: a{chr(byte)}b", LENGTH) for byte in (*range(32), 127) if chr(byte) not in "\t\r\n"
    ],
    "a line ends without CR and LF": [
        raw("X: a\nTransfer-Encoding: chunked", LENGTH),
        raw("X: a\rTransfer-Encoding: chunked", LENGTH),
        raw("X: a\n", LENGTH),
        raw(LENGTH).replace(b"\r\n", b"\n"),
        b"POST / HTTP/1.1\r\nHost: a\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\n\n",
        b"\n\nPOST / HTTP/1.1\r\n\r\n",
    ],
    "the request line does not end with HTTP/1.1 or HTTP/1.0": [
        raw(LENGTH, line="POST / HTTP/2.0"),
        raw(LENGTH, line="POST / HTTP/1.2"),
        raw(LENGTH, line="POST / http/1.1"),
        raw(LENGTH, line="POST / HTTP/1.1 "),
        raw(LENGTH, line="POST /HTTP/1.1"),
        raw(LENGTH, line="POST /"),
        b"\r\n\r\n",
    ],
    "a header is folded": [
        raw("X: a", " b", LENGTH),
        raw("X: a", "\tb", LENGTH),
        raw("Transfer-Encoding:", " chunked"),
        raw(" X: a", LENGTH),
    ],
    "Content-Length or Transfer-Encoding have several values, or both are there": [
        raw(LENGTH, CHUNKED),
        raw(CHUNKED, LENGTH),
        raw(LENGTH, LENGTH),
        raw("CONTENT-LENGTH: 5", "content-length: 6"),
        raw("Content-Length: 5, 5"),
        raw("Content-Length : 5", CHUNKED),
        raw(CHUNKED, CHUNKED),
        raw("Transfer-Encoding: chunked, identity"),
    ],
    f"it has more than {MAX_HEADERS} headers": [raw(*["a:"] * (MAX_HEADERS + 1)), raw(*["a:"] * 7000)],
    f"the request line has more than {MAX_LINE_BYTES} bytes": [
        raw(LENGTH, line="POST /?" + "a=&" * (MAX_LINE_BYTES // 3) + " HTTP/1.1"),
        raw(LENGTH, line="A" * MAX_LINE_BYTES + " / HTTP/1.1"),
    ],
    "Transfer-Encoding in a request of HTTP/1.0": [raw(CHUNKED, line="POST / HTTP/1.0")],
}


@pytest.mark.parametrize(
    ("fault", "data"), [(fault, data) for fault, all_ in FAULTS.items() for data in all_]
)
def test_what_is_wrong_with_a_head_and_it_is_not_plain(fault: str, data: bytes) -> None:
    head = head_of(data)
    assert head is not None
    assert (head_fault(head) or "").startswith(fault)
    assert plain_request(data) is None


@pytest.mark.parametrize(
    "data",
    [
        raw(LENGTH),
        raw(CHUNKED),
        raw("X: a, b", LENGTH, "Y: c, d"),
        raw("X: mét\tb", LENGTH),
        raw("X-Content-Length: 5", "X-Transfer-Encoding: a", LENGTH),
        raw("X: content-length: 7", LENGTH),
        raw(LENGTH, line="POST / HTTP/1.0"),
        raw(*["a:"] * MAX_HEADERS, body=b""),
        raw(line="GET / HTTP/1.1".replace(" /", " /" + "a" * (MAX_LINE_BYTES - 20)), body=b""),
        raw(line="GET / HTTP/1.1", body=b""),
    ],
)
def test_a_head_without_a_fault(data: bytes) -> None:
    head = head_of(data)
    assert head == data[: data.index(b"\r\n\r\n") + 4]
    assert head_fault(head) is None


def test_a_head_is_whole_with_its_empty_line() -> None:
    for data in (
        b"",
        b"POST / HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\n\r",
    ):
        assert head_of(data) is None


def test_the_id_of_a_request() -> None:
    assert request_id_of(raw("Host: a", "X-Request-Id: Order-17.retry_2 ")) == b"Order-17.retry_2"
    for bad in ("a b", "a/b", "x" * 129, ""):
        assert len(request_id_of(raw(f"X-Request-Id: {bad}", "Host: a"))) == 32
    assert request_id_of(raw("Host: a")) != request_id_of(raw("Host: a"))
