"""The ASGI app for local apps: the operations with an HTTP binding, and the health checks beside them."""

from functools import lru_cache

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wacrmd.api.cors import Cors
from wacrmd.api.observed import metrics_routes, observed
from wacrmd.api.openapi import OpenApiDocument, describe
from wacrmd.api.paths import PathForms, allow
from wacrmd.api.pipeline import Pipeline
from wacrmd.domain.actor import Actor
from wacrmd.errors import ErrorCode, Refusal, method_not_allowed
from wacrmd.http.middleware import RequestMiddleware, error_response
from wacrmd.off_loop import off_loop
from wacrmd.operations.inputs import NoParams
from wacrmd.operations.operation import Http, Operation, Operations
from wacrmd.operations.table import OPERATIONS
from wacrmd.services.context import Context

_own = Operations()


@_own.operation("openapi", http=Http("GET", "/api/v1/openapi.json", open=True, bare=True))
async def openapi(_ctx: Context, _actor: Actor, _params: NoParams) -> OpenApiDocument:
    """Describe this API (OpenAPI 3.1)."""
    raise NotImplementedError  # over HTTP alone, and there the document is made only once


ENDPOINTS: tuple[tuple[Operation, Http], ...] = tuple(
    (each, each.http) for each in (*OPERATIONS, *_own) if each.http is not None
)
"""The operations with an HTTP binding."""


METHODS = tuple(sorted({"HEAD", "OPTIONS", *(http.method for _, http in ENDPOINTS)}))
"""All that some endpoint takes."""


@lru_cache(maxsize=4)
def described(max_recipients: int) -> bytes:
    """The OpenAPI document as JSON; made once, for that takes some 70 ms."""
    return orjson.dumps(describe((each for each, _ in ENDPOINTS), max_recipients))


def build(ctx: Context) -> Starlette:
    """The ASGI app of the API's listener."""
    pipeline = Pipeline(ctx)

    async def livez(_: Request) -> Response:
        return JSONResponse({"data": {"status": "ok"}})

    async def readyz(_: Request) -> Response:
        reasons = []
        if ctx.drain is not None:
            reasons.append("drained for good" if ctx.drain.for_good else "draining")
        if ctx.db.outage is not None:
            reasons.append(ctx.db.outage.advice)
        if reasons:
            raise Refusal(ErrorCode.UNAVAILABLE, f"Not ready: {'; '.join(reasons)}", retry_after_s=5)
        return JSONResponse({"data": {"status": "ready"}})

    async def document(_: Request) -> Response:
        body = await off_loop(described, ctx.config.limits.max_recipients)
        return Response(body, media_type="application/json")

    with_key = [
        Route(
            http.path,
            observed(ctx, each, http, pipeline.endpoint(each, http)),
            methods=[http.method],
        )
        for each, http in ENDPOINTS
        if not http.open
    ]
    without_key = [
        *(Route(http.path, observed(ctx, each, http, document)) for each, http in ENDPOINTS if http.open),
        *metrics_routes(ctx),
        Route("/livez", livez),
        Route("/readyz", readyz),
    ]

    async def unrouted(request: Request, _: Exception) -> Response:
        """An unknown path or another method, told only to callers with a key.

        OPTIONS is answered without one: the paths are public (openapi.json), what is behind them is not looked up.
        """
        scope = request.scope
        methods = allow([*with_key, *without_key], scope)
        if methods and request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": methods})
        if scope["path"] == "*" or not methods:
            refusal = Refusal(ErrorCode.NOT_FOUND, f"There is no {request.method} {scope['path']}")
            return await pipeline.refused(request, refusal)
        refusal = method_not_allowed(request.method, methods)
        if allow(without_key, scope):
            return error_response(refusal)
        return await pipeline.refused(request, refusal)

    app = Starlette(
        routes=[*with_key, *without_key],
        middleware=[
            Middleware(Cors, ctx, METHODS),
            Middleware(RequestMiddleware),
            Middleware(PathForms),
        ],
        exception_handlers={404: unrouted, 405: unrouted},
    )
    app.router.redirect_slashes = False
    return app
