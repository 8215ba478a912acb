"""The ASGI app of the dashboard's listener."""

from collections.abc import Collection
from urllib.parse import quote

from anyio.abc import TaskGroup
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from wacrmd.dashboard.errors import error_page, no_page
from wacrmd.dashboard.frame import Row, visited
from wacrmd.dashboard.guard import Guard
from wacrmd.dashboard.kept import Kept
from wacrmd.dashboard.live import Live
from wacrmd.dashboard.pages import (
    audit,
    broadcast,
    broadcasts,
    costs,
    keys,
    media,
    messages,
    my_account,
    new_broadcast,
    numbers,
    optouts,
    prices,
    recipients,
    sending_again,
    settings,
    statistics,
    status,
    steering,
    templates,
    users,
    webhooks,
)
from wacrmd.dashboard.pages.login import HOME, LoginPages
from wacrmd.dashboard.patience import Patience
from wacrmd.dashboard.render import static
from wacrmd.dashboard.turns import Turns
from wacrmd.http.middleware import RequestMiddleware
from wacrmd.http.uploads import Uploads
from wacrmd.services.context import Context

PAGES: tuple[Row, ...] = (
    *new_broadcast.PAGES,  # before /broadcasts/{id}
    *broadcasts.PAGES,
    *broadcast.PAGES,
    *sending_again.PAGES,
    *steering.PAGES,
    *recipients.PAGES,
    *messages.PAGES,
    *templates.PAGES,
    *numbers.PAGES,
    *statistics.PAGES,
    *costs.PAGES,
    *prices.PAGES,
    *optouts.PAGES,
    *media.PAGES,
    *settings.PAGES,
    *webhooks.PAGES,
    *keys.PAGES,
    *users.PAGES,
    *audit.PAGES,
    *status.PAGES,
    *my_account.PAGES,
)
"""Each page and action for people who are logged in: method, path, handler."""


def page_of(action: str, pages: Collection[str]) -> str:
    """The page to which an action belongs: the one whose path is the longest beginning of its own."""
    parts = action.split("/")
    beginnings = ("/".join(parts[:count]) for count in range(len(parts) - 1, 1, -1))
    return next(each for each in beginnings if each in pages)


def _leads_to_page(action: str, pages: Collection[str]) -> Route:
    """Whoever opens the address of an action gets its page: a tab has it that says why something was not possible."""
    depth = page_of(action, pages).count("/") + 1

    async def lead(request: Request) -> Response:
        found = "/".join(request.scope["path"].split("/")[:depth])
        return RedirectResponse(quote(found), status_code=303)

    return Route(action, lead)


def build(ctx: Context, tasks: TaskGroup) -> Starlette:
    """The app; `tasks` runs what goes on after its page was answered."""
    login, kept, uploads, live, turns = LoginPages(ctx), Kept(), Uploads(), Live(ctx), Turns()

    shown = {path for method, path, _ in PAGES if method == "GET"}

    async def home(_: Request) -> Response:
        return RedirectResponse(HOME, status_code=303)

    app = Starlette(
        routes=[
            Route("/", home),
            Route("/login", login.show),
            Route("/login", login.by_password, methods=["POST"]),
            Route("/login/link", login.show_by_link),
            Route("/login/link", login.by_link, methods=["POST"]),
            Route("/logout", login.log_out, methods=["POST"]),
            Route("/static/{digest}/{name}", static),
            *(
                Route(path, visited(ctx, kept, uploads, live, turns, tasks, handler), methods=[method])
                for method, path, handler in PAGES
            ),
            *(_leads_to_page(action, shown) for action in sorted({path for _, path, _ in PAGES} - shown)),
        ],
        exception_handlers={HTTPException: no_page},
        middleware=[
            Middleware(Guard, ctx),
            Middleware(RequestMiddleware, error_page),
            Middleware(Patience),
        ],
    )
    app.router.redirect_slashes = False
    return app
