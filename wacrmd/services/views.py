"""Things as callers see them: the same dictionaries for the HTTP API and the admin socket."""

from functools import partial
from typing import Any

import orjson

from wacrmd.clock import Millis, iso
from wacrmd.domain.account import Account, ApiKey
from wacrmd.domain.broadcast import Broadcast, BroadcastStatus, Progress
from wacrmd.domain.broadcast_hold import broadcast_hold
from wacrmd.domain.hold import Hold, HoldReason
from wacrmd.domain.number import Number
from wacrmd.domain.page import Position
from wacrmd.errors import conflict, not_found
from wacrmd.services.context import Context
from wacrmd.store import broadcasts, numbers, recipients
from wacrmd.store.database import Tx
from wacrmd.views.broadcasts import BroadcastView
from wacrmd.views.json import to_json


def time(at: Millis | None) -> str | None:
    """A time for callers: ISO-8601 UTC, or null."""
    return None if at is None else iso(at)


def hold_view(hold: Hold | None) -> dict[str, str] | None:
    """`{"reason", "detail", "since"}` or null."""
    return None if hold is None else {"reason": hold.reason, "detail": hold.detail, "since": iso(hold.since)}


def account_view(account: Account) -> dict[str, Any]:
    """An account."""
    return {"id": account.id, "name": account.name, "created_at": iso(account.created_at)}


def key_view(key: ApiKey) -> dict[str, Any]:
    """An API key, without the key."""
    return {
        "id": key.id,
        "account": key.account,
        "name": key.name,
        "prefix": key.prefix,
        "scopes": list(key.scopes),
        "created_at": iso(key.created_at),
        "expires_at": time(key.expires_at),
        "revoked_at": time(key.revoked_at),
        "last_used_at": time(key.last_used_at),
    }


def number_view(ctx: Context, number: Number) -> dict[str, Any]:
    """A number: what it is, whether it sends and why not, how fast."""
    flow = ctx.throughput.state(number.id)
    return {
        "id": number.id,
        "account": number.account,
        "phone_number_id": number.phone_number_id,
        "waba_id": number.waba_id,
        "label": number.label,
        "display_phone": number.display_phone,
        "verified_name": number.verified_name,
        "is_default": number.is_default,
        "state": number.state,
        "hold": hold_view(number.hold or (flow.hold if flow else None)),
        "quality": number.quality,
        "limit_tier": number.limit_tier,
        "messages_per_second": number.messages_per_second or ctx.config.sender.messages_per_second,
        "rate_now": round(flow.rate_now, 1) if flow else None,
        "in_flight": flow.in_flight if flow else 0,
        "checked_at": time(number.checked_at),
        "created_at": iso(number.created_at),
    }


def broadcast_view(broadcast: Broadcast, progress: Progress, hold: Hold | None) -> dict[str, Any]:
    """A broadcast (docs/api.md, Broadcasts)."""
    shown: dict[str, Any] = orjson.loads(to_json(BroadcastView.of(broadcast, progress, hold)))
    return shown


def _views(tx: Tx, found: list[Broadcast], ctx: Context) -> list[dict[str, Any]]:
    counts = broadcasts.progress(tx, [broadcast.id for broadcast in found])
    return [
        broadcast_view(broadcast, counts[broadcast.id], hold_of(tx, ctx, broadcast, counts[broadcast.id]))
        for broadcast in found
    ]


def hold_of(tx: Tx, ctx: Context, broadcast: Broadcast, progress: Progress) -> Hold | None:
    """What keeps a broadcast from moving now; None while it moves or has nothing to do."""
    if broadcast.status is not BroadcastStatus.SENDING or progress.pending_count == 0:
        return broadcast.hold  # nothing else can hold it: spare the reads
    now, trouble = ctx.clock.now(), ctx.db.trouble
    flow = ctx.throughput.state(broadcast.number_id)
    waiting, earliest_retry_at = recipients.waiting(tx, broadcast.id)
    return broadcast_hold(
        broadcast,
        progress,
        numbers.get(tx, broadcast.number_id),
        storage=Hold(HoldReason.STORAGE, trouble.advice, trouble.since) if trouble else None,
        throughput=flow.hold if flow else None,
        draining_since=(ctx.control.draining_since or now) if ctx.draining else None,
        waiting=waiting,
        earliest_retry_at=earliest_retry_at,
        now=now,
    )


async def show_broadcast(ctx: Context, account_id: str, uuid: str) -> dict[str, Any]:
    """The account's broadcast with its counts. Refuses an unknown one, or another account's, as not found."""

    def work(tx: Tx) -> dict[str, Any]:
        broadcast = broadcasts.by_uuid(tx, uuid, account_id)
        if broadcast is None:
            raise not_found("Broadcast")
        return _views(tx, [broadcast], ctx)[0]

    return await ctx.db.read(work)


async def broadcast_by_id(ctx: Context, broadcast_id: int) -> dict[str, Any]:
    """A broadcast with its counts by its row id."""

    def work(tx: Tx) -> dict[str, Any]:
        broadcast = broadcasts.get(tx, broadcast_id)
        if broadcast is None:
            raise not_found("Broadcast")
        return _views(tx, [broadcast], ctx)[0]

    return await ctx.db.read(work)


async def list_broadcasts(
    ctx: Context,
    *,
    account_id: str | None,
    status: BroadcastStatus | None = None,
    after: Position | None = None,
    limit: int = 50,
) -> tuple[list[dict[str, Any]], Position | None]:
    """A page of broadcasts, newest first, and where the next page begins."""

    def work(tx: Tx) -> tuple[list[dict[str, Any]], Position | None]:
        found = broadcasts.page(tx, account_id=account_id, status=status, after=after, limit=limit + 1)
        more, found = len(found) > limit, found[:limit]
        return _views(tx, found, ctx), Position(found[-1].created_at, found[-1].id) if more else None

    return await ctx.db.read(work)


async def resolve_broadcast(ctx: Context, beginning: str, account_id: str | None = None) -> Broadcast:
    """The broadcast whose uuid is this or begins so (only operators abbreviate). Refuses none and several."""
    if account_id is not None:
        exact = await ctx.db.read(partial(broadcasts.by_uuid, uuid=beginning, account_id=account_id))
        if exact is None:
            raise not_found("Broadcast")
        return exact
    found = await ctx.db.read(partial(broadcasts.find, beginning=beginning.lower()))
    if not found:
        raise not_found(f"Broadcast {beginning!r}")
    if len(found) > 1:
        raise conflict(f"Several broadcasts begin with {beginning!r}: give more of the id")
    return found[0]
