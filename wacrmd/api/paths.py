"""Paths as clients write them, and which methods each one takes."""

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send


class TrailingSlash:
    """Middleware: a path means the same with a slash at its end, without a redirect."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        path: str = scope["path"]
        if len(path) > 1 and path.endswith("/") and scope["raw_path"].endswith(b"/"):  # and no %2F
            scope["path"] = path[:-1]
        await self._app(scope, receive, send)


def allow(routes: Iterable[BaseRoute], scope: Scope) -> str:
    """The `Allow` header of a path: all methods that some route takes there; empty if there is no such path.

    `OPTIONS *` asks about the whole server.
    """
    methods = {
        method
        for route in routes
        if isinstance(route, Route) and (scope["path"] == "*" or route.matches(scope)[0] is not Match.NONE)
        for method in route.methods or ()
    }
    return ", ".join(sorted({*methods, "OPTIONS"})) if methods else ""
