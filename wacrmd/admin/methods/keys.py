"""`key.…`: the API keys of local apps."""

from typing import Any

from pydantic import Field

from wacrmd.admin.identity import Caller, Level
from wacrmd.admin.methods.accounts import Name
from wacrmd.admin.registry import Method, Params
from wacrmd.domain.account import Scope
from wacrmd.services.access import keys as services
from wacrmd.services.context import Context


class NewKey(Params):
    """A key to be made."""

    account: Name = Field(description="the account that it acts on")
    name: Name = Field(description="the app that uses it")
    scopes: tuple[Scope, ...] = Field((), description="what it may do; none: only GET /api/v1/me")
    expires_in_days: int | None = Field(None, ge=1, le=36_500)


class WhichKeys(Params):
    """Of one account or of all."""

    account: Name | None = None


class KeyId(Params):
    """A key by its id or the beginning of it."""

    id: str = Field(min_length=1, max_length=64)


async def create(ctx: Context, params: NewKey, _caller: Caller) -> dict[str, Any]:
    """Make a key; it is shown this once."""
    made = await services.create(
        ctx,
        account=params.account,
        name=params.name,
        scopes=list(dict.fromkeys(params.scopes)),
        expires_in_days=params.expires_in_days,
    )
    return made.view


async def list_all(ctx: Context, params: WhichKeys, _caller: Caller) -> list[dict[str, Any]]:
    """Keys, without the keys themselves."""
    return await services.list_keys(ctx, params.account)


async def revoke(ctx: Context, params: KeyId, _caller: Caller) -> dict[str, Any]:
    """Shut a key out."""
    return await services.revoke(ctx, params.id)


METHODS: tuple[Method[Context], ...] = (
    Method(
        name="key.create",
        level=Level.ADMIN,
        summary="Make an API key for a local app; it is shown this once",
        params=NewKey,
        handler=create,
        example={"account": "shop", "name": "CRM", "scopes": ["broadcasts:send"]},
        changes=True,
    ),
    Method(
        name="key.list",
        level=Level.READ,
        summary="List API keys",
        params=WhichKeys,
        handler=list_all,
        example={"account": "shop"},
    ),
    Method(
        name="key.revoke",
        level=Level.ADMIN,
        summary="Revoke an API key: its next request is refused",
        params=KeyId,
        handler=revoke,
        example={"id": "6f1c2d"},
        changes=True,
    ),
)
