"""The frame of all pages: who looks, what is answered to strangers, and to errors."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from wacrmd.dashboard.guard import SAFE_METHODS
from wacrmd.dashboard.render import page
from wacrmd.dashboard.visitor import Visitor, visitor_of
from wacrmd.errors import ERRORS, ErrorCode, Refusal
from wacrmd.services.context import Context

NAVIGATION = (("/broadcasts", "Broadcasts"),)


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who is logged in."""

    ctx: Context
    request: Request
    visitor: Visitor

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page with the frame that all have."""
        here = "/" + self.request.url.path.split("/")[1]
        return page(template, status=status, visitor=self.visitor, navigation=NAVIGATION, here=here, **values)

    def message(self, title: str, text: str, *, status: int, back: str = "/broadcasts") -> Response:
        """A page that says one thing."""
        return self.page("message.html", status=status, title=title, text=text, back=back)


Handler = Callable[[Visit], Awaitable[Response]]


def visited(ctx: Context, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a page or an action: strangers are led to the login, or refused."""

    async def endpoint(request: Request) -> Response:
        visitor = await visitor_of(ctx, request)
        if visitor is None:
            if request.method not in SAFE_METHODS:
                raise Refusal(ErrorCode.FORBIDDEN, "Log in first: the session has ended")
            wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?next={quote(wanted)}", status_code=303)
        visit = Visit(ctx, request, visitor)
        try:
            return await handler(visit)
        except Refusal as refusal:
            title = "Not possible" if refusal.code is not ErrorCode.NOT_FOUND else "Not found"
            return visit.message(title, refusal.message, status=ERRORS[refusal.code].status)

    return endpoint
