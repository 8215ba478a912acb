"""One POST to a local app's URL: never to an address that it may not reach, never along a redirect."""

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
from wacrmd.http.address_policy import AddressPolicy, parse_url, refusal
from wacrmd.services.webhooks.endpoints import look_up

MAX_ANSWER_BYTES = 64 << 10
"""How much of an answer is read, so that the connection can be used again; none of it is kept or shown."""

KEEPALIVE_S = 4.0
USER_AGENT = f"wacrmd/{__version__}"

_host: ContextVar[str] = ContextVar("host")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call: the HTTP status, or an error where there is none; `taken` only for 2xx."""

    status: int | None
    error: str | None
    duration_s: float

    @property
    def taken(self) -> bool:
        """Whether the app has the event now."""
        return self.error is None


class ForbiddenAddressError(OSError):
    """The URL led to an address that must not be called."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(refusal(host, address))


class _Names(AbstractResolver):
    """The system's names."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family  # all that there are: the connector goes through them
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=found, proto=0, flags=socket.AI_NUMERICHOST
            )
            for found, address in await look_up(host, port)
        ]

    async def close(self) -> None:
        """Nothing is held."""


class WebhookClient:
    """Calls URLs. `reach` says what may be called just now: the configuration may change while running.

    The check stands where the socket is made, for the very address that is then connected to: a name that
    changes its address between a look-up and the connection (DNS rebinding) gains nothing.
    """

    def __init__(
        self, address_policy: Callable[[], AddressPolicy], *, resolver: AbstractResolver | None = None
    ) -> None:
        self._address_policy = address_policy
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=resolver or _Names(),
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

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Answer:
        """Post JSON; whatever goes wrong is in the answer."""
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
                status, error = answer.status, _refusal(answer)
                await self._skip(answer)
        except TimeoutError:
            if status is None:
                error = f"no answer within {timeout_s:g} s"
        except Exception as failure:  # noqa: BLE001 - an app that answers strangely must stop nobody else's events
            if status is None:
                error = _sentence(failure)
        return Answer(status, error, loop.time() - began)

    def _socket(self, info: AddrInfoType) -> socket.socket:
        """The socket for one address of a URL's host, unless it must not be called."""
        family, kind, protocol, _, address = info
        host, target = _host.get(), str(address[0])
        if not self._address_policy().allows(host, target):
            raise ForbiddenAddressError(host, target)
        return socket.socket(family, kind, protocol)

    async def _skip(self, answer: aiohttp.ClientResponse) -> None:
        """Read a short answer to its end; cut off a long one."""
        size = 0
        async for part in answer.content.iter_any():
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                answer.close()
                return


def _refusal(answer: aiohttp.ClientResponse) -> str | None:
    """Why an answer's status does not mean that the app has the event; its body says nothing about that."""
    if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's successes
        return None
    if answer.headers.get("Location"):
        return f"HTTP {answer.status}: redirects are not followed, change the URL instead"
    return f"HTTP {answer.status}"


def _sentence(failure: BaseException) -> str:
    """What went wrong, without the library's own way of wrapping it."""
    cause = failure
    if isinstance(failure, aiohttp.ClientConnectorError) and not isinstance(failure, aiohttp.ClientSSLError):
        cause = failure.os_error
    found = _forbidden(failure)
    if found is not None:
        cause = found
    return (f"{cause}" or type(cause).__name__)[:300]


def _forbidden(failure: BaseException | None) -> ForbiddenAddressError | None:
    """The refusal of an address among the causes of a failure."""
    while failure is not None:
        if isinstance(failure, ForbiddenAddressError):
            return failure
        if isinstance(failure, BaseExceptionGroup):
            return next((found for each in failure.exceptions if (found := _forbidden(each))), None)
        failure = failure.__cause__ or failure.__context__
    return None
