"""What is measured of the API's listener, and where Prometheus reads all metrics."""

from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from wacrmd.metrics import CONTENT_TYPE
from wacrmd.operations.operation import Http
from wacrmd.services.context import Context
from wacrmd.services.maintenance.metrics import scrape

Handler = Callable[[Request], Awaitable[Response]]


def observed(ctx: Context, http: Http, statuses: Iterable[int], handler: Handler) -> Handler:
    """The endpoint of an operation, counted and timed; a stream is timed until its headers.

    `statuses` are those of its answers: their counters exist before the first request.
    """
    name = f"{http.method} {http.path}"
    seconds = ctx.metrics.api_request_duration.labels(name)
    for each in statuses:
        ctx.metrics.api_requests.labels(name, each)

    async def handle(request: Request) -> Response:
        began, status = perf_counter(), 500
        try:
            response = await handler(request)
            status = response.status_code
        finally:
            seconds.observe(perf_counter() - began)
            ctx.metrics.api_requests.labels(name, status).inc()
        return response

    return handle


def metrics_routes(ctx: Context) -> list[Route]:
    """`GET /metrics`, unless `[metrics] enabled` is off; it needs no key (docs/metrics.md)."""

    async def metrics(_: Request) -> Response:
        return Response(await scrape(ctx), headers={"content-type": CONTENT_TYPE})

    return [Route("/metrics", metrics)] if ctx.config.metrics.enabled else []
