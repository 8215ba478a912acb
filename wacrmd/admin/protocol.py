"""The admin socket's lines: JSON-RPC 2.0, one object a line (docs/admin.md, By hand and from scripts); no I/O."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import orjson

from wacrmd.errors import ErrorCode, Problem, WacrmdError
from wacrmd.fields import JsonObject
from wacrmd.http.json_outline import TooMuchError, outline

PROTOCOL = 1
"""Raised when an old client could misread a new daemon; new methods and new fields do not count."""

MAX_REQUEST = 1 << 20
"""Longest request line that the daemon reads, in bytes, the newline included."""

MAX_VALUES = 50_000
"""JSON values that a request may hold, as `http/json_outline.py` counts them."""

MAX_ID = 128
"""Characters of a request's id."""

MAX_DESCRIPTORS = 3
"""Open files that may come with one request."""

MAX_ANSWER = 64 << 20
"""Longest line that the client reads, in bytes; methods with more to say are streams."""

DENIED = "denied"
"""`data.code` of a caller whose level does not suffice."""


class RpcCode(IntEnum):
    """`error.code` of JSON-RPC 2.0 (its section 5.1); `REFUSED` is ours, its reason stands in `data.code`."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    REFUSED = -32000


RequestId = int | str


@dataclass(frozen=True, slots=True)
class Request:
    """One call as received; `params` are not validated yet."""

    id: RequestId
    method: str
    params: JsonObject
    descriptors: tuple[int, ...] = ()
    """Open files that came with it."""


class RpcError(WacrmdError):
    """The answer to a call that failed: JSON-RPC's `code`, a sentence, `data` whose `code` programs read."""

    def __init__(
        self,
        code: int,
        message: str,
        data: JsonObject,
        *,
        request_id: RequestId | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.request_id = request_id

    @property
    def reason(self) -> str:
        """`data.code`: an ErrorCode value or `denied`; empty where a foreign server sent none."""
        return str(self.data.get("code", ""))

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the parameters, one entry each."""
        listed = self.data.get("details", [])
        return [Problem(str(one["path"]), str(one["message"])) for one in listed]


def greeting(version: str) -> bytes:
    """The first line on every connection, from the daemon."""
    return _line({"wacrmd": version, "protocol": PROTOCOL})


def decode_request(line: bytes) -> Request:
    """The call in one line; raises RpcError with the id, where one could be read, if it is none."""
    try:
        outline(line, MAX_VALUES)
        message = orjson.loads(line)
    except (TooMuchError, orjson.JSONDecodeError) as error:
        found = str(error) if isinstance(error, TooMuchError) else f"is no JSON: {error}"
        raise RpcError(RpcCode.PARSE_ERROR, f"this line {found}", {"code": ErrorCode.BAD_REQUEST}) from None
    if not isinstance(message, dict):
        raise _invalid("expected one JSON object a line, found another kind of value", None)
    given = message.get("id")
    request_id = given if isinstance(given, int | str) and not isinstance(given, bool) else None
    if isinstance(request_id, str) and len(request_id) > MAX_ID:
        raise _invalid(
            f'expected "id" to have at most {MAX_ID} characters: it comes back in every answer', None
        )
    if message.get("jsonrpc") != "2.0":
        raise _invalid('expected "jsonrpc": "2.0"', request_id)
    if request_id is None:
        raise _invalid('expected "id" to be a string or a whole number: every call is answered', None)
    method = message.get("method")
    if not isinstance(method, str):
        raise _invalid('expected "method" to be a string such as "status"', request_id)
    params = message.get("params", {})
    if not isinstance(params, dict):
        raise RpcError(
            RpcCode.INVALID_PARAMS,
            'expected "params" to be an object: parameters go by name',
            {"code": ErrorCode.BAD_REQUEST},
            request_id=request_id,
        )
    return Request(request_id, method, params)


def encode_request(request: Request) -> bytes:
    """The line of a call; raises RpcError for parameters that JSON cannot hold, as a word that is not UTF-8."""
    message = {"jsonrpc": "2.0", "id": request.id, "method": request.method, "params": request.params}
    try:
        return _line(message)
    except TypeError as error:
        raise RpcError(
            RpcCode.INVALID_PARAMS,
            f"{request.method}: a parameter cannot be sent: {error}",
            {"code": ErrorCode.BAD_REQUEST},
        ) from None


def encode_result(request_id: RequestId, result: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """The line that answers a call; raises TypeError for what JSON cannot hold and `default` cannot turn."""
    return _line({"jsonrpc": "2.0", "id": request_id, "result": result}, default)


def encode_item(request_id: RequestId, item: Any, default: Callable[[Any], Any] | None = None) -> bytes:
    """The line of one item of a streaming call; raises TypeError as `encode_result`."""
    return _line({"jsonrpc": "2.0", "method": "stream", "params": {"id": request_id, "item": item}}, default)


def encode_error(request_id: RequestId | None, error: RpcError) -> bytes:
    """The line that answers a call that failed; the id is null where it could not be read."""
    body = {"code": int(error.code), "message": error.message, "data": error.data}
    return _line({"jsonrpc": "2.0", "id": request_id, "error": body})


def too_long() -> RpcError:
    """The answer to a line longer than MAX_REQUEST; the connection ends after it."""
    return RpcError(
        RpcCode.INVALID_REQUEST,
        f"a line may hold at most {MAX_REQUEST} bytes: send less in one call",
        {"code": ErrorCode.PAYLOAD_TOO_LARGE},
    )


def _invalid(message: str, request_id: RequestId | None) -> RpcError:
    data = {"code": ErrorCode.BAD_REQUEST}
    return RpcError(RpcCode.INVALID_REQUEST, message, data, request_id=request_id)


def _line(message: JsonObject, default: Callable[[Any], Any] | None = None) -> bytes:
    return orjson.dumps(message, default=default, option=orjson.OPT_APPEND_NEWLINE)
