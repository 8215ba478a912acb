"""One plain request to a URL, to check whether a server answers there; never used for messages."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from wacrmd.clock import Millis
from wacrmd.errors import describe
from wacrmd.http_client.failure import RequestFailedError
from wacrmd.http_client.tls import no_doubt
from wacrmd.meta.answer import date_of
from wacrmd.meta.transport import Transport

MAX_TEXT = 2000


class UnreachableError(Exception):
    """No answer came; the text says what happened."""


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """The answer: its status, the beginning of its text, and the server's time (`Date`) if it sent one."""

    status: int
    text: str
    date: Millis | None


async def probe(
    method: str,
    url: str,
    *,
    timeout_s: float,
    params: dict[str, str] | None = None,
    content: bytes | None = None,
    doubted: Callable[[], Millis | None] = no_doubt,
) -> ProbeAnswer:
    """Send one request without credentials and follow no redirect; raises UnreachableError."""
    transport = Transport(max_connections=1, doubted=doubted)
    headers = {"User-Agent": "wacrmd-doctor", "Accept-Encoding": "identity"}
    try:
        async with httpx.AsyncClient(
            transport=transport, timeout=timeout_s, headers=headers, trust_env=False
        ) as client:
            response = await client.request(method, url, params=params, content=content)
    except RequestFailedError as error:
        raise UnreachableError(error.detail) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnreachableError(describe(error)) from error
    return ProbeAnswer(
        response.status_code, response.text[:MAX_TEXT], date_of(response.headers.get("date", ""))
    )
