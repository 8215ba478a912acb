"""The ASGI app for local apps: its table of endpoints, and the health checks beside it."""

from functools import lru_cache

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wacrmd.api import broadcasts, events, me, numbers, optouts, recipients, templates, webhooks
from wacrmd.api.answers import Document
from wacrmd.api.endpoint import Call, Endpoint, RequestPipeline, presented_key
from wacrmd.api.observed import metrics_routes, observed
from wacrmd.api.openapi import describe
from wacrmd.errors import HTTP_STATUS, ErrorCode, Refusal, bad_request
from wacrmd.http.middleware import RequestMiddleware, error_body
from wacrmd.services.access import keys
from wacrmd.services.context import Context


async def _openapi(call: Call) -> Response:
    return Response(_described(call.ctx.config.limits.max_recipients), media_type="application/json")


@lru_cache(maxsize=4)
def _described(max_recipients: int) -> bytes:
    return orjson.dumps(describe(ENDPOINTS, max_recipients))


ENDPOINTS: tuple[Endpoint, ...] = (
    *me.ENDPOINTS,
    *broadcasts.ENDPOINTS,
    *recipients.ENDPOINTS,
    *events.ENDPOINTS,
    *numbers.ENDPOINTS,
    *templates.ENDPOINTS,
    *optouts.ENDPOINTS,
    *webhooks.ENDPOINTS,
    Endpoint("GET", "/api/v1/openapi.json", "Describe this API (OpenAPI 3.1)", _openapi, Document, bare=True),
)


def build(ctx: Context) -> Starlette:
    """The ASGI app of the API's listener."""
    pipeline = RequestPipeline(ctx)

    async def livez(_: Request) -> Response:
        return JSONResponse({"data": {"status": "ok"}})

    async def readyz(_: Request) -> Response:
        reasons = []
        if ctx.draining:
            reasons.append("draining")
        if ctx.db.trouble is not None:
            reasons.append(ctx.db.trouble.advice)
        if reasons:
            raise Refusal(ErrorCode.UNAVAILABLE, f"Not ready: {'; '.join(reasons)}", retry_after_s=5)
        return JSONResponse({"data": {"status": "ready"}})

    async def unknown(request: Request, error: Exception) -> Response:
        """An unknown path or method, told only to callers with a key."""
        status = error.status_code if isinstance(error, HTTPException) else 404
        try:
            await keys.authenticate(ctx, presented_key(request))
            refusal = Refusal(ErrorCode.NOT_FOUND, f"There is no {request.method} {request.url.path}")
            if status == HTTP_STATUS[ErrorCode.BAD_REQUEST]:
                refusal = bad_request("The request is malformed")
        except Refusal as denied:
            refusal = denied
        return Response(
            error_body(refusal), status_code=HTTP_STATUS[refusal.code], media_type="application/json"
        )

    return Starlette(
        routes=[
            *(
                Route(row.path, observed(ctx, row, pipeline.guard(row)), methods=[row.method])
                for row in ENDPOINTS
            ),
            *metrics_routes(ctx),
            Route("/livez", livez),
            Route("/readyz", readyz),
        ],
        middleware=[Middleware(RequestMiddleware)],
        exception_handlers={404: unknown, 405: unknown},
    )
