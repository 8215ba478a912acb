"""Paths as clients write them, and which methods each one takes."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

_ENCODED_SLASH = re.compile("%2F", re.IGNORECASE)


class PathForms:
    """Middleware: a slash at the end of a path makes no difference; one that is encoded (%2F) is part of a parameter."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        path: str = scope["path"]
        if b"%2f" in scope["raw_path"].lower():
            path = unquote(_ENCODED_SLASH.sub("%252F", scope["raw_path"].decode("ascii")))
        scope["path"] = path[:-1] if len(path) > 1 and path.endswith("/") else path
        await self._app(scope, receive, send)


def path_parameters(scope: Scope) -> dict[str, str]:
    """The parameters in the path of a request that `PathForms` has passed on."""
    return {name: value.replace("%2F", "/") for name, value in scope["path_params"].items()}


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
