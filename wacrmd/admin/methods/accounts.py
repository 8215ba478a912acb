"""`account.…`: the tenants."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from wacrmd.admin.identity import Caller, Level
from wacrmd.admin.registry import Method, NoParams, Params
from wacrmd.services import numbers as services
from wacrmd.services.context import Context

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class AccountName(Params):
    """An account by its name."""

    name: Name = Field(description="the account's name")


async def add(ctx: Context, params: AccountName, _caller: Caller) -> dict[str, Any]:
    """Make an account."""
    return await services.add_account(ctx, params.name)


async def list_all(ctx: Context, _params: NoParams, _caller: Caller) -> list[dict[str, Any]]:
    """All accounts."""
    return await services.list_accounts(ctx)


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
)
