"""Reading single messages: one by its id, and pages."""

from collections.abc import Sequence
from functools import partial

from wacrmd.domain.actor import Actor
from wacrmd.domain.broadcast import Broadcast, BroadcastFilter, BroadcastKind, BroadcastStatus
from wacrmd.domain.message import Message
from wacrmd.domain.page import Page, PageRequest, Position
from wacrmd.errors import not_found
from wacrmd.services.broadcasts.read import find, holds_of
from wacrmd.services.context import Context
from wacrmd.store import broadcasts, recipients
from wacrmd.store.database import Tx
from wacrmd.views.messages import MessageView


async def show(ctx: Context, actor: Actor, reference: str) -> MessageView:
    """The message with this id; an operator may give only the beginning. Raises Refusal if there is none."""

    def work(tx: Tx) -> MessageView:
        broadcast = find(tx, actor, reference, "Message")
        if broadcast.kind is not BroadcastKind.MESSAGE:
            raise not_found("Message")
        return _views(tx, ctx, [broadcast])[0]

    return await ctx.db.read(work)


async def broadcast_id_of(ctx: Context, account_id: str, uuid: str) -> int:
    """The row id of the broadcast of a message; raises Refusal if it is there no more."""
    found = await ctx.db.read(partial(broadcasts.by_uuid, uuid=uuid, account_id=account_id))
    if found is None:
        raise not_found("Message")
    return found.id


async def view_of(ctx: Context, broadcast_id: int) -> MessageView:
    """The message of a row id; raises Refusal if it is there no more."""

    def work(tx: Tx) -> MessageView:
        broadcast = broadcasts.get(tx, broadcast_id)
        if broadcast is None:
            raise not_found("Message")
        return _views(tx, ctx, [broadcast])[0]

    return await ctx.db.read(work)


async def page(
    ctx: Context, account_id: str | None, request: PageRequest, *, paused: bool = False
) -> Page[MessageView]:
    """A page of messages, newest first; `paused`: of those that are paused alone."""
    status = BroadcastStatus.PAUSED if paused else None
    which = BroadcastFilter(kind=BroadcastKind.MESSAGE, account_id=account_id, status=status)

    def work(tx: Tx) -> Page[MessageView]:
        found = broadcasts.page(tx, which, after=request.after, limit=request.rows)
        rows = Page.of(found, request, lambda row: row, lambda row: Position(row.created_at, row.id))
        return Page(_views(tx, ctx, rows.items), rows.next, rows.positions)

    return await ctx.db.read(work)


def _views(tx: Tx, ctx: Context, found: Sequence[Broadcast]) -> list[MessageView]:
    holds = holds_of(tx, ctx, found, ctx.counts.progress(tx, found))
    sole = recipients.sole_of(tx, [each.id for each in found])
    return [MessageView.of(Message(each, sole[each.id]), holds[each.id]) for each in found if each.id in sole]
