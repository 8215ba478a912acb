"""The ASGI app for local apps: the operations with an HTTP binding, and the health checks beside them."""

from functools import lru_cache

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wacrmd.api.observed import metrics_routes, observed
from wacrmd.api.openapi import OpenApiDocument, describe
from wacrmd.api.pipeline import Pipeline, presented_key
from wacrmd.domain.actor import Actor
from wacrmd.errors import ERRORS, ErrorCode, Refusal, bad_request
from wacrmd.http.middleware import RequestMiddleware, error_response
from wacrmd.operations.inputs import NoParams
from wacrmd.operations.operation import Http, HttpRequest, Operation, Operations, Reply
from wacrmd.operations.table import OPERATIONS
from wacrmd.services.access import keys
from wacrmd.services.context import Context

_own = Operations()


async def _document(ctx: Context, _actor: Actor, _request: HttpRequest) -> Reply:
    return Reply(_described(ctx.config.limits.max_recipients), status=200)


@_own.operation("openapi", http=Http("GET", "/api/v1/openapi.json", handler=_document, bare=True))
async def openapi(_ctx: Context, _actor: Actor, _params: NoParams) -> OpenApiDocument:
    """Describe this API (OpenAPI 3.1)."""
    raise NotImplementedError  # over HTTP alone, and there the document is made only once


ENDPOINTS: tuple[tuple[Operation, Http], ...] = tuple(
    (each, each.http) for each in (*OPERATIONS, *_own) if each.http is not None
)
"""The operations with an HTTP binding."""


@lru_cache(maxsize=4)
def _described(max_recipients: int) -> bytes:
    return orjson.dumps(describe((each for each, _ in ENDPOINTS), max_recipients))


def build(ctx: Context) -> Starlette:
    """The ASGI app of the API's listener."""
    pipeline = Pipeline(ctx)

    async def livez(_: Request) -> Response:
        return JSONResponse({"data": {"status": "ok"}})

    async def readyz(_: Request) -> Response:
        reasons = []
        if ctx.draining:
            reasons.append("draining")
        if ctx.db.outage is not None:
            reasons.append(ctx.db.outage.advice)
        if reasons:
            raise Refusal(ErrorCode.UNAVAILABLE, f"Not ready: {'; '.join(reasons)}", retry_after_s=5)
        return JSONResponse({"data": {"status": "ready"}})

    async def unknown(request: Request, error: Exception) -> Response:
        """An unknown path or method, told only to callers with a key."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        try:
            await keys.authenticate(ctx, presented_key(request))
            refusal = Refusal(ErrorCode.NOT_FOUND, f"There is no {request.method} {request.url.path}")
            if status == ERRORS[ErrorCode.BAD_REQUEST].status:
                refusal = bad_request("The request is malformed")
        except Refusal as denied:
            refusal = denied
        return error_response(refusal)

    return Starlette(
        routes=[
            *(
                Route(http.path, observed(ctx, http, pipeline.endpoint(each, http)), methods=[http.method])
                for each, http in ENDPOINTS
            ),
            *metrics_routes(ctx),
            Route("/livez", livez),
            Route("/readyz", readyz),
        ],
        middleware=[Middleware(RequestMiddleware)],
        exception_handlers={404: unknown, 405: unknown},
    )
