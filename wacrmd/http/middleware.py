"""What both HTTP doors share: request ids, a last guard around every request, and bodies with a limit."""

import json
import re
import uuid

from anyio import move_on_after
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from wacrmd.errors import HTTP_STATUS, ErrorCode, Refusal, bad_request
from wacrmd.log import get_logger

SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")

log = get_logger(__name__)


class RequestMiddleware:
    """Outermost middleware: gives each request its id, and answers for whatever the app lets fall.

    The id stands in `scope["state"]["request_id"]`, in every log line of the request and on the response. A
    `Refusal` becomes its error answer; any other exception is logged as `request_crashed` and becomes
    a 500 that names the id. In a Starlette app it has to be the first of `middleware`, because what stands
    around that (ServerErrorMiddleware) answers in plain text.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        with bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            except ClientDisconnect:
                log.debug("client_disconnected", method=scope["method"], path=scope["path"])
            except Refusal as refusal:
                if started:
                    log.exception("request_crashed", method=scope["method"], path=scope["path"])
                else:
                    await answer_error(send_with_id, refusal)
            except Exception:
                # Without the query: a webhook's verify token stands in one.
                log.exception("request_crashed", method=scope["method"], path=scope["path"])
                if not started:
                    await answer_error(
                        send_with_id,
                        Refusal(
                            ErrorCode.INTERNAL,
                            f"wacrmd made a mistake; its log tells more under request id {request_id}",
                        ),
                    )


def _request_id(scope: Scope) -> str:
    """The caller's `X-Request-Id` if it is sane, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and SANE_REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return uuid.uuid4().hex


def error_body(refusal: Refusal) -> bytes:
    """The JSON that every error answer carries (docs/api.md, Errors)."""
    error: dict[str, object] = {"code": refusal.code, "message": refusal.message}
    if refusal.details:
        error["details"] = [{"path": problem.path, "message": problem.message} for problem in refusal.details]
    return json.dumps({"error": error}, ensure_ascii=False).encode()


async def answer_error(send: Send, refusal: Refusal) -> None:
    """Send the whole answer for `refusal` over a response that has not started."""
    body = error_body(refusal)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if refusal.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after_s))
    await send({"type": "http.response.start", "status": HTTP_STATUS[refusal.code], "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read_body(request: Request, *, limit: int, deadline_s: float) -> bytes:
    """The whole body, at most `limit` bytes, all of which must have come within `deadline_s`.

    Raises Refusal for a body that is too large (before reading it, where its length is declared) or too
    slow, and starlette's ClientDisconnect when the caller has gone.
    """
    too_large = Refusal(
        ErrorCode.PAYLOAD_TOO_LARGE, f"the body is larger than {limit} bytes, the most that is taken at once"
    )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise too_large
    body = bytearray()
    with move_on_after(deadline_s) as deadline:
        async for chunk in request.stream():
            if len(body) + len(chunk) > limit:
                raise too_large
            body += chunk
    if deadline.cancelled_caught:
        raise bad_request(f"the body did not arrive within {deadline_s:g} s: {len(body)} bytes came")
    return bytes(body)
