"""`broadcast.…`: what is sent."""

from typing import Any

from pydantic import Field

from wacrmd.admin.identity import Caller, Level
from wacrmd.admin.methods.accounts import Name
from wacrmd.admin.registry import Method, Params
from wacrmd.model import BroadcastStatus
from wacrmd.services import keys, views
from wacrmd.services.context import Context


class WhichBroadcasts(Params):
    """Which broadcasts, and how many."""

    account: Name | None = None
    status: BroadcastStatus | None = None
    limit: int | None = Field(None, ge=1, le=1000)


class BroadcastId(Params):
    """A broadcast by its uuid or an unambiguous beginning of it."""

    id: str = Field(min_length=1, max_length=36)


async def list_all(ctx: Context, params: WhichBroadcasts, _caller: Caller) -> list[dict[str, Any]]:
    """Broadcasts of one account or of all, newest first."""
    account_id = (await keys.account_named(ctx, params.account)).id if params.account else None
    found, _ = await views.list_broadcasts(
        ctx, account_id=account_id, status=params.status, limit=params.limit or 50
    )
    return found


async def show(ctx: Context, params: BroadcastId, _caller: Caller) -> dict[str, Any]:
    """One broadcast with its counts."""
    broadcast = await views.resolve_broadcast(ctx, params.id)
    return await views.broadcast_by_id(ctx, broadcast.id)


METHODS: tuple[Method[Context], ...] = (
    Method(
        name="broadcast.list",
        level=Level.READ,
        summary="List broadcasts, newest first",
        params=WhichBroadcasts,
        handler=list_all,
        example={"status": "sending"},
    ),
    Method(
        name="broadcast.show",
        level=Level.READ,
        summary="Show a broadcast with its counts and what holds it up",
        params=BroadcastId,
        handler=show,
        example={"id": "4b6d"},
    ),
)
