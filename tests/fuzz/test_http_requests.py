"""Raw bytes on the two listeners: answered with HTTP or closed, and the next client is served."""

import re
import socket

import h11
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.effort import examples
from tests.fuzz.fuzzed_site import FuzzedSite
from tests.fuzz.growth import assert_grows_in_proportion
from tests.fuzz.mutations import mutated_bytes
from tests.support.patience import PATIENCE_S
from wacrmd.http.raw_request import plain_request, request_id_of
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
@given(mutated_bytes(REQUESTS, TOKENS, changes=4) | st.binary(max_size=60), st.booleans())
def test_any_bytes_are_answered_with_http_or_closed(here: FuzzedSite, data: bytes, is_api: bool) -> None:
    answer = exchange(here.api_address if is_api else here.hook_address, data)
    assert not answer or STATUS_LINE.match(answer)
    assert not re.match(rb"HTTP/1\.1 500", answer), answer[:500]
    with here.api as api:
        assert api.get("/livez").status_code == 200


@examples(200)
@given(mutated_bytes(REQUESTS, TOKENS, changes=4))
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
    except h11.RemoteProtocolError:
        return  # answered with an error, and closed
    assert isinstance(request, h11.Request)
    received = b""
    while isinstance(event := parser.next_event(), h11.Data):
        received += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert len(received) == len(data) - len(head) - 2
    assert parser.trailing_data[0] == b""


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
