"""The app for Meta's webhooks: one path, GET to verify it and POST for signed events; nothing else.

Plain ASGI without a framework: most of what the daemon receives under load are these requests.
"""

from collections.abc import Sequence
from functools import partial
from time import perf_counter
from urllib.parse import parse_qs

from anyio import CapacityLimiter, to_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from wacrmd.clock import Millis
from wacrmd.errors import ErrorCode, Refusal, bad_request, method_not_allowed
from wacrmd.http.body import declared_length, read_raw
from wacrmd.http.content_coding import gunzip, is_gzip, wire_limit
from wacrmd.http.loop_pass import LoopPass
from wacrmd.http.middleware import RequestMiddleware
from wacrmd.log import get_logger
from wacrmd.meta.webhook import Update, decode, parse, read_signature, verify
from wacrmd.meta_webhooks.early_refusal import EarlyRefusal, overload
from wacrmd.services.context import Context
from wacrmd.services.meta_events.intake import Intake
from wacrmd.services.numbers.read import is_verify_token

METHODS = "GET, HEAD, OPTIONS, POST"

SMALL_BODY_BYTES = 64 << 10
"""A body of this size has mostly arrived with its head, so it is read before a webhook is refused."""

MAX_PER_PASS = 16
"""Webhooks that are read or answered in one pass of the event loop."""

INLINE_BYTES = 16 << 10
"""A larger body is read in a thread: signature, JSON and updates of one of this size take a few milliseconds at worst."""

READERS = 2
"""Such threads: more would not be faster, and keep the event loop from its turn."""

SIGNATURE_HEADER = b"x-hub-signature-256"
MALFORMED_SIGNATURE = "Expected one header X-Hub-Signature-256: sha256= and 64 hexadecimal digits"
WRONG_SIGNATURE = (
    "X-Hub-Signature-256 does not verify under any configured app secret: compare the number's app secret"
)

log = get_logger(__name__)


def build(ctx: Context, intake: Intake) -> tuple[RequestMiddleware, EarlyRefusal, LoopPass]:
    """The ASGI app of the webhook listener, what refuses requests before they reach it, and what spreads them."""
    loop_pass = LoopPass(MAX_PER_PASS)
    app = RequestMiddleware(_App(ctx, intake, loop_pass))
    return app, EarlyRefusal(intake, ctx.config.webhooks.path), loop_pass


class _App:
    """The two requests that Meta makes (docs/meta.md, Webhooks)."""

    def __init__(self, ctx: Context, intake: Intake, loop_pass: LoopPass) -> None:
        self._ctx = ctx
        self._intake = intake
        self._loop_pass = loop_pass
        self._readers = CapacityLimiter(READERS)
        path = ctx.config.webhooks.path
        bare = path.rstrip("/")
        self._paths = {bare or "/", f"{bare}/"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        method = scope["method"]
        if scope["path"] not in self._paths and (method, scope["path"]) != ("OPTIONS", "*"):
            raise Refusal(ErrorCode.NOT_FOUND, "There is nothing at this path")
        match method:
            case "POST":
                await self._events(scope, receive)
                await _answer(send, 200)
            case "GET" | "HEAD":
                status, text = await self._subscribe(scope)
                await _answer(send, status, text.encode())
            case "OPTIONS":
                await Response(status_code=204, headers={"Allow": METHODS})(scope, receive, send)
            case _:
                raise method_not_allowed(method, METHODS)

    async def _subscribe(self, scope: Scope) -> tuple[int, str]:
        """Answer Meta's challenge if the verify token is that of a configured number."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        mode, token, challenge = (
            query.get(name, [""])[-1] for name in ("hub.mode", "hub.verify_token", "hub.challenge")
        )
        if mode == "subscribe" and await is_verify_token(self._ctx, token):
            log.info("meta_webhook_verified")
            return 200, challenge
        log.warning("meta_webhook_verification_rejected", summed=True)
        return 403, "the verify token is not one of a configured number"

    async def _events(self, scope: Scope, receive: Receive) -> None:
        """Store events that are signed with a configured app secret; returns once they are durable."""
        ctx, config = self._ctx, self._ctx.config.webhooks
        signature = read_signature(value for name, value in scope["headers"] if name == SIGNATURE_HEADER)
        if signature is None:  # before a byte of the body is read: only those with an app secret may send one
            raise self._unauthorized(declared_length(scope), MALFORMED_SIGNATURE)
        gzip, limit = is_gzip(scope), config.max_body_bytes
        length = declared_length(scope)
        if length is None or length > SMALL_BODY_BYTES:
            self._refuse_overload()
        body = await read_raw(
            scope,
            receive,
            limit=wire_limit(limit) if gzip else limit,
            deadline_s=config.body_timeout_s,
        )
        self._refuse_overload()
        secrets, authorized = await ctx.app_secrets.current()
        began = perf_counter()
        read = partial(_read, secrets, body, signature, limit if gzip else None, ctx.clock.now())
        try:
            if gzip or len(body) > INLINE_BYTES:
                index, updates = await to_thread.run_sync(read, limiter=self._readers)
            else:
                index, updates = read()
        except ValueError as error:
            log.warning("meta_webhook_body_rejected", bytes=len(body), error=str(error), summed=True)
            raise bad_request(f"The body is not JSON: {error}") from error
        if index is None:
            raise self._unauthorized(len(body), WRONG_SIGNATURE)
        await self._intake.store(updates, authorized[index], len(body))
        ctx.metrics.meta_webhook_duration.observe(perf_counter() - began)
        await self._loop_pass.enter()  # all that were stored together return at once

    def _unauthorized(self, size: int | None, reason: str) -> Refusal:
        """Count a webhook whose signature is missing or wrong; its refusal."""
        self._ctx.metrics.meta_webhook_signature_failures.inc()
        log.warning("meta_webhook_signature_rejected", bytes=size, summed=True)
        return Refusal(ErrorCode.UNAUTHORIZED, reason)

    def _refuse_overload(self) -> None:
        """Raise Refusal if too many webhooks wait. It comes before the signature is checked, which would cost more."""
        if self._intake.is_full():
            self._intake.count_refusal()
            raise overload()


def _read(
    secrets: Sequence[bytes], body: bytes, signature: bytes, decoded_limit: int | None, now: Millis
) -> tuple[int | None, list[Update]]:
    """The index of the app secret that signed a body, and its updates; None if no secret did.

    `decoded_limit` is how large a gzip body may be when it is decoded, None if it is not gzip. Raises ValueError for a
    body that is no JSON, and Refusal for damaged gzip.
    """
    index = verify(secrets, body, signature)
    if index is None:
        return None, []
    if (
        decoded_limit is not None
    ):  # after the signature: it is over the bytes as they came, and no stranger's gzip is decoded
        body = gunzip(body, decoded_limit)
    return index, parse(decode(body), now)


async def _answer(send: Send, status: int, text: bytes = b"") -> None:
    headers = [(b"content-length", b"%d" % len(text))]
    if text:
        headers.append((b"content-type", b"text/plain; charset=utf-8"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
