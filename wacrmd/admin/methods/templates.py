"""`template.…`: the templates as Meta has them."""

from typing import Any

from wacrmd.admin.identity import Caller, Level
from wacrmd.admin.methods.accounts import Name
from wacrmd.admin.registry import Method, Params
from wacrmd.services.access import keys
from wacrmd.services.context import Context
from wacrmd.services.templates import sync as services


class WhichTemplates(Params):
    """Of one account or of all."""

    account: Name | None = None


async def sync(ctx: Context, params: WhichTemplates, _caller: Caller) -> dict[str, Any]:
    """Read the templates from Meta."""
    return await services.sync(ctx, params.account)


async def list_all(ctx: Context, params: WhichTemplates, _caller: Caller) -> list[dict[str, Any]]:
    """The templates as last read."""
    account_id = (await keys.account_named(ctx, params.account)).id if params.account else None
    return await services.list_templates(ctx, account_id)


METHODS: tuple[Method[Context], ...] = (
    Method(
        name="template.sync",
        level=Level.OPERATE,
        summary="Read the templates of one account or of all from Meta now",
        params=WhichTemplates,
        handler=sync,
        example={"account": "shop"},
        changes=True,
    ),
    Method(
        name="template.list",
        level=Level.READ,
        summary="List the templates as last read from Meta, or told by its webhooks",
        params=WhichTemplates,
        handler=list_all,
        example={"account": "shop"},
    ),
)
