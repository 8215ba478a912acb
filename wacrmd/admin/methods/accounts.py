"""`account.…`: the tenants."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from wacrmd.admin.identity import Caller, Level
from wacrmd.admin.registry import Method, NoParams, Params
from wacrmd.services.context import Context
from wacrmd.services.numbers import manage as services

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class AccountName(Params):
    """An account by its name."""

    name: Name = Field(description="the account's name")


class Rename(Params):
    """An account and its new name."""

    name: Name = Field(description="the account's name")
    new: Name = Field(description="the name that it shall have")


async def add(ctx: Context, params: AccountName, _caller: Caller) -> dict[str, Any]:
    """Make an account."""
    return await services.add_account(ctx, params.name)


async def list_all(ctx: Context, _params: NoParams, _caller: Caller) -> list[dict[str, Any]]:
    """All accounts."""
    return await services.list_accounts(ctx)


async def rename(ctx: Context, params: Rename, _caller: Caller) -> dict[str, Any]:
    """Give an account another name."""
    return await services.rename_account(ctx, params.name, params.new)


async def remove(ctx: Context, params: AccountName, _caller: Caller) -> dict[str, Any]:
    """Delete an account that owns nothing any more."""
    return await services.remove_account(ctx, params.name)


METHODS: tuple[Method[Context], ...] = (
    Method(
        name="account.add",
        level=Level.ADMIN,
        summary="Make an account: it owns numbers, keys and broadcasts",
        params=AccountName,
        handler=add,
        example={"name": "shop"},
        changes=True,
    ),
    Method(name="account.list", level=Level.READ, summary="List the accounts", handler=list_all),
    Method(
        name="account.rename",
        level=Level.ADMIN,
        summary="Give an account another name; its keys and numbers stay as they are",
        params=Rename,
        handler=rename,
        example={"name": "shop", "new": "store"},
        changes=True,
    ),
    Method(
        name="account.remove",
        level=Level.ADMIN,
        summary="Delete an account that has no numbers, active keys or broadcasts any more",
        params=AccountName,
        handler=remove,
        example={"name": "shop"},
        changes=True,
    ),
)
