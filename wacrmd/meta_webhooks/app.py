"""The app for Meta's webhooks: one path, GET to verify it and POST for signed events; nothing else."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from wacrmd.errors import ErrorCode, Refusal, bad_request
from wacrmd.http.body import read_body
from wacrmd.http.middleware import RequestMiddleware
from wacrmd.log import get_logger
from wacrmd.meta.webhook import decode, parse, verify
from wacrmd.services.context import Context
from wacrmd.services.meta_events import ingest
from wacrmd.services.numbers.read import is_verify_token

log = get_logger(__name__)


def build(ctx: Context) -> Starlette:
    """The ASGI app of the webhook listener."""
    handlers = _Handlers(ctx)
    path = ctx.config.webhooks.path
    return Starlette(
        routes=[
            Route(path, handlers.subscribe, methods=["GET"]),
            Route(path, handlers.events, methods=["POST"]),
        ],
        middleware=[Middleware(RequestMiddleware)],
    )


class _Handlers:
    """The two requests that Meta makes (docs/meta.md, Webhooks)."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    async def subscribe(self, request: Request) -> Response:
        """Answer Meta's challenge if the verify token is that of a configured number."""
        query = request.query_params
        token = query.get("hub.verify_token", "")
        if query.get("hub.mode") == "subscribe" and await is_verify_token(self._ctx, token):
            log.info("meta_webhook_verified")
            return PlainTextResponse(query.get("hub.challenge", ""))
        log.warning("meta_webhook_verification_rejected")
        return PlainTextResponse("the verify token is not one of a configured number", status_code=403)

    async def events(self, request: Request) -> Response:
        """Store events that are signed with a configured app secret; answers 200 once they are durable."""
        ctx = self._ctx
        config = ctx.config.webhooks
        body = await read_body(request, limit=config.max_body_bytes, deadline_s=config.body_timeout_s)
        secrets, authorized = await ctx.app_secrets.current()
        index = verify(secrets, body, request.headers.get("x-hub-signature-256"))
        if index is None:
            ctx.metrics.meta_webhook_signature_failures.inc()
            log.warning("meta_webhook_signature_rejected", bytes=len(body))
            raise Refusal(
                ErrorCode.UNAUTHORIZED,
                "X-Hub-Signature-256 does not verify under any configured app secret: compare the number's app secret",
            )
        try:
            payload = decode(body)
        except ValueError as error:
            raise bad_request(f"The body is not JSON: {error}") from error
        with ctx.metrics.meta_webhook_duration.time():
            await ingest.ingest(ctx, parse(payload, ctx.clock.now()), authorized[index])
        return Response(status_code=200)
