"""Asking an address whether anybody is there: for checks, never for messages."""

import ssl
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

from wacrmd.clock import SECOND, Millis
from wacrmd.meta.transport import Transport, TransportFailureError

MAX_TEXT = 2000


class UnreachableError(Exception):
    """Nobody answered; the text says what happened."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the beginning of the text, and the server's own time if it told it."""

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
    ssl_context: ssl.SSLContext | None = None,
) -> Answer:
    """One request without credentials, redirects not followed; raises UnreachableError."""
    transport = Transport(max_connections=1, ssl_context=ssl_context, trust_env=False)
    headers = {"User-Agent": "wacrmd-doctor", "Accept-Encoding": "identity"}
    try:
        async with httpx.AsyncClient(transport=transport, timeout=timeout_s, headers=headers) as client:
            response = await client.request(method, url, params=params, content=content)
    except TransportFailureError as error:
        raise UnreachableError(error.detail) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnreachableError(str(error) or type(error).__name__) from error
    return Answer(response.status_code, response.text[:MAX_TEXT], _date(response.headers.get("date")))


def _date(text: str | None) -> Millis | None:
    try:
        return round(parsedate_to_datetime(text or "").timestamp() * SECOND)
    except (TypeError, ValueError):
        return None
