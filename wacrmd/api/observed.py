"""What is measured of the API's listener, and where Prometheus reads all metrics."""

from collections.abc import Awaitable, Callable
from time import perf_counter

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wacrmd.api.openapi import statuses_of
from wacrmd.metrics import CONTENT_TYPE
from wacrmd.operations.operation import Http, Operation
from wacrmd.services.context import Context
from wacrmd.services.maintenance.metrics import scrape

Handler = Callable[[Request], Awaitable[Response]]


def observed(ctx: Context, operation: Operation, http: Http, handler: Handler) -> Handler:
    """The endpoint of an operation, counted and timed; a stream is timed until its headers.

    The counters of all statuses of its answers exist before the first request.
    """
    metrics, name = ctx.metrics, f"{http.method} {http.path}"
    metrics.start_at_zero(metrics.api_request_duration, [(name,)])
    metrics.start_at_zero(metrics.api_requests, ((name, each) for each in statuses_of(operation, http)))

    async def handle(request: Request) -> Response:
        began, status = perf_counter(), 500
        try:
            response = await handler(request)
            status = response.status_code
        finally:
            metrics.api_request_duration.labels(name).observe(perf_counter() - began)
            metrics.api_requests.labels(name, status).inc()
        return response

    return handle


def metrics_routes(ctx: Context) -> list[Route]:
    """`GET /metrics`, unless `[metrics] enabled` is off; it needs no key (docs/metrics.md)."""

    async def metrics(_: Request) -> Response:
        return Response(await scrape(ctx), headers={"content-type": CONTENT_TYPE})

    return [Route("/metrics", metrics)] if ctx.config.metrics.enabled else []
