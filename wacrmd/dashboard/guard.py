"""What stands before every page: the host that was meant, where the request comes from, headers for the browser."""

import ipaddress
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wacrmd.config import Config
from wacrmd.services.context import Context

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

MAX_SHOWN = 200
_ORIGIN = re.compile(rf"https?://[A-Za-z0-9.:\[\]_-]{{1,{MAX_SHOWN}}}")
"""Of what a stranger may have made up, the doctor names only this much, and nothing strange."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL_NAMES = frozenset({"localhost"})


class Guard:
    """Outermost middleware of the dashboard.

    A browser that was led here by another name (DNS rebinding) is refused, and so is a change that a page of another
    origin asks for (CSRF): browsers say so in `Sec-Fetch-Site`, older ones in `Origin`.
    """

    def __init__(self, app: ASGIApp, ctx: Context) -> None:
        self._app = app
        self._ctx = ctx

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

        headers, ctx = Headers(scope=scope), self._ctx
        config, host, origin = ctx.config, headers.get("host", ""), headers.get("origin", "")
        if not is_our_host(headers.getlist("host"), config):
            text = (
                "This host name is not one of the dashboard's:"
                " an administrator can add it to [dashboard] allowed_hosts, or set public_url\n"
            )
            if is_shown(headers) and (name := host_name(host)) is not None and name.isprintable():
                ctx.refused_host = name[:MAX_SHOWN]
            await PlainTextResponse(text, 421)(scope, receive, send_guarded)
        elif scope["method"] not in SAFE_METHODS and not is_same_origin(headers, config):
            text = "Another page asked for this change: open the dashboard itself and try again\n"
            if is_shown(headers) and _ORIGIN.fullmatch(origin):
                ctx.refused_origin = origin
            await PlainTextResponse(text, 403)(scope, receive, send_guarded)
        else:
            if ctx.refused_host is not None and ctx.refused_host == host_name(host):
                ctx.refused_host = None
            if scope["method"] not in SAFE_METHODS and ctx.refused_origin == origin:
                ctx.refused_origin = None
            await self._app(scope, receive, send_guarded)


def is_shown(headers: Headers) -> bool:
    """Whether a person may see the answer: programs that look for anything at all ask for no page."""
    return "text/html" in headers.get("accept", "")


def is_our_host(named: list[str], config: Config) -> bool:
    """Whether the `Host` names the dashboard: as configured, as the machine itself, or by any IP address.

    DNS rebinding needs a name that its attacker owns; what a browser calls by an address is at this address.
    """
    name = host_name(named[0]) if len(named) == 1 else None
    if name is None:
        return False
    settings = config.dashboard
    own = {bind.host.lower()} if (bind := settings.bind) is not None else set[str]()
    public = urlsplit(settings.public_url).hostname
    return name in LOCAL_NAMES | own | {public} | set(settings.allowed_hosts) or _is_address(name)


def host_name(host: str) -> str | None:
    """The name or address in a `Host`, without port and brackets, in lower case; None for what is none."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    # No path, query or fragment, also no empty one; nothing before or behind the brackets of an address.
    is_plain = parts.netloc == host and "@" not in host and not re.search(r".\[|\](?!:|$)", host)
    return parts.hostname.rstrip(".") if is_plain and parts.hostname else None


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_same_origin(headers: Headers, config: Config) -> bool:
    """Whether a page of the dashboard itself made this request.

    Without https most browsers do not send `Sec-Fetch-Site`; then `Origin` must be the host that was called, or
    `public_url` where a reverse proxy calls the dashboard by another name.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin, public = headers.get("origin", "").lower(), config.dashboard.public_url
    if origin and origin == public:
        return True
    host = headers.get("host", "").lower()
    is_other_scheme = urlsplit(public).netloc == host
    return origin in (f"http://{host}", f"https://{host}") and not is_other_scheme
