"""An endpoint as one row: who may call it, what it takes, what it answers. Routes and OpenAPI come from it."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request
from starlette.responses import Response

from wacrmd.api.ratelimit import Allowance, RateLimit
from wacrmd.domain.account import ApiKey, Scope
from wacrmd.errors import HTTP_STATUS, ErrorCode, Problem, Refusal, bad_request
from wacrmd.http.body import read_body
from wacrmd.http.middleware import error_body
from wacrmd.services.access import keys
from wacrmd.services.context import Context

UNION_TAGS = frozenset({"positional", "named"})
"""Labels that pydantic puts into a path for the branch of a union; they are no field."""

PLAINLY = {
    "missing": "is required",
    "string_type": "expected a string",
    "list_type": "expected an array",
    "dict_type": "expected an object",
    "model_type": "expected an object",
    "model_attributes_type": "expected an object",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "extra_forbidden": "there is no such parameter",
}
"""In words for callers, where pydantic speaks of itself or of Python."""

ENUM_MEMBER = re.compile(r"<[\w.]+: ('[^']*')>")
"""How Python writes a member of an enum; callers know its value alone."""


@dataclass(slots=True)
class Call:
    """One authenticated request: what a handler needs to know."""

    ctx: Context
    request: Request
    key: ApiKey
    body: Any = None
    query: Any = None
    raw_body: bytes = b""

    @property
    def account_id(self) -> str:
        """The account that the key belongs to."""
        return self.key.account_id

    @property
    def request_id(self) -> str:
        """The id of this request in logs and answers."""
        request_id: str = self.request.scope["state"]["request_id"]
        return request_id

    def path(self, name: str) -> str:
        """A parameter of the path."""
        value: str = self.request.path_params[name]
        return value


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Header:
    """A header that an endpoint reads."""

    name: str
    description: str
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the API's table; `scopes` lists those of which one is enough, empty for any key.

    `media` are other forms of the answer by media type, each with what it is; `other` are other answers of
    success by status (a status without a body has no model). `description` is for the docs, in Markdown.
    """

    method: str
    path: str
    summary: str
    handler: Handler
    answer: type[BaseModel]
    scopes: tuple[Scope, ...] = ()
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    status: int = 200
    paged: bool = False
    errors: tuple[ErrorCode, ...] = ()
    description: str = ""
    headers: tuple[Header, ...] = ()
    media: Mapping[str, str] = field(default_factory=dict)
    other: Mapping[int, type[BaseModel] | None] = field(default_factory=dict)
    bare: bool = False
    """The answer stands without `{"data": …}`."""


def answer(
    data: object, *, status: int = 200, meta: object = None, headers: dict[str, str] | None = None
) -> Response:
    """A success as every endpoint gives it: `{"data": …}`, with `meta` for lists."""
    content: dict[str, object] = {"data": data}
    if meta is not None:
        content["meta"] = meta
    return Response(orjson.dumps(content), status_code=status, media_type="application/json", headers=headers)


@dataclass(slots=True)
class RequestPipeline:
    """Key, rate limit, scope, then the request's own form: in this order, the same for every endpoint."""

    ctx: Context
    limits: RateLimit = field(default_factory=RateLimit)

    def guard(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """The Starlette handler of an endpoint."""

        async def handle(request: Request) -> Response:
            allowance: Allowance | None = None
            try:
                key = await keys.authenticate(self.ctx, presented_key(request))
                structlog.contextvars.bind_contextvars(key=key.prefix, account_id=key.account_id)
                now = self.ctx.clock.now()
                allowance = self.limits.spend(key.id, self.ctx.config.limits.requests_per_minute, now)
                _check_rate(allowance)
                _check_scope(endpoint, key)
                response = await endpoint.handler(await self._call(endpoint, request, key))
            except Refusal as refusal:
                if refusal.code is ErrorCode.INTERNAL:
                    raise
                response = Response(
                    error_body(refusal), status_code=HTTP_STATUS[refusal.code], media_type="application/json"
                )
                if refusal.retry_after_s is not None:
                    response.headers["Retry-After"] = str(refusal.retry_after_s)
            if allowance is not None:
                response.headers.update(allowance.headers())
            return response

        return handle

    async def _call(self, endpoint: Endpoint, request: Request, key: ApiKey) -> Call:
        call = Call(self.ctx, request, key)
        if endpoint.query is not None:
            call.query = _validate_query(endpoint.query, request)
        if endpoint.body is not None:
            api = self.ctx.config.api
            call.raw_body = await read_body(request, limit=api.max_body_bytes, deadline_s=api.body_timeout_s)
            call.body = _validate_body(endpoint.body, call.raw_body)
        return call


def presented_key(request: Request) -> str:
    """The key of the Authorization header, with or without `Bearer`; empty where there is none."""
    given = request.headers.get("authorization", "").strip()
    scheme, _, rest = given.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else given


def _check_rate(allowance: Allowance) -> None:
    if not allowance.allowed:
        raise Refusal(
            ErrorCode.RATE_LIMITED,
            f"This key may make {allowance.limit} requests a minute: try again in {allowance.retry_after_s} s",
            retry_after_s=allowance.retry_after_s,
        )


def _check_scope(endpoint: Endpoint, key: ApiKey) -> None:
    if endpoint.scopes and not set(endpoint.scopes) & set(key.scopes):
        wanted = " or ".join(endpoint.scopes)
        raise Refusal(
            ErrorCode.FORBIDDEN,
            f"This key lacks the scope {wanted}: create one with --scope {endpoint.scopes[0]}",
        )


def _validate_body(model: type[BaseModel], raw: bytes) -> BaseModel:
    try:
        given = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"The body is not valid JSON: {error}") from error
    if not isinstance(given, dict):
        raise bad_request("The body must be a JSON object")
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise invalid(error) from error


def _validate_query(model: type[BaseModel], request: Request) -> BaseModel:
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise invalid(error) from error


def invalid(error: ValidationError) -> Refusal:
    """The 400 that names each wrong field by its path, such as `recipients[3].params[1]`."""
    details = [
        Problem(json_path(item["loc"]), _plainly(item))
        for item in error.errors(include_url=False, include_input=False)[:100]
    ]
    first = details[0]
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    message = f"{first.path}: {first.message}{more}" if first.path else f"{first.message}{more}"
    return bad_request(message, details)


def _plainly(item: ErrorDetails) -> str:
    """What is wrong with one value, in words for callers."""
    context: dict[str, Any] = item.get("ctx", {})
    match item["type"]:
        case "literal_error" | "enum":
            return "expected " + ENUM_MEMBER.sub(r"\1", str(context["expected"]))
        case "too_short":
            return f"expected at least {context['min_length']} items, found {context['actual_length']}"
        case "too_long":
            return f"expected at most {context['max_length']} items, found {context['actual_length']}"
        case kind:
            return PLAINLY.get(kind) or item["msg"].removeprefix("Value error, ")


def json_path(location: Iterable[str | int]) -> str:
    """A pydantic location as a path in the caller's JSON."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part not in UNION_TAGS:
            path += f".{part}" if path else part
    return path
