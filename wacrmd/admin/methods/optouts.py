"""`optout.…`: who must not be messaged any more."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from pydantic import Field

from wacrmd.admin.identity import Caller, Level
from wacrmd.admin.methods.accounts import Name
from wacrmd.admin.registry import Method, Params
from wacrmd.domain.csv_file import split_lines
from wacrmd.services.access import keys
from wacrmd.services.context import Context
from wacrmd.services.optouts import import_export
from wacrmd.services.optouts import manage as services


class OptOutAddress(Params):
    """One person, by phone number or business-scoped user id."""

    account: Name | None = Field(
        None, description="whose list; may be left out where there is only one account"
    )
    phone: str = Field(min_length=1, max_length=200, description="phone number, or business-scoped user id")


class NewOptOut(OptOutAddress):
    """A person who shall not be messaged any more, and why."""

    detail: str | None = Field(None, max_length=500, description="why, for those who wonder later")


class WhichOptOuts(Params):
    """Of one account or of all, the newest first."""

    account: Name | None = None
    limit: int = Field(50, ge=1, le=1000)


class Import(Params):
    """A CSV file, or a part of it that begins with its header."""

    account: Name | None = Field(
        None, description="whose list; may be left out where there is only one account"
    )
    csv: str = Field(
        min_length=1, description="a header with phone, user_id or detail, or phone numbers alone"
    )


class Export(Params):
    """Of one account or of all."""

    account: Name | None = None


async def add(ctx: Context, params: NewOptOut, _caller: Caller) -> dict[str, Any]:
    """Suppress a person."""
    account = await keys.account_or_only(ctx, params.account)
    return await services.add(ctx, account.id, address=params.phone, detail=params.detail, source="operator")


async def remove(ctx: Context, params: OptOutAddress, _caller: Caller) -> dict[str, Any]:
    """Let a person be messaged again."""
    account = await keys.account_or_only(ctx, params.account)
    return await services.remove(ctx, account.id, params.phone, source="operator")


async def list_all(ctx: Context, params: WhichOptOuts, _caller: Caller) -> list[dict[str, Any]]:
    """The newest opt-outs."""
    account_id = (await keys.account_named(ctx, params.account)).id if params.account else None
    found, _ = await services.list_optouts(ctx, account_id, limit=params.limit)
    return found


async def import_csv(ctx: Context, params: Import, _caller: Caller) -> dict[str, Any]:
    """Suppress everybody in a file."""
    account = await keys.account_or_only(ctx, params.account)
    return asdict(await import_export.import_csv(ctx, account.id, split_lines(params.csv)))


async def export(ctx: Context, params: Export, _caller: Caller) -> AsyncGenerator[str, None]:
    """All opt-outs as CSV, piece by piece."""
    account_id = (await keys.account_named(ctx, params.account)).id if params.account else None
    async with aclosing(import_export.export_csv(ctx, account_id)) as pieces:
        async for piece in pieces:
            yield piece


METHODS: tuple[Method[Context], ...] = (
    Method(
        name="optout.add",
        level=Level.OPERATE,
        summary="Suppress a person: nothing is sent to them from this account any more",
        params=NewOptOut,
        handler=add,
        example={"account": "shop", "phone": "+14155550123"},
        changes=True,
    ),
    Method(
        name="optout.remove",
        level=Level.OPERATE,
        summary="Let a person who had opted out be messaged again",
        params=OptOutAddress,
        handler=remove,
        example={"account": "shop", "phone": "+14155550123"},
        changes=True,
    ),
    Method(
        name="optout.list",
        level=Level.READ,
        summary="List opt-outs with source and time, newest first",
        params=WhichOptOuts,
        handler=list_all,
        example={"account": "shop", "limit": 10},
    ),
    Method(
        name="optout.import",
        level=Level.OPERATE,
        summary="Suppress everybody in a CSV file; running it again is harmless",
        params=Import,
        handler=import_csv,
        example={"account": "shop", "csv": "phone\n+14155550123\n"},
        changes=True,
    ),
    Method(
        name="optout.export",
        level=Level.READ,
        summary="Write out all opt-outs as CSV, piece by piece",
        params=Export,
        handler=export,
        example={"account": "shop"},
        stream=True,
    ),
)
