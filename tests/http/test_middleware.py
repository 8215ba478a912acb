"""Request ids, unhandled errors and body limits, through ASGI without a server."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import get_contextvars
from structlog.testing import capture_logs

from tests.support.patience import PATIENCE_S
from wacrmd.errors import ErrorCode, Problem, Refusal, bad_request
from wacrmd.http.body import read_body
from wacrmd.http.middleware import AnswerCutError, RequestMiddleware, error_response

pytestmark = pytest.mark.anyio

Endpoint = Callable[[Request], Awaitable[Response]]


def app_of(endpoint: Endpoint) -> ASGIApp:
    return Starlette(
        routes=[Route("/", endpoint, methods=["GET", "POST"])],
        middleware=[Middleware(RequestMiddleware)],
        debug=False,
    )


async def get(app: ASGIApp, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://wacrmd") as client:
        return await client.get(
            "/?hub.verify_token=hush",
            headers={k.replace("_", "-").encode(): v.encode() for k, v in headers.items()},
        )


async def id_everywhere(request: Request) -> Response:
    return JSONResponse([request.state.request_id, get_contextvars()["request_id"]])


async def crash(request: Request) -> Response:
    raise ZeroDivisionError


async def test_an_answer_that_is_cut_off_has_no_end_and_is_no_fault() -> None:
    """A client must not take a part of an export for the whole."""

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"a part"
        raise AnswerCutError("the key was revoked")

    async def endpoint(request: Request) -> Response:
        return StreamingResponse(pieces())

    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"", "asgi": {}}
    with capture_logs() as events:
        await app_of(endpoint)(scope, receive, send)
    assert [each["type"] for each in messages] == ["http.response.start", "http.response.body"]
    assert messages[-1]["more_body"] is True
    assert [each["event"] for each in events] == ["answer_cut_off"]


@pytest.mark.parametrize("sane", ["a", "Order-17.retry_2", "x" * 128])
async def test_a_safe_request_id_of_the_caller_is_kept(sane: str) -> None:
    answer = await get(app_of(id_everywhere), x_request_id=sane)
    assert answer.headers.get_list("x-request-id") == [sane]
    assert answer.json() == [sane, sane]
    assert "request_id" not in get_contextvars()


@pytest.mark.parametrize("bad", ["", "x" * 129, "a b", 'a"}', "ä", "a/b", "a\tb"])
async def test_any_other_request_id_is_replaced(bad: str) -> None:
    answer = await get(app_of(id_everywhere), x_request_id=bad)
    assert len(answer.headers["x-request-id"]) == 32
    assert answer.json() == [answer.headers["x-request-id"]] * 2


async def test_two_requests_get_two_ids() -> None:
    app = app_of(id_everywhere)
    assert (await get(app)).headers["x-request-id"] != (await get(app)).headers["x-request-id"]


async def test_an_id_that_the_app_sets_is_replaced() -> None:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("", headers={"X-Request-Id": "other"})

    answer = await get(app_of(endpoint), x_request_id="mine")
    assert answer.headers.get_list("x-request-id") == ["mine"]


async def test_a_crash_becomes_a_500_that_names_the_id_of_its_log_line() -> None:
    with capture_logs() as events:
        answer = await get(app_of(crash), x_request_id="abc")
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == "abc"
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert error["code"] == "internal"
    assert "abc" in error["message"]
    assert [(e["event"], e["path"], e["log_level"]) for e in events] == [("request_crashed", "/", "error")]
    assert "hush" not in str(events)


async def test_a_crash_after_the_answer_has_started_is_logged_and_the_answer_stays_incomplete() -> None:
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ZeroDivisionError

    async def send(message: Message) -> None:
        sent.append(message)

    with capture_logs() as events:
        await RequestMiddleware(app)(http_scope(), receiving([]), send)
    assert [m["type"] for m in sent] == ["http.response.start", "http.response.body"]
    assert [e["event"] for e in events] == ["request_crashed"]


async def test_a_refusal_becomes_its_error_response() -> None:
    async def endpoint(request: Request) -> Response:
        raise Refusal(ErrorCode.UNAVAILABLE, "draining", [Problem("a[1]", "wrong")], retry_after_s=7)

    answer = await get(app_of(endpoint))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "7"
    assert answer.json() == {
        "error": {
            "code": "unavailable",
            "message": "draining",
            "details": [{"path": "a[1]", "message": "wrong"}],
        }
    }


async def test_a_disconnected_client_is_not_logged_as_a_crash() -> None:
    async def endpoint(request: Request) -> Response:
        raise ClientDisconnect

    with capture_logs() as events:
        await RequestMiddleware(app_of(endpoint))(http_scope(), receiving([]), receiving_nothing)
    assert [e["event"] for e in events] == ["client_disconnected"]


def test_an_error_without_details_has_no_details() -> None:
    body = bytes(error_response(bad_request("no")).body)
    assert json.loads(body) == {"error": {"code": "bad_request", "message": "no"}}


def http_scope(*headers: tuple[bytes, bytes]) -> Scope:
    return {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": list(headers)}


def receiving(messages: list[Message]) -> Receive:
    left = iter(messages)

    async def receive() -> Message:
        for message in left:
            return message
        await anyio.sleep_forever()
        raise AssertionError

    return receive


async def receiving_nothing(message: Message) -> None:
    pass


def part(body: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def body_of(
    messages: list[Message], *headers: tuple[bytes, bytes], deadline_s: float = PATIENCE_S
) -> bytes:
    sent = await read_body(http_scope(*headers), receiving(messages), limit=8, deadline_s=deadline_s)
    return sent.decoded()


async def test_a_body_within_the_limit_is_read_completely() -> None:
    assert await body_of([part(b"1234"), part(b"5678", more=False)], (b"content-length", b"8")) == b"12345678"


async def test_a_declared_length_above_the_limit_is_refused_before_reading() -> None:
    with pytest.raises(Refusal) as refusal:
        await body_of([], (b"content-length", b"9"))
    assert refusal.value.code is ErrorCode.PAYLOAD_TOO_LARGE
    assert "8 bytes" in refusal.value.message


async def test_an_undeclared_length_is_counted() -> None:
    with pytest.raises(Refusal) as refusal:
        await body_of([part(b"12345678"), part(b"9")])
    assert refusal.value.code is ErrorCode.PAYLOAD_TOO_LARGE


async def test_a_slow_body_is_refused_and_the_message_names_the_time() -> None:
    with pytest.raises(Refusal, match=r"did not arrive within 0\.01 s: 1 bytes came") as refusal:
        await body_of([part(b"1")], deadline_s=0.01)
    assert refusal.value.code is ErrorCode.BAD_REQUEST


async def test_a_client_that_disconnects_within_its_body_raises_client_disconnect() -> None:
    with pytest.raises(ClientDisconnect):
        await body_of([part(b"1"), {"type": "http.disconnect"}])
