"""What stands before every page: the host that was meant, where the request comes from, headers for the browser."""

import ipaddress
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wacrmd.config import Config

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No page loads anything from elsewhere, nor runs a script that stands in it: what people wrote stays text."""

HEADERS = (
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
)
NO_STORE = ("cache-control", "no-store")

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Guard:
    """Outermost middleware of the dashboard.

    A browser that was led here by another name (DNS rebinding) is refused, and so is a change that a page of another
    origin asks for (CSRF): browsers say so in `Sec-Fetch-Site`, older ones in `Origin`.
    """

    def __init__(self, app: ASGIApp, config: Callable[[], Config]) -> None:
        self._app = app
        self._config = config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                added = HEADERS if b"cache-control" in given else (*HEADERS, NO_STORE)
                message["headers"] = [
                    *message["headers"],
                    *((name.encode(), value.encode()) for name, value in added),
                ]
            await send(message)

        headers = Headers(scope=scope)
        if not is_our_host(headers.get("host", ""), self._config()):
            text = "This host name is not one of the dashboard's: an administrator can add it to [dashboard] allowed_hosts\n"
            await PlainTextResponse(text, 421)(scope, receive, send_guarded)
        elif scope["method"] not in SAFE_METHODS and not is_same_origin(headers):
            text = "Another page asked for this change: open the dashboard itself and try again\n"
            await PlainTextResponse(text, 403)(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_guarded)


def is_our_host(host: str, config: Config) -> bool:
    """Whether a `Host` names the dashboard: its address, the machine itself, or a host that is configured."""
    name = host_name(host)
    if name is None:
        return False
    bind = config.dashboard.bind
    own = {bind.host.lower()} if bind is not None else set[str]()
    return name in LOCAL_NAMES | own or name in {each.strip("[]") for each in config.dashboard.allowed_hosts}


def host_name(host: str) -> str | None:
    """The name or address in a `Host`, without port and brackets, in lower case; None for what is none."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    plain = parts.hostname is not None and not (parts.path or parts.query or parts.fragment or "@" in host)
    return parts.hostname.rstrip(".") if plain and parts.hostname else None


def is_same_origin(headers: Headers) -> bool:
    """Whether a page of the dashboard itself made this request, or the person did by hand."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def is_trusted_proxy(client: str | None, proxies: Iterable[str]) -> bool:
    """Whether a request comes from a reverse proxy that may name the user; `client` is None for a Unix socket."""
    allowed = list(proxies)
    if client is None:
        return "unix" in allowed
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in ipaddress.ip_network(each) for each in allowed if each != "unix")
