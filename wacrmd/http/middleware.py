"""What both HTTP listeners share: a request id for each request, and a JSON answer for each error."""

import re
from collections.abc import Callable, Iterable
from secrets import token_hex

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

from wacrmd.errors import ERRORS, ErrorCode, Refusal
from wacrmd.log import get_logger
from wacrmd.views.errors import ErrorBody

SAFE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")

log = get_logger(__name__)


class AnswerCutError(Exception):
    """An answer that has begun must not be ended; the text says why."""


class RequestMiddleware:
    """Outermost middleware: gives each request its id and turns exceptions into answers, in JSON if nothing else is given.

    The id is in `scope["state"]["request_id"]`, in every log line of the request and in the response. A `Refusal`
    becomes its error answer. Any other exception is logged as `request_crashed` and becomes a 500 that names the
    id. In a Starlette app this must be the first of `middleware`: Starlette's own ServerErrorMiddleware, which is
    around all of them, answers in plain text.
    """

    def __init__(self, app: ASGIApp, answer: Callable[[Refusal], Response] | None = None) -> None:
        self._app = app
        self._answer = answer or error_response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = request_id_of(scope["headers"])
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = [each for each in message.get("headers", ()) if each[0].lower() != b"x-request-id"]
                message["headers"] = [*headers, (b"x-request-id", request_id.encode())]
            await send(message)

        failure: Refusal | None = None
        bound = bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            log.debug("client_disconnected", method=scope["method"], path=scope["path"])
        except AnswerCutError as cut:
            # Without its last chunk: the client sees that the answer is not whole.
            log.info("answer_cut_off", method=scope["method"], path=scope["path"], reason=str(cut))
        except Refusal as refusal:
            if started:
                log.exception("request_crashed", method=scope["method"], path=scope["path"])
            else:
                # Without its frames, which hold the body while the answer is sent and the rest of the body discarded.
                failure = refusal.with_traceback(None)
                failure.__context__ = None
        except Exception:
            # Without the query: it may hold a webhook's verify token.
            log.exception("request_crashed", method=scope["method"], path=scope["path"])
            if not started:
                mistake = f"wacrmd made a mistake; search its log for request id {request_id}"
                failure = Refusal(ErrorCode.INTERNAL, mistake)
        finally:
            reset_contextvars(**bound)
        if failure is not None:
            await self._answer(failure)(scope, receive, send_with_id)


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The caller's `X-Request-Id` if it is safe to log and to return, else a new one."""
    for name, value in headers:
        if name == b"x-request-id" and SAFE_REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return token_hex(16)


def error_response(refusal: Refusal) -> Response:
    """The answer for a refused request (docs/api.md, Errors)."""
    response = Response(
        ErrorBody.of(refusal).to_json(), ERRORS[refusal.code].status, media_type="application/json"
    )
    response.headers.update(refusal.headers)
    if refusal.retry_after_s is not None:
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    return response
