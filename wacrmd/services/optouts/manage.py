"""The suppression list as local apps and operators manage it: add, remove and list opt-outs."""

from functools import partial
from typing import Any

from wacrmd.domain.address import normalize_address, phone_and_user_id
from wacrmd.domain.page import Position
from wacrmd.errors import bad_request, not_found
from wacrmd.services.context import Context
from wacrmd.services.views import time
from wacrmd.store import optouts
from wacrmd.store.database import Tx
from wacrmd.store.optouts import OptOut


def optout_view(optout: OptOut) -> dict[str, Any]:
    """An opt-out as it is shown to callers."""
    return {
        "id": optout.id,
        "phone": optout.phone,
        "user_id": optout.user_id,
        "source": optout.source,
        "detail": optout.detail,
        "created_at": time(optout.at),
    }


async def add(
    ctx: Context, account_id: str, *, address: str, detail: str | None = None, source: str = "api"
) -> dict[str, Any]:
    """Suppress a person; repeating it is harmless and keeps the time and source of the first opt-out."""
    normalized = normalize_address(address)
    if normalized is None:
        raise bad_request(
            f"phone: expected a phone number such as +14155550123, or a user id, found {address[:64]!r}"
        )
    phone, user_id = phone_and_user_id(normalized)
    now = ctx.clock.now()

    def work(tx: Tx) -> OptOut | None:
        optouts.add(
            tx,
            account_id=account_id,
            phone=phone,
            user_id=user_id,
            source=source,
            detail=detail,
            at=now,
        )
        return optouts.find(tx, account_id, phone=phone, user_id=user_id)

    found = await ctx.db.write(work)
    ctx.changes.publish()
    if found is None:
        raise bad_request(
            "The clock of this machine is behind the time at which this person opted in: set the clock"
        )
    return optout_view(found)


async def remove(ctx: Context, account_id: str, address: str, *, source: str = "api") -> dict[str, Any]:
    """Let a person be messaged again; returns the opt-out as it was. Refuses an address that has not opted out."""
    normalized = normalize_address(address)
    phone, user_id = phone_and_user_id(normalized) if normalized else (None, None)
    now = ctx.clock.now()

    def work(tx: Tx) -> OptOut:
        found = optouts.find(tx, account_id, phone=phone, user_id=user_id)
        if found is None:
            raise not_found(f"Opt-out of {address[:64]!r}")
        optouts.remove(
            tx,
            account_id=account_id,
            phone=found.phone,
            user_id=found.user_id,
            source=source,
            at=now,
            even_newer=True,
        )
        return found

    removed = await ctx.db.write(work)
    ctx.changes.publish()
    return optout_view(removed)


async def list_optouts(
    ctx: Context, account_id: str | None, *, after: Position | None = None, limit: int = 50
) -> tuple[list[dict[str, Any]], Position | None]:
    """A page of opt-outs of one account or of all, newest first, and where the next page begins."""
    position = (after.created_at, after.id) if after else None
    found = await ctx.db.read(partial(optouts.page, account_id=account_id, after=position, limit=limit + 1))
    more, found = len(found) > limit, found[:limit]
    views = [optout_view(each) | ({} if account_id else {"account": each.account}) for each in found]
    return views, Position(found[-1].at, found[-1].id) if more else None
