"""How long a person waits for a page while the database is locked or very slow."""

from starlette.types import ASGIApp, Receive, Scope, Send

from wacrmd.store.pending_write import waiting_at_most

WAIT_S = 5.0
"""All that a request writes waits about so long; then a page says why, and the form still has what was typed."""


class Patience:
    """Middleware: no request waits longer than `WAIT_S` for the database to take what it writes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        with waiting_at_most(WAIT_S):
            await self._app(scope, receive, send)
