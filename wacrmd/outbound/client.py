"""One POST to the URL of a local app. It reaches allowed addresses only and follows no redirect."""

import asyncio
import os
import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wacrmd import __version__
from wacrmd.clock import Millis
from wacrmd.errors import describe
from wacrmd.http.address_policy import AddressPolicy, parse_url, refusal
from wacrmd.http.address_policy import detail as forbidden_detail
from wacrmd.http_client import dns
from wacrmd.http_client.client import HttpClient, Timeouts
from wacrmd.http_client.connector import Connector, ForbiddenAddressError, Resolve
from wacrmd.http_client.failure import IdleConnectionLostError, NotSentError, Phase, RequestFailedError
from wacrmd.http_client.message import Headers, Origin, RequestHead
from wacrmd.http_client.tls import Tls, no_doubt

MAX_ANSWER_BYTES = 64 << 10
"""How much of an answer is read, so that the connection can be used again. Nothing of it is kept or waited for."""

RECEIVE_BUFFER = 16 << 10
"""Of a connection: small, because answers are, and many may come from servers that want to do harm."""

MAX_LOOKUPS = 128
"""Host names that are looked up at the same time, each on a thread."""

USER_AGENT = f"wacrmd/{__version__}"


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """The result of one attempt: the HTTP status, if there was an answer, and the error, if it failed."""

    status: int | None
    error: str | None
    """For the account that owns the webhook: it holds nothing of the daemon's network, nor what the other side wrote."""
    duration_s: float
    detail: str | None = None
    """What is known besides; for the log."""

    @property
    def succeeded(self) -> bool:
        """Whether the app accepted the event: it answered 2xx."""
        return self.error is None


class WebhookClient:
    """Posts webhooks. `address_policy` returns the policy in force: the configuration may change meanwhile.

    The policy is applied when the socket is created, to the address that is connected to. So a name whose address
    changes between a check and the connection (DNS rebinding) cannot get around it.
    """

    def __init__(
        self,
        address_policy: Callable[[], AddressPolicy],
        *,
        resolve: Resolve | None = None,
        doubted: Callable[[], Millis | None] = no_doubt,
    ) -> None:
        self._address_policy = address_policy
        connector = Connector(
            Tls(_tls_context, doubted, at_once=True),
            resolve=resolve or dns.Lookups(MAX_LOOKUPS).resolve,
            check=self._check,
            receive_buffer=RECEIVE_BUFFER,
        )
        self._client = HttpClient(connector, max_connections=sys.maxsize, max_answer_bytes=MAX_ANSWER_BYTES)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float
    ) -> DeliveryResult:
        """Post JSON, in `timeout_s` from the first look-up to the head of the answer; raises nothing but cancellation.

        It is sent once more if a connection that was used before is lost without any answer: the app has hardly read it,
        and an event may come twice.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        status: int | None = None
        error: str | None = None
        detail: str | None = None
        try:
            head = _head(url, headers)
            try:
                answer = await self._client.exchange(head, body, _within(timeout_s), status_only=True)
            except IdleConnectionLostError:
                left = _within(max(0.0, timeout_s - (loop.time() - began)))
                answer = await self._client.exchange(head, body, left, status_only=True, fresh=True)
            status, error = answer.status, _status_error(answer.status, answer.headers)
        except RequestFailedError as failure:
            error, detail = explain(failure, head.origin.host), describe(failure)
        except Exception as failure:  # noqa: BLE001 - a strange URL of one app must not stop other deliveries
            error = describe(failure)
        return DeliveryResult(status, error, loop.time() - began, detail)

    def _check(self, host: str, address: str) -> None:
        if not self._address_policy().allows(host, address):
            raise ForbiddenAddressError(forbidden_detail(host, address))


def _tls_context() -> ssl.SSLContext:
    """The default, without the key exchanges that cost as much as the server wishes.

    In TLS 1.2 a server may send a prime of 10,000 bits: each handshake held the event loop for 0.8 s. In TLS 1.3 it may
    ask for ffdhe8192: 0.13 s, before its certificate is looked at. Python can name one group only, so it is the one that
    every server must have (RFC 8446, section 9.1).
    """
    context = ssl.create_default_context()
    context.set_ecdh_curve("prime256v1")
    context.set_ciphers(":".join(each["name"] for each in context.get_ciphers() if each["kea"] != "kx-dhe"))
    return context


def _within(seconds: float) -> Timeouts:
    return Timeouts(seconds, seconds, seconds, read_from_start=True)


def _head(url: str, headers: Mapping[str, str]) -> RequestHead:
    target = parse_url(url)
    origin = Origin(target.scheme == "https", target.raw_host or "", target.port or 0)
    given = {**headers, "Content-Type": "application/json", "User-Agent": USER_AGENT, "Accept": "*/*"}
    pairs = [(name.encode("ascii"), value.encode()) for name, value in given.items()]
    return RequestHead("POST", origin, target.raw_path_qs or "/", pairs)


def _status_error(status: int, headers: Headers) -> str | None:
    """Why a status is a failure; None for 2xx."""
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's successes
        return None
    if 300 <= status < 400 and headers.get("Location"):  # noqa: PLR2004 - HTTP's redirects
        return f"HTTP {status}: redirects are not followed, change the URL instead"
    return f"HTTP {status}"


def explain(failure: RequestFailedError, host: str) -> str:
    """Why no answer came, without an address or a text of the other side.

    The text of an exception of the system may have an address in it, so its kind is told instead.
    """
    cause = failure.__cause__
    if cause is None:
        return failure.detail
    if isinstance(cause, ForbiddenAddressError):
        return refusal(host)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {getattr(cause, 'verify_message', cause)}"
    if isinstance(cause, ssl.SSLError):
        return f"no TLS connection: {(cause.reason or 'unknown error').lower().replace('_', ' ')}"
    if failure.phase is Phase.RESOLVE:
        return "the host name cannot be looked up"
    what = "no connection" if isinstance(failure, NotSentError) else "the connection broke"
    return f"{what}: {os.strerror(cause.errno)}" if isinstance(cause, OSError) and cause.errno else what
