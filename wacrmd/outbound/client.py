"""One POST to the URL of a local app. It reaches allowed addresses only and follows no redirect."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType

from wacrmd import __version__
from wacrmd.errors import describe
from wacrmd.http import dns
from wacrmd.http.address_policy import AddressPolicy, parse_url, refusal

MAX_ANSWER_BYTES = 64 << 10
"""How much of an answer is read, so that the connection can be used again. Nothing of it is kept or shown."""

KEEPALIVE_S = 4.0
USER_AGENT = f"wacrmd/{__version__}"

_host: ContextVar[str] = ContextVar("host")


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """The result of one attempt: the HTTP status, if there was an answer, and the error, if it failed."""

    status: int | None
    error: str | None
    duration_s: float

    @property
    def succeeded(self) -> bool:
        """Whether the app accepted the event: it answered 2xx."""
        return self.error is None


class ForbiddenAddressError(OSError):
    """The URL's host has an address that must not be called."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(refusal(host, address))


class _SystemResolver(AbstractResolver):
    """Resolves names as the system does."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family  # addresses of every family: the connector tries them one after the other
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=found, proto=0, flags=socket.AI_NUMERICHOST
            )
            for found, address in await dns.resolve(host, port)
        ]

    async def close(self) -> None:
        """Nothing to close."""


class WebhookClient:
    """Posts webhooks. `address_policy` returns the policy in force: the configuration may change meanwhile.

    The policy is applied when the socket is created, to the address that is connected to. So a name whose address
    changes between a check and the connection (DNS rebinding) cannot get around it.
    """

    def __init__(
        self, address_policy: Callable[[], AddressPolicy], *, resolver: AbstractResolver | None = None
    ) -> None:
        self._address_policy = address_policy
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=resolver or _SystemResolver(),
                use_dns_cache=False,
                ssl=ssl.create_default_context(),
                limit=0,
                keepalive_timeout=KEEPALIVE_S,
                socket_factory=self._socket,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float
    ) -> DeliveryResult:
        """Post JSON once; every failure becomes a result, none is raised."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        status: int | None = None
        error: str | None = None
        try:
            target = parse_url(url)
            _host.set(target.host or "")
            async with (
                asyncio.timeout(timeout_s),
                self._session.post(
                    target,
                    data=body,
                    headers={**headers, "Content-Type": "application/json", "User-Agent": USER_AGENT},
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as answer,
            ):
                status, error = answer.status, _status_error(answer)
                await self._discard_body(answer)
        except TimeoutError:
            if status is None:
                error = f"no answer within {timeout_s:g} s"
        except Exception as failure:  # noqa: BLE001 - a strange answer of one app must not stop other deliveries
            if status is None:
                error = _failure(failure)
        return DeliveryResult(status, error, loop.time() - began)

    def _socket(self, info: AddrInfoType) -> socket.socket:
        """A socket for one address of the URL's host; raises ForbiddenAddressError."""
        family, kind, protocol, _, address = info
        host, target = _host.get(), str(address[0])
        if not self._address_policy().allows(host, target):
            raise ForbiddenAddressError(host, target)
        return socket.socket(family, kind, protocol)

    async def _discard_body(self, answer: aiohttp.ClientResponse) -> None:
        """Read a short answer to its end; close the connection of a long one."""
        size = 0
        async for part in answer.content.iter_any():
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                answer.close()
                return


def _status_error(answer: aiohttp.ClientResponse) -> str | None:
    """Why a status is a failure; None for 2xx."""
    if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's successes
        return None
    if answer.headers.get("Location"):
        return f"HTTP {answer.status}: redirects are not followed, change the URL instead"
    return f"HTTP {answer.status}"


def _failure(failure: BaseException) -> str:
    """Why no answer came, without the exceptions that aiohttp wraps around the cause."""
    forbidden = _forbidden_address(failure)
    if forbidden is not None:
        return str(forbidden)
    if isinstance(failure, aiohttp.ClientConnectorError) and not isinstance(failure, aiohttp.ClientSSLError):
        return describe(failure.os_error)
    return describe(failure)


def _forbidden_address(failure: BaseException | None) -> ForbiddenAddressError | None:
    """The ForbiddenAddressError among the causes of a failure."""
    while failure is not None:
        if isinstance(failure, ForbiddenAddressError):
            return failure
        if isinstance(failure, BaseExceptionGroup):
            return next((found for each in failure.exceptions if (found := _forbidden_address(each))), None)
        failure = failure.__cause__ or failure.__context__
    return None
