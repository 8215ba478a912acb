"""Logging in and out."""

import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from wacrmd.dashboard import cookies
from wacrmd.dashboard.forms import allow_again, read_form
from wacrmd.dashboard.frame import refused, refused_unknown
from wacrmd.dashboard.render import page
from wacrmd.dashboard.visitor import browser_of, client_address, is_named_by_proxy, visitor_of
from wacrmd.errors import ERRORS, ErrorCode, Refusal
from wacrmd.services.access import login
from wacrmd.services.access.login import Begun
from wacrmd.services.context import Context

HOME = "/broadcasts"
AGAIN = "again"


class LoginPages:
    """The pages that strangers see."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def show(self, request: Request) -> Response:
        """The form; somebody who is logged in goes on. Whom a reverse proxy names has no other way in."""
        wanted = own_path(request.query_params.get("next"))
        try:
            visitor = await visitor_of(self._ctx, request)
        except Refusal as refusal:
            return refused_unknown(refusal)
        if visitor is not None:
            return RedirectResponse(wanted, status_code=303)
        if _comes_from_elsewhere(request):
            return page("again.html", url=f"/login?{urlencode({'next': wanted, AGAIN: '1'})}")
        return self._form(request, wanted)

    async def by_password(self, request: Request) -> Response:
        """Log in with a name and a password."""
        if is_named_by_proxy(request, self._ctx.config):
            return await self.show(request)
        form = await read_form(request)
        wanted = own_path(form.get("next"))
        try:
            self._check_token(request, form)
            begun = await login.by_password(
                self._ctx, form.get("name", ""), form.get("password", ""), browser_of(self._ctx, request)
            )
        except Refusal as refusal:
            return self._form(request, wanted, refusal)
        return self._begun(request, begun, wanted)

    async def by_link(self, request: Request) -> Response:
        """Log in with the token of a link."""
        if is_named_by_proxy(request, self._ctx.config):
            return await self.show(request)
        form = await read_form(request)
        try:
            self._check_token(request, form)
            begun = await login.by_link(
                self._ctx, _token_of(form.get("token", "")), browser_of(self._ctx, request)
            )
        except Refusal as refusal:
            return self._form(request, HOME, refusal, by_link=True)
        return self._begun(request, begun, HOME)

    async def show_by_link(self, _: Request) -> Response:
        """The form again: where the page of a link that was refused is loaded anew."""
        return RedirectResponse("/login", status_code=303)

    async def log_out(self, request: Request) -> Response:
        """End the session. Who comes by a reverse proxy is told to log out there."""
        config = self._ctx.config
        if (cookie := cookies.read(request, config, cookies.SESSION)) is not None:
            await login.log_out(self._ctx, cookie, client_address(self._ctx, request))
        response: Response = RedirectResponse("/login", status_code=303)
        if is_named_by_proxy(request, config):
            text = "The reverse proxy has logged you in, and would do it again: log out there."
            response = refused(
                text, status=200, title="Log out at the reverse proxy", link=HOME, label="Back"
            )
        cookies.clear(response, cookies.SESSION)
        return response

    def _check_token(self, request: Request, form: Mapping[str, str]) -> None:
        """Refuse a form that another page has sent: somebody could be logged in as another without noticing."""
        expected = cookies.read(request, self._ctx.config, cookies.LOGIN)
        if not expected or not hmac.compare_digest(expected.encode(), form.get("login", "").encode()):
            raise Refusal(ErrorCode.FORBIDDEN, "This form was open for too long: try again")

    def _form(
        self, request: Request, wanted: str, refusal: Refusal | None = None, *, by_link: bool = False
    ) -> Response:
        token = cookies.read(request, self._ctx.config, cookies.LOGIN) or secrets.token_urlsafe(16)
        response: Response = page(
            "login.html",
            status=200 if refusal is None else ERRORS[refusal.code].status,
            login=token,
            next=wanted,
            error=None if refusal is None else refusal.message,
            by_link=by_link,
            notice=None,
        )
        cookies.set_cookie(request, self._ctx.config, response, cookies.LOGIN, token)
        return response if refusal is None else allow_again(response, refusal)

    def _begun(self, request: Request, begun: Begun, wanted: str) -> Response:
        response = RedirectResponse(wanted, status_code=303)
        cookies.clear(response, cookies.LOGIN)
        for name, value in ((cookies.SESSION, begun.session), (cookies.KNOWN, begun.known)):
            if value is not None:
                cookies.set_cookie(request, self._ctx.config, response, name, value)
        return response


def _comes_from_elsewhere(request: Request) -> bool:
    """Whether a session may exist whose cookie was not sent: a link in a mail leads here from another site.

    A page that loads itself again is asked for by the dashboard, so that the browser sends the cookie. It keeps nothing
    behind a #, so a login link, which has no `next`, is left alone.
    """
    query = request.query_params
    return (
        "next" in query
        and AGAIN not in query
        and request.headers.get("sec-fetch-site") not in ("none", "same-origin")
    )


def _token_of(pasted: str) -> str:
    """The token in what somebody has pasted: it alone, or the whole link."""
    return pasted.strip().rpartition("#")[2]


def own_path(wanted: str | None) -> str:
    """The path of a page of ours; the first page for anything else, so that no link leads elsewhere."""
    try:
        parts = urlsplit(wanted or HOME)
    except ValueError:
        return HOME
    is_own = not parts.scheme and not parts.netloc and parts.path.startswith("/") and "\\" not in parts.path
    is_own = is_own and (wanted or "").isprintable() and not parts.path.startswith("/login")
    return wanted if wanted and is_own and not wanted.startswith("//") else HOME
