"""Raw bytes on the two listeners: answered with HTTP or closed, and the next client is served."""

import contextlib
import re
import socket

import h11
import httptools
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fuzz.effort import examples
from tests.fuzz.fuzzed_site import FuzzedSite
from tests.fuzz.growth import assert_grows_in_proportion
from tests.fuzz.mutations import mutated_bytes
from tests.support.patience import PATIENCE_S
from wacrmd.http.raw_request import head_fault, head_of, plain_request, request_id_of
from wacrmd.http.request_target import origin_form

REQUESTS = (
    b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /api/v1/broadcasts HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}",
    b"POST /webhooks/meta HTTP/1.1\r\nHost: a\r\nX-Hub-Signature-256: sha256=00\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /webhooks/meta HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"GET http://user:pass@other/livez?x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"OPTIONS * HTTP/1.0\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    b"GET /livez HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: dGhl\r\n\r\n",
)
TOKENS = (
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\0",
    b":",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: close\r\n",
    b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n",
    b"Host: b\r\n",
    b"ffffffffffffffff\r\n",
    b"%00%2e%2e/",
    b"X: " + b"y" * 9000,
    b"\r\n\r\n",
)
FRAMING = (
    b"Content-Length: 2",
    b"content-length:2",
    b"Content-Length: 5",
    b"Content-Length: 2, 2",
    b"Content-Length: +2",
    b"Content-Length : 2",
    b"Content-Length: 2\nX: y",
    b"X: y\rContent-Length: 2",
    b"X: y\nContent-Length: 5",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding : chunked",
    b"transfer-encoding: x, chunked",
)
OTHER_LINES = (
    b"Host: a",
    b"X: Transfer-Encoding: chunked",
    b"Expect: 100-continue",
    b"Connection: close",
    b"Connection: keep-alive",
    b"Connection: Upgrade, HTTP2-Settings",
    b"Upgrade: h2c",
    b" folded: 2",
    b"\tfolded",
    b"X-Request-Id: " + b"i" * 200,
    b"X: " + b"y" * 9000,
    b"",
)
STARTS = (
    b"POST /webhooks/meta HTTP/1.1",
    b"GET / HTTP/1.1",
    b"POST / HTTP/1.0",
    b"POST http://b/livez HTTP/1.1",
    b"PRI * HTTP/2.0",
)
BODIES = (b"", b"{}", b"12345", b"2\r\n{}\r\n0\r\n\r\n", b"{}POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request whose lines may contradict each other about where it ends."""
    framing = [draw(st.sampled_from(FRAMING[:3])), *draw(st.lists(st.sampled_from(FRAMING), max_size=2))]
    others = draw(st.lists(st.sampled_from(OTHER_LINES), max_size=1))
    lines = [draw(st.sampled_from(STARTS)), *draw(st.permutations([b"Host: a", *framing, *others]))]
    return b"\r\n".join(lines) + b"\r\n\r\n" + draw(st.sampled_from(BODIES))


STATUS_LINE = re.compile(rb"HTTP/1\.1 [1-5][0-9][0-9] ")


def exchange(address: str, data: bytes) -> bytes:
    """Send the bytes, and all that comes back until the server closes; the sending side is closed first."""
    host, _, port = address.rpartition(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connected:
        try:
            connected.sendall(data)
            connected.shutdown(socket.SHUT_WR)
            while piece := connected.recv(65536):
                received += piece
        except (BrokenPipeError, ConnectionResetError):
            pass
    return received


@examples(80)
@given(requests() | mutated_bytes(REQUESTS, TOKENS, changes=4) | st.binary(max_size=60), st.booleans())
def test_any_bytes_are_answered_with_http_or_closed(here: FuzzedSite, data: bytes, is_api: bool) -> None:
    answer = exchange(here.api_address if is_api else here.hook_address, data)
    assert not answer or STATUS_LINE.match(answer)
    assert not re.match(rb"HTTP/1\.1 500", answer), answer[:500]
    with here.api as api:
        assert api.get("/livez").status_code == 200


def smuggling(*framing: bytes) -> bytes:
    """A request of which two parsers may see another end."""
    return b"\r\n".join((b"POST / HTTP/1.1", b"Host: a", *framing, b"", b"{}"))


@examples(500)
@example(smuggling(b"Content-Length: 2", b"Content-Length: 5"))
@example(smuggling(b"Content-Length: 2", b"Transfer-Encoding: chunked"))
@example(smuggling(b"X: y\nContent-Length: 5", b"Content-Length: 2"))
@example(smuggling(b"Content-Length: 2", b"Content-Length : 5"))
@given(requests() | mutated_bytes(REQUESTS, TOKENS, changes=4))
def test_a_request_that_is_refused_unparsed_ends_where_the_parser_says(data: bytes) -> None:
    """Else the rest would be taken for a second request, which nobody sent (request smuggling)."""
    head = plain_request(data)
    if head is None:
        return
    assert re.fullmatch(rb"[A-Za-z0-9._-]{1,128}", request_id_of(head))
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    parser.receive_data(data)
    try:
        request = parser.next_event()
    except h11.RemoteProtocolError as error:  # answered with an error; but not for its framing
        assert "Content-Length" not in str(error)
        assert "Transfer-Encoding" not in str(error)
        return
    assert isinstance(request, h11.Request)
    received = b""
    while isinstance(event := parser.next_event(), h11.Data):
        received += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert len(received) == len(data) - len(head) - 2
    assert parser.trailing_data[0] == b""


class Parsed:
    """What llhttp, the parser of our client and of Node.js, takes for one request."""

    def __init__(self, data: bytes) -> None:
        self.body = b""
        self.requests = 0
        with contextlib.suppress(httptools.HttpParserUpgrade):
            httptools.HttpRequestParser(self).feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.requests += 1


@examples(500)
@given(requests())
def test_two_parsers_agree_where_a_request_ends_that_is_without_fault(data: bytes) -> None:
    """h11 and llhttp forgive other things. A proxy that reads a request in another way must not get one past us."""
    head = head_of(data)
    if head is None or head_fault(head) is not None:
        return
    one = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    one.receive_data(data)
    try:
        events = [one.next_event()]
        while isinstance(events[-1], h11.Request | h11.Data):
            events.append(one.next_event())
        other = Parsed(data)
    except (h11.RemoteProtocolError, httptools.HttpParserError):
        return  # one of them refuses it
    if isinstance(events[-1], h11.EndOfMessage) and not one.trailing_data[0]:
        assert other.requests == 1
        assert other.body == b"".join(bytes(each.data) for each in events if isinstance(each, h11.Data))


@examples(100)
@given(
    mutated_bytes(
        [b"http://user:pass@host:1/path?query", b"/a/b?c", b"*", b"https://[::1]"],
        [b"@", b"/", b"?", b"#", b"//"],
    )
)
def test_a_target_has_one_form_and_shows_no_password(target: bytes) -> None:
    found, headers = origin_form(b"GET", target, [(b"host", b"a")])
    assert len([name for name, _ in headers if name == b"host"]) == 1
    if re.match(rb"(?i)https?://[^/?#]", target):
        assert found.startswith(b"/") or b"\n" in target
        assert b"@" not in dict(headers)[b"host"] or b"\n" in target


@examples(8)
@given(st.sampled_from(TOKENS))
def test_a_head_is_looked_at_in_linear_time(unit: bytes) -> None:
    assert_grows_in_proportion(
        lambda size: b"POST / HTTP/1.1\r\nContent-Length: 2\r\n" + unit * (size // len(unit)) + b"\r\n\r\n{}",
        plain_request,
        200_000,
    )
