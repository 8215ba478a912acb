"""HTTP to Meta: our own client for messages, and the same one behind httpx's interface for management calls."""

import ssl
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

import httpx

from wacrmd.clock import Millis
from wacrmd.http_client.client import HttpClient, Timeouts
from wacrmd.http_client.connector import Connector
from wacrmd.http_client.failure import IdleConnectionLostError, OutcomeUnknownError, Phase
from wacrmd.http_client.message import Answer, LongBody, Origin, RequestHead
from wacrmd.http_client.tls import Tls, no_doubt

DNS_CACHE_S = 30.0
"""How long an address from DNS is used; Meta's own records live for a minute."""

MAX_ANSWER_BYTES = 1 << 20
"""A longer answer is not read to its end; Meta's answers to sends have some hundred bytes."""


class Transport(httpx.AsyncBaseTransport):
    """An httpx transport over our own HTTP client: no redirects, no cookies, no proxies, no retries, whole answers.

    It uses the timeouts `pool`, `connect` and `read` that httpx puts into a request; `read` is for all from the
    connection to the answer's last byte. Raises NotSentError and OutcomeUnknownError. Without `ssl_context` it
    trusts what httpx trusts: the authorities that `SSL_CERT_FILE` or `SSL_CERT_DIR` names, or else those of certifi.
    `tls`: connections with TLS will come, so the authorities are read now.
    `doubted` returns the daemon's time while the machine's clock is not trusted (`Tls`).
    """

    def __init__(
        self,
        *,
        max_connections: int,
        doubted: Callable[[], Millis | None] = no_doubt,
        ssl_context: Callable[[], ssl.SSLContext] = httpx.create_ssl_context,
        tls: bool = False,
    ) -> None:
        self._client = HttpClient(
            Connector(Tls(ssl_context, doubted, at_once=tls), cache_s=DNS_CACHE_S),
            max_connections=max_connections,
            max_answer_bytes=MAX_ANSWER_BYTES,
        )

    def exchange(
        self, head: RequestHead, body: bytes | LongBody, timeouts: Timeouts
    ) -> Coroutine[Any, Any, Answer]:
        """Send one request once, without httpx's objects, which cost more than the request itself."""
        return self._client.exchange(head, body, timeouts)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` and read the whole answer. A GET on an idle connection that is lost is sent once more."""
        given = request.extensions["timeout"]
        timeouts = Timeouts(given["pool"], given["connect"], given["read"])
        body = await request.aread()
        headers = [pair for pair in request.headers.raw if pair[0].lower() not in _FRAMING]
        head = _head(request.method, request.url, headers)
        try:
            answer = await self._client.exchange(head, body, timeouts)
        except IdleConnectionLostError:
            if request.method != "GET":
                raise
            answer = await self._client.exchange(head, body, timeouts)
        return httpx.Response(
            answer.status,
            headers=[pair for pair in answer.headers.raw if pair[0].lower() not in _TRANSFER],
            content=answer.content,
        )

    async def aclose(self) -> None:
        """Close all connections. Requests in flight fail with an unknown outcome; later ones are not sent."""
        await self._client.aclose()


_FRAMING = frozenset({b"host", b"content-length", b"transfer-encoding", b"connection"})
"""Headers of a request that the client writes itself."""

_TRANSFER = frozenset({b"content-encoding", b"transfer-encoding", b"content-length"})
"""Headers that describe the body as it was transferred; here it is decoded already."""


def request_head(method: str, url: str, headers: Mapping[str, str]) -> RequestHead:
    """The head of a request to `url`; raises OutcomeUnknownError if there can be none."""
    try:
        pairs = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
        return _head(method, httpx.URL(url), pairs)
    except (httpx.InvalidURL, ValueError) as error:
        raise OutcomeUnknownError(Phase.WRITE, str(error)) from error


def _head(method: str, url: httpx.URL, headers: Iterable[tuple[bytes, bytes]]) -> RequestHead:
    if url.scheme not in _PORTS or not url.host:
        raise httpx.InvalidURL(f"expected an http or https URL, found the scheme {url.scheme!r}")
    origin = Origin(url.scheme == "https", url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme])
    return RequestHead(method, origin, url.raw_path.decode("ascii"), headers)


_PORTS = {"http": 80, "https": 443}
