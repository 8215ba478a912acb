"""The cookies of the dashboard. Behind https they have a prefix by which browsers let nobody else set them.

`__Host-` (RFC 6265bis, 4.1.3.2) needs `Secure`: another host of the domain, or whoever changes what comes without https,
cannot give the browser a cookie of this name.
"""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from wacrmd.config import Config
from wacrmd.domain.user import BROWSER_KNOWN, LONGEST

PREFIX = "__Host-"
SESSION = "wacrmd_session"
KNOWN = "wacrmd_browser"
LOGIN = "wacrmd_login"
LASTS_S = {SESSION: LONGEST // 1000, KNOWN: BROWSER_KNOWN // 1000, LOGIN: 3600}
"""How long browsers keep them; that of the login for as long as somebody may need to type a password."""


def is_public(request: HTTPConnection, config: Config) -> bool:
    """Whether the browser has called it by `public_url`, and that is https: no cookie without the prefix counts then."""
    public = urlsplit(config.dashboard.public_url)
    return public.scheme == "https" and request.headers.get("host", "").lower() == public.netloc


def is_https(request: HTTPConnection, config: Config) -> bool:
    """Whether the browser speaks https. Without `public_url` only it says so, in `Origin` or `Referer`."""
    said = request.headers.get("origin") or request.headers.get("referer") or ""
    return is_public(request, config) or said.startswith("https://")


def read(request: Request, config: Config, name: str) -> str | None:
    """The value of a cookie."""
    prefixed = _value(request, PREFIX + name)
    return prefixed if prefixed or is_public(request, config) else _value(request, name)


def _value(request: Request, name: str) -> str | None:
    """The value of the cookie with exactly this name; of several the last.

    Starlette strips all that Python takes for a space. Browsers let another host of the domain set a name that begins
    with such a byte (0xA0, for one) before `__Host-`, which would then be the cookie with the prefix.
    """
    pairs = (
        each.strip(" \t").partition("=") for each in ";".join(request.headers.getlist("cookie")).split(";")
    )
    return {key: value for key, _, value in pairs}.get(name)


def set_cookie(request: Request, config: Config, response: Response, name: str, value: str) -> None:
    """Let the browser keep a cookie."""
    https = is_https(request, config) if name != LOGIN else is_public(request, config)  # a GET has no Origin
    _set(response, PREFIX + name if https else name, value, LASTS_S[name], https=https)


def clear(response: Response, name: str) -> None:
    """Let the browser forget a cookie."""
    for prefix in ("", PREFIX):
        _set(response, prefix + name, "", 0, https=bool(prefix))


def _set(response: Response, name: str, value: str, max_age_s: int, *, https: bool) -> None:
    response.set_cookie(
        name, value, max_age=max_age_s, path="/", secure=https, httponly=True, samesite="strict"
    )
