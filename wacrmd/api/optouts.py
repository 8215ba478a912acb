"""The suppression list over HTTP."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response

from wacrmd.api.endpoint import Call, Endpoint, answer
from wacrmd.api.paging import PageQuery, decode_cursor, encode_cursor
from wacrmd.api.schemas import RequestModel
from wacrmd.domain.account import Scope
from wacrmd.errors import ErrorCode
from wacrmd.services.optouts import manage

MANAGE = (Scope.OPTOUTS_MANAGE,)


class OptOutIn(RequestModel):
    """The body of POST /api/v1/optouts."""

    phone: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        description="phone number in any form, or a business-scoped user id"
    )
    detail: Annotated[str, StringConstraints(max_length=500)] | None = Field(
        None, description="why, for people who look at the list"
    )


class OptOutOut(BaseModel):
    """A person who gets no broadcasts of the account."""

    id: int
    phone: str | None
    user_id: str | None
    source: str
    detail: str | None
    created_at: str


async def create(call: Call) -> Response:
    """Suppress a person."""
    body: OptOutIn = call.body
    return answer(
        await manage.add(call.ctx, call.account_id, address=body.phone, detail=body.detail), status=201
    )


async def index(call: Call) -> Response:
    """A page of the list, newest first."""
    query: PageQuery = call.query
    found, position = await manage.list_optouts(
        call.ctx, call.account_id, after=decode_cursor(query.cursor), limit=query.limit
    )
    return answer(found, meta={"next_cursor": encode_cursor(position)})


async def remove(call: Call) -> Response:
    """Let a person be messaged again."""
    return answer(await manage.remove(call.ctx, call.account_id, call.path("phone")))


ENDPOINTS = (
    Endpoint(
        "GET",
        "/api/v1/optouts",
        "List who gets no broadcasts, newest first",
        index,
        OptOutOut,
        scopes=MANAGE,
        query=PageQuery,
        paged=True,
        errors=(ErrorCode.BAD_REQUEST,),
    ),
    Endpoint(
        "POST",
        "/api/v1/optouts",
        "Send a person no more broadcasts; repeating it is harmless",
        create,
        OptOutOut,
        scopes=MANAGE,
        body=OptOutIn,
        status=201,
        errors=(ErrorCode.BAD_REQUEST, ErrorCode.PAYLOAD_TOO_LARGE, ErrorCode.UNAVAILABLE),
        description="Repeated, it keeps the first time, source and detail.",
    ),
    Endpoint(
        "DELETE",
        "/api/v1/optouts/{phone}",
        "Let a person be messaged again, by phone number or user id",
        remove,
        OptOutOut,
        scopes=MANAGE,
        errors=(ErrorCode.NOT_FOUND, ErrorCode.UNAVAILABLE),
        description="The number in any form; the `+` may be left out or written as `%2B`.",
    ),
)
