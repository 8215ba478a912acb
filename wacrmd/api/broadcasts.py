"""Broadcasts over HTTP: send one, read one, list them."""

from dataclasses import asdict
from typing import Annotated

import orjson
from pydantic import Field
from starlette.responses import Response

from wacrmd.api.endpoint import Call, Endpoint, answer
from wacrmd.api.paging import PageQuery, decode_cursor, encode_cursor
from wacrmd.api.schemas import AcceptedOut, BroadcastIn, BroadcastOut
from wacrmd.errors import ErrorCode, bad_request
from wacrmd.model import BroadcastStatus, Scope
from wacrmd.services import views
from wacrmd.services.accept import Idempotency, accept

LONGEST_IDEMPOTENCY_KEY = 255
READ = (Scope.BROADCASTS_SEND, Scope.BROADCASTS_READ)


class ListQuery(PageQuery):
    """Which broadcasts."""

    status: Annotated[BroadcastStatus | None, Field(description="only those in this status")] = None


async def create(call: Call) -> Response:
    """Store a broadcast and answer 202."""
    body: BroadcastIn = call.body
    most = call.ctx.config.limits.max_recipients
    if len(body.recipients) > most:
        raise bad_request(
            f"recipients: expected at most {most} recipients, found {len(body.recipients)}: split the broadcast"
        )
    problems = body.problems()
    if problems:
        raise bad_request(f"{problems[0].path}: {problems[0].message}", problems)
    acceptance = await accept(
        call.ctx,
        call.account_id,
        body.submission(),
        request_id=call.request_id,
        idempotency_key=_idempotency(call),
    )
    data = asdict(acceptance)
    replayed = data.pop("replayed")
    return answer(data, status=202, headers={"Idempotent-Replayed": "true"} if replayed else None)


def _idempotency(call: Call) -> Idempotency | None:
    key = call.request.headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_IDEMPOTENCY_KEY:
        raise bad_request(
            f"Idempotency-Key: expected 1 to {LONGEST_IDEMPOTENCY_KEY} characters, found {len(key)}"
        )
    return Idempotency.of(key, orjson.loads(call.raw_body))


async def show(call: Call) -> Response:
    """One broadcast with its counts."""
    return answer(await views.show_broadcast(call.ctx, call.account_id, call.path("id")))


async def index(call: Call) -> Response:
    """A page of the account's broadcasts, newest first."""
    query: ListQuery = call.query
    found, position = await views.list_broadcasts(
        call.ctx,
        account_id=call.account_id,
        status=query.status,
        after=decode_cursor(query.cursor),
        limit=query.limit,
    )
    return answer(found, meta={"next_cursor": encode_cursor(position)})


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/v1/broadcasts",
        "Send a template to a list of people",
        create,
        AcceptedOut,
        scopes=(Scope.BROADCASTS_SEND,),
        body=BroadcastIn,
        status=202,
        errors=(
            ErrorCode.BAD_REQUEST,
            ErrorCode.WHATSAPP_NOT_CONFIGURED,
            ErrorCode.PAYLOAD_TOO_LARGE,
            ErrorCode.IDEMPOTENCY_MISMATCH,
            ErrorCode.UNAVAILABLE,
        ),
    ),
    Endpoint(
        "GET",
        "/api/v1/broadcasts",
        "List broadcasts, newest first",
        index,
        BroadcastOut,
        scopes=READ,
        query=ListQuery,
        paged=True,
        errors=(ErrorCode.BAD_REQUEST,),
    ),
    Endpoint(
        "GET",
        "/api/v1/broadcasts/{id}",
        "Show a broadcast with its counts",
        show,
        BroadcastOut,
        scopes=READ,
        errors=(ErrorCode.NOT_FOUND,),
    ),
)
