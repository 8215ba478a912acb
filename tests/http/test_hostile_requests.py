"""Both listeners of the real daemon, by the byte: requests that can be read in two ways, other protocols, a foreign host."""

import asyncio
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE_S
from tests.support.site import Site, site

pytestmark = pytest.mark.anyio

WEBHOOKS, API = "POST /webhooks/meta HTTP/1.1", "POST /api/v1/broadcasts HTTP/1.1"
CHUNKED = "Transfer-Encoding: chunked"
REFUSED = {
    "both lengths": ["Content-Length: 5", CHUNKED],
    "both lengths, the other way round": [CHUNKED, "Content-Length: 5"],
    "two lengths": ["Content-Length: 5", "Content-Length: 6"],
    "the same length twice": ["Content-Length: 5", "Content-Length: 5"],
    "a list of lengths": ["Content-Length: 5, 5"],
    "a length with a sign": ["Content-Length: +5"],
    "a negative length": ["Content-Length: -5"],
    "a hexadecimal length": ["Content-Length: 0x5"],
    "a length with an underscore": ["Content-Length: 1_0"],
    "a length of Arabic digits": ["Content-Length: ٥"],
    "a length of 5,000 digits": ["Content-Length: " + "9" * 5000],
    "no length": ["Content-Length: "],
    "two codings": ["Transfer-Encoding: chunked, identity"],
    "chunked twice": [CHUNKED, CHUNKED],
    "identity": ["Transfer-Encoding: identity"],
    "another coding": ["Transfer-Encoding: xchunked"],
    "a coding behind a vertical tab": ["Transfer-Encoding: \x0bchunked"],
    "a space before the colon": ["Content-Length : 5"],
    "a folded header": ["X: a", " Content-Length: 5"],
    "a folded coding": ["Transfer-Encoding:", " chunked"],
    "a line that ends with LF": ["X: a\nTransfer-Encoding: chunked"],
    "a line that ends with CR": ["X: a\rTransfer-Encoding: chunked"],
    "an empty line of LF alone": ["X: a\n\nGET /metrics HTTP/1.1"],
    "a zero byte": ["X: a\0b"],
    "an escape": ["X: \x1b[2J"],
    "a unit separator behind a value": ["X: a\x1f"],
    "a delete": ["X: a\x7fb"],
    "no colon": ["Content-Length"],
    "no name": [": 5"],
    "two hosts": ["Host: b"],
}
LINES_REFUSED = [
    "POST /webhooks/meta HTTP/2.0",
    "POST /webhooks/meta HTTP/1.2",
    "POST /webhooks/meta HTTP/3.7",
    "POST /webhooks/meta http/1.1",
    "POST /webhooks/meta",
    "POST  /webhooks/meta HTTP/1.1",
    "POST\t/webhooks/meta\tHTTP/1.1",
    "POST /webhooks/\0meta HTTP/1.1",
    "POST /webhooks/mét HTTP/1.1",
    " POST /webhooks/meta HTTP/1.1",
]
BODIES_REFUSED = {
    "a chunk size without end": b"F" * 70_000,
    "a chunk size with a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "a chunk size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "a chunk that is longer than its size": b"5\r\nhelloworld\r\n0\r\n\r\n",
    "an extension of a chunk without end": b"5;" + b"x" * 70_000,
    "an empty line of LF after the last chunk": b"0\r\n\n",
    "trailers": b"0\r\nX: y\r\n\r\n",
    "trailers that end with LF": b"0\r\nX: y\n\n",
    "many trailers": b"0\r\n" + b"x:\r\n" * 7000 + b"\r\n",
    "trailers without end": b"0\r\n" + b"x: y\r\n" * 12_000,
}
SIGNED = "X-Hub-Signature-256: sha256=" + "0" * 64


def request(line: str, *headers: str, host: str = "a") -> bytes:
    return "\r\n".join([line, f"Host: {host}", *headers, "", ""]).encode()


async def answer_to(address: str, sent: bytes) -> bytes:
    """What comes back until the listener closes the connection."""
    host, port = address.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(PATIENCE_S):
            writer.write(sent)
            await writer.drain()
            return await reader.read()
    finally:
        writer.close()


async def is_refused(address: str, sent: bytes, what: str) -> None:
    answer = await answer_to(address, sent)
    assert answer.startswith(b"HTTP/1.1 400 "), (what, answer)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head, what
    assert b"x-request-id: " in head, what
    assert body.startswith(b'{"error":{"code":"bad_request"'), what
    assert answer.count(b"x-request-id") == 1, (what, "one answer, whatever follows")


async def test_what_two_parsers_could_read_in_two_ways_is_refused_and_closes_the_connection(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as here:
        for address, line in (
            (here.running.meta_webhooks_address, WEBHOOKS),
            (here.running.api_address, API),
        ):
            for what, headers in REFUSED.items():
                await is_refused(address, request(line, *headers) + b"hello", what)
            for each in LINES_REFUSED:
                await is_refused(address, request(each, "Content-Length: 0"), each)
            old = line.replace("1.1", "1.0")
            await is_refused(address, request(old, CHUNKED) + b"0\r\n\r\n", "a coding in HTTP/1.0")
            await is_refused(address, request(line, "X: " + "x" * 70_000), "headers without end")
            key = f"Authorization: Bearer {here.key}"
            for what, body in BODIES_REFUSED.items():
                await is_refused(address, request(line, SIGNED, key, CHUNKED) + body, what)
            await a_client_that_sends_on_sees_the_refusal(address, line)
        await no_other_protocol_is_spoken(here)
        await no_answer_has_the_name_that_the_caller_writes(here)


async def a_client_that_sends_on_sees_the_refusal(address: str, line: str) -> None:
    sent = request(line, "Content-Length: 900000", CHUNKED) + b"x" * 900_000
    await is_refused(address, sent, "a body of 900 KB after a refused head")


async def no_other_protocol_is_spoken(here: Site) -> None:
    """Not HTTP/2, with and without an upgrade, no websocket and no TLS."""
    for address in (here.running.meta_webhooks_address, here.running.api_address):
        await is_refused(address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0" * 20, "HTTP/2")
        await is_refused(address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "TLS")
        for protocol in ("h2c", "websocket"):
            for method in ("GET", "OPTIONS"):
                upgrade = request(
                    f"{method} /webhooks/meta HTTP/1.1",
                    f"Upgrade: {protocol}",
                    "Connection: Upgrade, HTTP2-Settings, close",
                    "HTTP2-Settings: AAMAAABkAAQAAP__",
                    "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
                )
                answer = await answer_to(address, upgrade)
                assert int(answer.split()[1]) in (204, 401, 403), answer
                assert answer.count(b"HTTP/1.1 ") == 1


async def no_answer_has_the_name_that_the_caller_writes(here: Site) -> None:
    paths = (
        "/",
        "/webhooks/meta",
        "/webhooks/meta/",
        "/webhooks//meta",
        "/livez/",
        "/api/v1/me/",
        "//evil.test",
    )
    for address in (here.running.meta_webhooks_address, here.running.api_address):
        for path in (*paths, "/api/v1/broadcasts/", "/api/v1/openapi.json/", "http://evil.test/livez/", "*"):
            for method in ("GET", "POST", "HEAD", "OPTIONS", "PUT"):
                sent = request(f"{method} {path} HTTP/1.1", "Connection: close", host="evil.test")
                head = (await answer_to(address, sent)).partition(b"\r\n\r\n")[0].lower()
                assert b"evil" not in head, (method, path)
                assert b"location:" not in head, (method, path)
                assert not head.startswith(b"http/1.1 3"), (method, path)
