"""Reading broadcasts: one by its id, and pages."""

from collections.abc import Iterable, Mapping
from functools import cache, partial

from wacrmd.clock import Millis
from wacrmd.domain.actor import Actor
from wacrmd.domain.broadcast import Broadcast, BroadcastFilter, BroadcastStatus, Progress
from wacrmd.domain.broadcast_hold import (
    broadcast_hold,
    has_work,
    idle_hold,
    media_hold,
    pace_hold,
    waits_for_clock,
)
from wacrmd.domain.hold import Hold, HoldReason
from wacrmd.domain.page import Page, PageRequest, Position
from wacrmd.errors import not_found
from wacrmd.services.broadcasts import waiting
from wacrmd.services.context import Context
from wacrmd.services.lookup import exactly_one
from wacrmd.store import broadcasts, media_uploads, numbers, recipients
from wacrmd.store.database import Tx
from wacrmd.views.broadcasts import BroadcastView


def find(tx: Tx, actor: Actor, reference: str, noun: str = "Broadcast") -> Broadcast:
    """The broadcast with this id; an operator may give only the beginning of the id. `noun` is what callers know it as.

    Raises Refusal if there is none, if it belongs to another account, or if several ids begin so.
    """
    uuid = reference.lower()
    if actor.abbreviates:
        return exactly_one(broadcasts.find(tx, uuid, actor.account_id), noun, reference)
    exact = broadcasts.by_uuid(tx, uuid, actor.account)
    if exact is None:
        raise not_found(noun)
    return exact


async def broadcast_of(ctx: Context, actor: Actor, reference: str) -> Broadcast:
    """The broadcast with this id; raises Refusal as `find`."""
    return await ctx.db.read(partial(find, actor=actor, reference=reference))


async def show(ctx: Context, actor: Actor, reference: str) -> BroadcastView:
    """The broadcast with this id, with its counts; raises Refusal as `find`."""
    return await ctx.db.read(lambda tx: _views(tx, [find(tx, actor, reference)], ctx)[0])


async def view_of(ctx: Context, broadcast_id: int) -> BroadcastView:
    """The broadcast of a row id, with its counts."""

    def work(tx: Tx) -> BroadcastView:
        broadcast = broadcasts.get(tx, broadcast_id)
        if broadcast is None:
            raise not_found("Broadcast")
        return _views(tx, [broadcast], ctx)[0]

    return await ctx.db.read(work)


async def page(ctx: Context, which: BroadcastFilter, request: PageRequest) -> Page[BroadcastView]:
    """A page of broadcasts, newest first.

    A page of a search may have fewer than wanted and still a next one: one search looks at `broadcasts.SEARCHED`.
    """

    def work(tx: Tx) -> Page[BroadcastView]:
        look = broadcasts.search if which.text else _page
        found, searched = look(tx, which, after=request.after, limit=request.rows)
        rows = Page.of(found, request, lambda row: row, lambda row: Position(row.created_at, row.id))
        return Page(_views(tx, rows.items, ctx), rows.next or searched, rows.positions)

    return await ctx.db.read(work)


def _page(
    tx: Tx, which: BroadcastFilter, *, after: Position | None, limit: int
) -> tuple[list[Broadcast], None]:
    return broadcasts.page(tx, which, after=after, limit=limit), None


async def unfinished(ctx: Context, limit: int) -> list[BroadcastView]:
    """The newest broadcasts of each status that is not final; in one snapshot, so that one that starts is there once."""

    def work(tx: Tx) -> list[BroadcastView]:
        found = [
            each
            for status in (BroadcastStatus.SENDING, BroadcastStatus.PAUSED, BroadcastStatus.SCHEDULED)
            for each in broadcasts.page(tx, BroadcastFilter(status=status), after=None, limit=limit)
        ]
        return _views(tx, found, ctx)

    return await ctx.db.read(work)


async def held_by_meta(ctx: Context, limit: int) -> list[BroadcastView]:
    """The newest broadcasts with messages that Meta holds back."""

    def work(tx: Tx) -> list[BroadcastView]:
        found = [broadcasts.get(tx, each) for each in recipients.held_in(tx, limit)]
        return _views(tx, [each for each in found if each is not None], ctx)

    return await ctx.db.read(work)


def holds_of(
    tx: Tx, ctx: Context, found: Iterable[Broadcast], counts: Mapping[int, Progress]
) -> dict[int, Hold | None]:
    """Why each of these broadcasts does not move, by row id; None while it moves or has nothing to send."""
    now, storage = ctx.clock.now(), _storage_hold(ctx)
    number_of, throughput_of = cache(partial(numbers.get, tx)), cache(ctx.throughput.state)

    clock, machine = ctx.clock.hold, ctx.clock.machine
    limit_of = cache(partial(waiting.limit_of, tx, now=now))

    def hold_of(broadcast: Broadcast) -> Hold | None:
        if clock is not None and waits_for_clock(broadcast, machine):
            return clock
        if not has_work(broadcast, counts[broadcast.id]):
            return idle_hold(broadcast, counts[broadcast.id])  # so nothing more is read
        throughput = throughput_of(broadcast.number_id)
        return broadcast_hold(
            broadcast,
            counts[broadcast.id],
            number_of(broadcast.number_id),
            storage=storage,
            throughput=throughput.hold if throughput else None,
            drain=ctx.drain,
            media=_media_hold(tx, broadcast, now),
            waiting=waiting.hold_of(tx, broadcast, counts[broadcast.id], limit_of, now)
            or pace_hold(broadcast, ctx.throughput.next_at(broadcast.id)),
        )

    return {each.id: hold_of(each) for each in found}


def _media_hold(tx: Tx, broadcast: Broadcast, now: Millis) -> Hold | None:
    """The hold of a broadcast that waits for the upload of a file."""
    waiting = media_uploads.waiting_for(tx, broadcast.id, now)
    if waiting is None:
        return None
    name, error, next_attempt_at, is_stored = waiting
    return media_hold(name, error, next_attempt_at, now, broadcast.updated_at, is_stored=is_stored)


def _storage_hold(ctx: Context) -> Hold | None:
    """The hold of a database that cannot be written."""
    outage, drain = ctx.db.outage, ctx.drain
    if outage is None:
        return None
    if drain is not None and drain.handed_over is not None:
        return Hold(HoldReason.HANDED_OVER, drain.detail, drain.since)
    return Hold(HoldReason.STORAGE, outage.advice, outage.since)


def _views(tx: Tx, found: list[Broadcast], ctx: Context) -> list[BroadcastView]:
    counts = ctx.counts.progress(tx, found)
    holds = holds_of(tx, ctx, found, counts)
    return [BroadcastView.of(each, counts[each.id], holds[each.id]) for each in found]
