"""Logging in and out."""

import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from wacrmd.dashboard import cookies
from wacrmd.dashboard.forms import read_form
from wacrmd.dashboard.render import page
from wacrmd.dashboard.visitor import visitor_of
from wacrmd.errors import ERRORS, ErrorCode, Refusal
from wacrmd.services.access import login
from wacrmd.services.context import Context

HOME = "/broadcasts"


class LoginPages:
    """The pages that strangers see."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def show(self, request: Request) -> Response:
        """The form; somebody who is logged in goes on."""
        wanted = own_path(request.query_params.get("next"))
        if await visitor_of(self._ctx, request) is not None:
            return RedirectResponse(wanted, status_code=303)
        return _form(request, wanted)

    async def by_password(self, request: Request) -> Response:
        """Log in with a name and a password."""
        form = await read_form(request)
        wanted, name = own_path(form.get("next")), form.get("name", "").strip()
        address = request.client.host if request.client is not None else ""
        try:
            _check_token(request, form)
            cookie = await login.by_password(self._ctx, name, form.get("password", ""), address)
        except Refusal as refusal:
            return _form(request, wanted, refusal)
        return _begun(request, cookie, wanted)

    async def by_link(self, request: Request) -> Response:
        """Log in with the token of a link."""
        form = await read_form(request)
        try:
            _check_token(request, form)
            cookie = await login.by_link(self._ctx, form.get("token", "").strip())
        except Refusal as refusal:
            return _form(request, HOME, refusal, by_link=True)
        return _begun(request, cookie, HOME)

    async def log_out(self, request: Request) -> Response:
        """End the session."""
        if (cookie := cookies.read(request)) is not None:
            await login.log_out(self._ctx, cookie)
        response = RedirectResponse("/login", status_code=303)
        cookies.clear_session(response)
        return response


def own_path(wanted: str | None) -> str:
    """The path of a page of ours; the first page for anything else, so that no link leads elsewhere."""
    parts = urlsplit(wanted or HOME)
    is_own = not parts.scheme and not parts.netloc and parts.path.startswith("/") and "\\" not in parts.path
    return wanted if wanted and is_own and not wanted.startswith("//") else HOME


def _check_token(request: Request, form: Mapping[str, str]) -> None:
    """Refuse a form that another page has sent: somebody could be logged in as another without noticing."""
    expected = cookies.read_login(request)
    if not expected or not hmac.compare_digest(expected.encode(), form.get("login", "").encode()):
        raise Refusal(ErrorCode.FORBIDDEN, "This form was open for too long: try again")


def _form(
    request: Request, wanted: str, refusal: Refusal | None = None, *, by_link: bool = False
) -> Response:
    token = cookies.read_login(request) or secrets.token_urlsafe(16)
    response = page(
        "login.html",
        status=200 if refusal is None else ERRORS[refusal.code].status,
        login=token,
        next=wanted,
        error=None if refusal is None else refusal.message,
        by_link=by_link,
        notice=None,
    )
    if refusal is not None and refusal.retry_after_s is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    cookies.set_login(response, token)
    return response


def _begun(request: Request, cookie: str, wanted: str) -> Response:
    response = RedirectResponse(wanted, status_code=303)
    cookies.set_session(response, cookie, https=cookies.is_https(request.headers))
    return response
