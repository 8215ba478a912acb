"""What browsers are told about pages of other origins: those of `[api] allowed_origins` may use the API, no others."""

from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from wacrmd.errors import bad_request
from wacrmd.http.middleware import error_response, request_id_of
from wacrmd.services.context import Context

EXPOSED = (
    "Allow",
    "Content-Disposition",
    "ETag",
    "Idempotent-Replayed",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-Id",
)
"""What a page may read of an answer."""


class Cors(CORSMiddleware):
    """Outermost middleware, so that errors carry the headers too. The list of origins may change by a reload.

    No credentials: a page sends its key in a header, and a cookie means nothing here. Any header may be sent: of an origin
    that is listed nothing is kept away by a list of headers. `*` and `null` cannot be listed: every page can be `null`.
    """

    def __init__(self, app: ASGIApp, ctx: Context, methods: tuple[str, ...]) -> None:
        super().__init__(app, allow_methods=methods, allow_headers=("*",), allow_private_network=True)
        self._ctx = ctx

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        if not self._ctx.config.api.allowed_origins:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and self.is_allowed_origin(origin):
            state = scope.setdefault("state", {})
            state["answer_headers"] = [(b"access-control-allow-origin", origin.encode("latin-1"))]
            await super().__call__(scope, receive, send)
        else:  # also a preflight: an ordinary OPTIONS
            await self.simple_response(scope, receive, send, request_headers=headers)

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether pages of this origin may use the API."""
        return origin in self._ctx.config.api.allowed_origins

    def preflight_response(self, request_headers: Headers) -> Response:
        """Starlette's answer, but without a text, or with our form of an error."""
        answer = super().preflight_response(request_headers)
        if answer.status_code == HTTPStatus.OK:
            response = Response(status_code=204)
        else:
            asked = request_headers["access-control-request-method"][:40]
            taken = answer.headers["access-control-allow-methods"]
            message = f"Access-Control-Request-Method: expected one of {taken}, found {asked!r}"
            response = error_response(bad_request(message))
        kept = ("vary", "access-control-")
        response.headers.update({k: v for k, v in answer.headers.items() if k.startswith(kept)})
        response.headers["X-Request-Id"] = request_id_of(request_headers.raw)
        return response

    @staticmethod
    def allow_explicit_origin(headers: MutableHeaders, origin: str) -> None:
        """Starlette's headers for an origin that is allowed, and what it may read."""
        CORSMiddleware.allow_explicit_origin(headers, origin)
        headers["Access-Control-Expose-Headers"] = ", ".join(EXPOSED)
