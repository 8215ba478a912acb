"""`optout.…`: people who must not be messaged any more."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from pydantic import Field, StringConstraints

from wacrmd.domain.account import Scope
from wacrmd.domain.actor import Actor, Level
from wacrmd.domain.optout import MAX_DETAIL, OptOutSource
from wacrmd.domain.page import Page, PageRequest
from wacrmd.domain.text_file import split_lines
from wacrmd.errors import ErrorCode
from wacrmd.operations.body import Body
from wacrmd.operations.inputs import (
    Address,
    DefaultAccount,
    File,
    Limited,
    Names,
    OptionalAccount,
    Params,
)
from wacrmd.operations.operation import Admin, Http, HttpRequest, Operations
from wacrmd.operations.paging import PageQuery
from wacrmd.services.context import Context
from wacrmd.services.optouts import import_export, manage
from wacrmd.views.optouts import AccountOptOut, AddedOptOut, AddedOptOutView, ImportResult, OptOutView

operations = Operations()

COLLECTION = "/api/v1/optouts"
MANAGE = (Scope.OPTOUTS_MANAGE,)
EXAMPLE = {"account": "shop", "phone": "+14155550123"}

PHONE = "phone number in any form, or a business-scoped user id"


class OptOutAddress(Params):
    """One person."""

    phone: Annotated[Address, Names("Opt-out")] = Field(description=PHONE)


class OperatorOptOutAddress(OptOutAddress, DefaultAccount):
    """One person, on the list of one account."""


class NewOptOut(Body):
    """A person who is not to be messaged any more, and why."""

    phone: Address = Field(description=PHONE)
    detail: Annotated[str, StringConstraints(max_length=MAX_DETAIL)] | None = Field(
        None, description="why, for people who look at the list"
    )


class OperatorNewOptOut(NewOptOut, DefaultAccount, extra="forbid"):
    """A person who is not to be messaged any more, and why."""


class OptOutFilter(Params):
    """Which part of the list."""

    search: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="a phone number in any form, the first digits of one, or a user id; then in the order of the numbers",
    )
    source: OptOutSource | None = Field(None, description="only those who came on the list like this")


class OperatorOptOutFilter(Limited, OptOutFilter, OptionalAccount):
    """Whose list, and how much of it."""


class Import(DefaultAccount):
    """A CSV file, or a part of it that begins with its header."""

    csv: File = Field(
        description="a header with phone, user_id or detail, or phone numbers alone; refused if unclear"
    )


class Export(Params):
    """How opt-outs are written out."""

    excel: bool = Field(
        default=False, description="in a form that Excel opens right: phone numbers stay text"
    )


class OperatorExport(Export, OptionalAccount):
    """How opt-outs are written out, and whose."""


@operations.operation(
    "optout.add",
    http=Http("POST", COLLECTION, scopes=MANAGE, status=201, shows=AddedOptOutView),
    admin=Admin(Level.OPERATE, per_account=True, audited=True, params=OperatorNewOptOut),
    errors=(ErrorCode.BAD_REQUEST, ErrorCode.PAYLOAD_TOO_LARGE, ErrorCode.UNAVAILABLE),
    example=EXAMPLE,
)
async def add(ctx: Context, actor: Actor, params: NewOptOut) -> AddedOptOut:
    """Add a person to the list; repeating it is harmless.

    If the person is on the list already, the first time, source and detail stay.
    """
    return await manage.add(ctx, actor, address=params.phone, detail=params.detail)


@operations.operation(
    "optout.remove",
    http=Http("DELETE", f"{COLLECTION}/{{phone}}", scopes=MANAGE, shows=OptOutView),
    admin=Admin(Level.OPERATE, per_account=True, audited=True, params=OperatorOptOutAddress),
    errors=(ErrorCode.BAD_REQUEST, ErrorCode.NOT_FOUND, ErrorCode.UNAVAILABLE),
    example=EXAMPLE,
)
async def remove(ctx: Context, actor: Actor, params: OptOutAddress) -> AccountOptOut:
    """Remove a person from the list.

    In the path, a phone number may be written in any form, the `+` as it is or as `%2B`, a slash as `%2F`. Without a
    `+` it is a number of the account's default country first.
    """
    return await manage.remove(ctx, actor, params.phone)


async def _page_over_http(ctx: Context, actor: Actor, request: HttpRequest) -> Page[AccountOptOut]:
    query: PageQuery = request.query
    return await manage.page(ctx, actor.account_id, query.page())


@operations.operation(
    "optout.list",
    http=Http("GET", COLLECTION, scopes=MANAGE, shows=OptOutView, handler=_page_over_http, query=PageQuery),
    admin=Admin(Level.READ, per_account=True, params=OperatorOptOutFilter),
    errors=(ErrorCode.BAD_REQUEST,),
    example={"account": "shop", "limit": 10},
)
async def list_optouts(
    ctx: Context, actor: Actor, params: OptOutFilter, page: PageRequest
) -> Page[AccountOptOut]:
    """List opt-outs with source and time, newest first."""
    if params.search is not None:
        return await manage.search(
            ctx, actor.account_id, params.search, source=params.source, limit=page.limit
        )
    return await manage.page(ctx, actor.account_id, page, source=params.source)


@operations.operation(
    "optout.import",
    admin=Admin(Level.OPERATE, per_account=True, audited=True),
    errors=(ErrorCode.BAD_REQUEST,),
    example={"account": "shop", "csv": "phone\n+14155550123\n"},
)
async def import_csv(ctx: Context, actor: Actor, params: Import) -> ImportResult:
    """Add everybody in a CSV file to the list; repeating it is harmless."""
    return await import_export.import_csv(ctx, actor.account, split_lines(params.csv))


@operations.operation(
    "optout.export",
    admin=Admin(Level.READ, per_account=True, audited=True, params=OperatorExport),
    example={"account": "shop"},
)
async def export(ctx: Context, actor: Actor, params: Export) -> AsyncGenerator[str, None]:
    """Write out all opt-outs as CSV, piece by piece; `optout.import` reads it."""
    async with aclosing(import_export.export_csv(ctx, actor.account_id, excel=params.excel)) as pieces:
        async for piece in pieces:
            yield piece
