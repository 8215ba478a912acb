"""The cookie of a session. Behind https it has a prefix by which browsers let nobody else set it."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from wacrmd.domain.user import LONGEST

PLAIN, SECURE = "wacrmd_session", "__Host-wacrmd_session"
LOGIN = "wacrmd_login"
LOGIN_LASTS_S = 3600


def is_https(headers: Headers) -> bool:
    """Whether the browser speaks https, which it says itself: in `Origin` or `Referer`."""
    return (headers.get("origin") or headers.get("referer") or "").startswith("https://")


def read(request: Request) -> str | None:
    """The cookie of the session."""
    return request.cookies.get(SECURE) or request.cookies.get(PLAIN)


def set_session(response: Response, value: str, *, https: bool) -> None:
    """Let the browser keep the cookie of a session."""
    _set(response, SECURE if https else PLAIN, value, LONGEST // 1000, https=https)


def clear_session(response: Response) -> None:
    """Let the browser forget it."""
    for name, https in ((PLAIN, False), (SECURE, True)):
        _set(response, name, "", 0, https=https)


def read_login(request: Request) -> str | None:
    """The cookie by which the form of the login knows its browser."""
    return request.cookies.get(LOGIN)


def set_login(response: Response, value: str) -> None:
    """Let the browser keep it for as long as somebody may need to type a password."""
    _set(response, LOGIN, value, LOGIN_LASTS_S, https=False)  # a GET does not tell whether it came by https


def _set(response: Response, name: str, value: str, max_age_s: int, *, https: bool) -> None:
    response.set_cookie(
        name, value, max_age=max_age_s, path="/", secure=https, httponly=True, samesite="strict"
    )
