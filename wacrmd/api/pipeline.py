"""A request on its way: key, rate limit, scope, form, operation, answer; the same for every operation."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import orjson
import structlog
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from wacrmd.api.conditional import is_known
from wacrmd.api.form import Form, check_query, parse_body, parse_query, validated
from wacrmd.api.paths import path_parameters
from wacrmd.api.ratelimit import Allowance, RateLimit
from wacrmd.clock import SECOND, Millis
from wacrmd.domain.account import ApiKey
from wacrmd.domain.actor import Actor
from wacrmd.domain.network import address_of
from wacrmd.domain.page import Page
from wacrmd.errors import ErrorCode, Problem, Refusal, counted, invalid
from wacrmd.fields import JsonObject
from wacrmd.http.body import read_body
from wacrmd.http.json_body import MAX_VALUES
from wacrmd.http.middleware import AnswerCutError, error_response
from wacrmd.http.uploads import Uploads, descriptor_of
from wacrmd.off_loop import off_loop, turn
from wacrmd.operations.body import Body
from wacrmd.operations.inputs import NoParams
from wacrmd.operations.operation import Http, HttpRequest, Operation, Reply, ResultKind, SentFile, Stream
from wacrmd.operations.paging import PageQuery, encode_cursor
from wacrmd.services.access import keys
from wacrmd.services.context import Context
from wacrmd.views.json import to_json

RECHECK_INTERVAL: Millis = 1 * SECOND
"""How often a key is looked up again while a long answer is written, if there is anything to write."""


@dataclass(slots=True)
class Pipeline:
    """Serves operations to API keys, in the order in which callers rely on it."""

    ctx: Context
    limits: RateLimit = field(default_factory=RateLimit)
    uploads: Uploads = field(default_factory=Uploads)

    def endpoint(self, operation: Operation, http: Http) -> Callable[[Request], Awaitable[Response]]:
        """The Starlette endpoint of an operation."""
        form = Form.of(operation)

        async def handle(request: Request) -> Response:
            allowance: Allowance | None = None
            try:
                key, allowance = await self._admit(request)
                _check_rate(allowance)
                _check_scope(http, key)
                result = await self._run(operation, http, form, request, Actor.of_key(key))
                if isinstance(result, Stream):
                    result = replace(result, pieces=while_valid(self.ctx, result, key, peer_address(request)))
                response = answer(operation, http, result, request.headers.getlist("if-none-match"))
            except Refusal as refusal:
                if refusal.code is ErrorCode.INTERNAL:
                    raise
                response = error_response(refusal)
            if allowance is not None:
                response.headers.update(allowance.headers(self.ctx.clock.now()))
            return response

        return handle

    async def refused(self, request: Request, refusal: Refusal) -> Response:
        """The answer to a request for which there is no endpoint: only callers with a key learn why."""
        allowance: Allowance | None = None
        try:
            _, allowance = await self._admit(request)
            _check_rate(allowance)
        except Refusal as denied:
            refusal = denied
        response = error_response(refusal)
        if allowance is not None:
            response.headers.update(allowance.headers(self.ctx.clock.now()))
        return response

    async def _admit(self, request: Request) -> tuple[ApiKey, Allowance]:
        """The caller's key and what it has left. Refuses a key that is not valid."""
        key = await keys.authenticate(self.ctx, presented_key(request), peer_address(request))
        structlog.contextvars.bind_contextvars(key_prefix=key.prefix, account_id=key.account_id)
        now = self.ctx.clock.monotonic()
        return key, self.limits.spend(key.family, self.ctx.config.limits.requests_per_minute, now)

    async def _run(
        self, operation: Operation, http: Http, form: Form, request: Request, actor: Actor
    ) -> object:
        path = path_parameters(request.scope)
        fixed = {} if http.handler is not None else path
        query: Any = None
        check_query(request.scope["query_string"])
        given = parse_query(request.query_params.multi_items(), path)
        if form.query is not None:
            query = validated(operation, form.query, given, fixed)
        else:
            validated(operation, NoParams, given, {})  # what is ignored may be a dry_run
        if http.form is not None:
            return await self._perform_with_file(operation, http, request, actor, path, query)
        perform = partial(self._perform, operation, http, request, actor, path, query)
        if form.body is None:
            return await perform({}, None)
        api = self.ctx.config.api
        limit = min(api.max_body_bytes, http.max_body_bytes or api.max_body_bytes)
        sent = await read_body(request.scope, request.receive, limit=limit, deadline_s=api.body_timeout_s)
        read = partial(self._read, operation, form.body, request.headers.get("content-type", ""), fixed)
        if (small := sent.if_small()) is not None:
            return await perform(*read(small))
        async with turn(actor.account):
            given_body, body = await off_loop(lambda: read(sent.decoded()))
            if (
                http.handler is not None and http.max_body_bytes is None
            ):  # it works with what is as large as the body
                return await perform(given_body, body)
        return await perform({} if http.handler is None else given_body, body)

    async def _perform_with_file(
        self,
        operation: Operation,
        http: Http,
        request: Request,
        actor: Actor,
        path: Mapping[str, str],
        query: Any,
    ) -> object:
        """Perform an operation that takes a form with a file, which is on the disk meanwhile."""
        form = http.form
        if form is None or http.handler is None:
            raise TypeError(f"{operation.name} takes no form")
        limit = form.limit(self.ctx)
        async with self.uploads.read(request, actor.account, limit=limit, advice=form.advice) as upload:
            if repeated := [(name, count) for name, count in upload.counts.items() if count > 1]:
                raise invalid(
                    [Problem(name, f"expected one value, found {count}") for name, count in repeated]
                )
            body = validated(operation, form.fields, upload.fields, path, self.ctx)
            if upload.file is None or upload.field != "file":
                found = f", found one as {upload.field!r}" if upload.field is not None else ""
                if "file" in upload.fields:
                    found = ", found a part without a filename"
                raise invalid([Problem("file", f"expected a file in the form{found}")])
            descriptor = await off_loop(descriptor_of, upload.file.file)
            request_id: str = request.scope["state"]["request_id"]
            file = SentFile(descriptor, upload.name, upload.declared_type)
            asked = HttpRequest(
                request.method, path, request.headers, query, body, dict(upload.fields), request_id, file
            )
            return await http.handler(self.ctx, actor, asked)

    async def _perform(
        self,
        operation: Operation,
        http: Http,
        request: Request,
        actor: Actor,
        path: Mapping[str, str],
        query: Any,
        given_body: JsonObject,
        body: Any,
    ) -> object:
        if http.handler is not None:
            request_id: str = request.scope["state"]["request_id"]
            asked = HttpRequest(request.method, path, request.headers, query, body, given_body, request_id)
            return await http.handler(self.ctx, actor, asked)
        params = query if body is None else body
        if params is None:
            params = validated(operation, operation.params, {}, path)
        if operation.kind is ResultKind.PAGE and isinstance(params, PageQuery):
            return await operation.run(self.ctx, actor, params, params.page())
        return await operation.run(self.ctx, actor, params)

    def _read(
        self,
        operation: Operation,
        model: type[BaseModel],
        content_type: str,
        path: Mapping[str, str],
        raw: bytes,
    ) -> tuple[JsonObject, BaseModel]:
        """The body as JSON and as parameters."""
        max_values = model.max_values(self.ctx) if issubclass(model, Body) else MAX_VALUES
        if not raw and issubclass(model, Body) and model.may_be_empty:
            given: JsonObject = {}
        else:
            given = parse_body(raw, content_type, max_values)
        return given, validated(operation, model, given, path, self.ctx)


def peer_address(request: Request) -> str | None:
    """The address of the other end of the connection, in one form; None on a unix socket.

    Behind a proxy it is the proxy's: a header such as X-Forwarded-For is what the caller says.
    """
    return None if request.client is None else str(address_of(request.client.host))


def presented_key(request: Request) -> str:
    """The key of the Authorization header, with or without `Bearer`; empty where there is none."""
    given = request.headers.get("authorization", "").strip()
    scheme, _, rest = given.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else given


async def while_valid(
    ctx: Context, stream: Stream, key: ApiKey, address: str | None
) -> AsyncGenerator[bytes, None]:
    """The pieces of an answer, as long as the key is valid: it may be revoked while a long one is on its way."""
    checked_at = ctx.clock.monotonic()
    async with aclosing(stream.pieces) as pieces:
        async for piece in pieces:
            now = ctx.clock.monotonic()
            if now - checked_at >= RECHECK_INTERVAL:
                checked_at = now
                if not await keys.is_valid(ctx, key, address):
                    if stream.ends_anywhere:
                        return
                    raise AnswerCutError("the API key is no longer valid")
            yield piece


def answer(operation: Operation, http: Http, result: object, if_none_match: Sequence[str] = ()) -> Response:
    """A success as every operation gives it: `{"data": …}`, with `meta` for lists.

    A reply with an `ETag` that the client has already is a 304; nothing is written as JSON for it.
    """
    status, headers = http.status, None
    if isinstance(result, Stream):
        return StreamingResponse(result.pieces, media_type=result.media_type, headers=dict(result.headers))
    if isinstance(result, Reply):
        status, headers, result = result.status, dict(result.headers), result.result
        if "ETag" in headers and is_known(", ".join(if_none_match), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        if result is None:
            return Response(status_code=status, headers=headers)
    if http.empty:
        return Response(status_code=status, headers=headers)
    if isinstance(result, bytes):
        body = result
    elif isinstance(result, Page):
        body = _list(operation.http_item, result.items, encode_cursor(result.next))
    elif isinstance(result, list):
        body = _list(operation.http_item, result, None)
    else:
        shown = operation.http_item if isinstance(result, operation.http_item) else type(result)
        body = b'{"data":' + to_json(result, shown) + b"}"
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def _list(item: Any, items: list[Any], next_cursor: str | None) -> bytes:
    meta = orjson.dumps({"next_cursor": next_cursor})
    return b'{"data":' + to_json(items, list[item]) + b',"meta":' + meta + b"}"


def _check_rate(allowance: Allowance) -> None:
    if not allowance.allowed:
        raise Refusal(
            ErrorCode.RATE_LIMITED,
            f"This key may make {counted(allowance.limit, 'request')} a minute: try again in {allowance.retry_after_s} s",
            retry_after_s=allowance.retry_after_s,
        )


def _check_scope(http: Http, key: ApiKey) -> None:
    if http.scopes and not set(http.scopes) & set(key.scopes):
        wanted = " or ".join(http.scopes)
        raise Refusal(
            ErrorCode.FORBIDDEN,
            f"This key lacks the scope {wanted}: create one with wacrmd key create --scope {http.scopes[0]}",
        )
