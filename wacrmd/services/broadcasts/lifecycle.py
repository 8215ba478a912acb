"""Pausing, resuming, cancelling and retrying a broadcast; repeating one of them changes nothing."""

from wacrmd.clock import Millis
from wacrmd.domain.actor import Actor, ActorKind
from wacrmd.domain.broadcast import Broadcast, BroadcastStatus
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.retry import RetryRequest
from wacrmd.errors import conflict, not_found
from wacrmd.meta.errors import RETRY_LIMITS
from wacrmd.services import pausing
from wacrmd.services.broadcasts.prepare import check_time
from wacrmd.services.broadcasts.read import view_of
from wacrmd.services.context import Context
from wacrmd.services.pausing import PauseEvent, Resumed
from wacrmd.store import broadcasts, media, media_uploads, numbers, receipts, recipients, retries
from wacrmd.store.database import Tx
from wacrmd.store.retries import Requeued
from wacrmd.views.broadcasts import BroadcastView

PAUSED_BY = {
    ActorKind.API: HoldReason.PAUSED_BY_API,
    ActorKind.OPERATOR: HoldReason.PAUSED_BY_OPERATOR,
}


async def pause(ctx: Context, actor: Actor, broadcast: Broadcast) -> BroadcastView:
    """Pause a broadcast until a person resumes it; requests in flight are completed.

    Raises Refusal if its status does not allow it.
    """
    now = ctx.clock.now()

    def work(tx: Tx) -> list[PauseEvent]:
        pauses = pausing.pause_broadcast(
            tx, broadcast.id, PAUSED_BY[actor.kind], f"Paused by {actor.name}", now
        )
        if not pauses:
            _must_be(tx, broadcast, BroadcastStatus.PAUSED, "pause")
        return pauses

    pausing.log_pauses(await ctx.db.write(work))
    return await _done(ctx, broadcast)


async def resume(ctx: Context, broadcast: Broadcast) -> BroadcastView:
    """Resume a broadcast, and end a temporary block of its number. Raises Refusal if its status does not allow it."""
    now = ctx.clock.now()

    def work(tx: Tx) -> None:
        if not pausing.resume_broadcast(tx, broadcast.id, now).broadcasts:
            _must_be(tx, broadcast, BroadcastStatus.SENDING, "resume", BroadcastStatus.SCHEDULED)

    await ctx.db.write(work)
    pausing.continue_sending(ctx, Resumed({broadcast.id}, {broadcast.number_id}))
    return await view_of(ctx, broadcast.id)


async def cancel(ctx: Context, broadcast: Broadcast) -> BroadcastView:
    """Cancel a broadcast: pending recipients get no message. Raises Refusal if its status does not allow it."""
    now = ctx.clock.now()

    def work(tx: Tx) -> None:
        if not broadcasts.cancel(tx, broadcast.id, now):
            _must_be(tx, broadcast, BroadcastStatus.CANCELLED, "cancel")

    await ctx.db.write(work)
    return await _done(ctx, broadcast)


async def retry(ctx: Context, broadcast: Broadcast, wanted: RetryRequest) -> Requeued:
    """Requeue the recipients that a person wants to send to again, or change the time for which they wait.

    Nobody is sent to earlier than Meta allows it.

    One that is uncertain or not delivered may have the message or get it later: only a person can take that risk.
    Raises Refusal if the broadcast's status does not allow it, and for a time that must be a mistake.
    """
    check_time(ctx, wanted.at, "at")
    now = ctx.clock.now()
    changed = {broadcast.id}

    def work(tx: Tx) -> Requeued:
        current = broadcasts.get(tx, broadcast.id)
        if current is None:
            raise not_found("Broadcast")
        if current.status in (BroadcastStatus.DRAFT, BroadcastStatus.SCHEDULED, BroadcastStatus.CANCELLED):
            raise conflict(
                f"The broadcast is {_shown(current.status)}: only one that is sending, paused or sent can be retried"
            )
        number = numbers.get(tx, current.number_id)
        if number is None or number.is_removed:
            raise conflict("The number of this broadcast was removed: make a new broadcast from another one")
        if (missing := media.missing_of(tx, broadcast.id)) is not None:
            raise conflict(f"The file {missing} of this broadcast was removed: upload it again, then retry")
        media_uploads.try_again(tx, broadcast.id)
        requeued = retries.requeue(tx, broadcast.id, wanted, now, RETRY_LIMITS)
        if requeued.ids and current.status is BroadcastStatus.SENT:
            broadcasts.reopen(tx, broadcast.id, now)
        if requeued.ids or requeued.moved:
            changed.update(_not_sent(tx, broadcast.id, requeued.ids, now))
            ctx.queue.enqueue_in(tx, broadcast.id)
        return requeued

    requeued = await ctx.db.write(work)
    ctx.queue.wake()
    ctx.changes.publish(changed)
    return requeued


async def give_up_uncertain(ctx: Context, broadcast: Broadcast) -> int:
    """Make the uncertain recipients failed, because a person decided that they got nothing; returns how many."""
    now = ctx.clock.now()
    changed = {broadcast.id}

    def work(tx: Tx) -> int:
        given_up = recipients.give_up_uncertain(tx, broadcast.id, now)
        changed.update(_not_sent(tx, broadcast.id, given_up, now))
        return len(given_up)

    count = await ctx.db.write(work)
    ctx.changes.publish(changed)
    return count


def _not_sent(tx: Tx, broadcast_id: int, recipient_ids: list[int], now: Millis) -> set[int]:
    """A person decided that these recipients got nothing: what seemed to answer them answers another broadcast."""
    changed = {broadcast_id} | receipts.settle_replies(tx, recipient_ids, (), now).broadcasts
    broadcasts.recipients_changed(tx, changed, now)
    return changed


def _must_be(
    tx: Tx, broadcast: Broadcast, wanted: BroadcastStatus, verb: str, *also: BroadcastStatus
) -> None:
    """Raise Refusal unless the broadcast has one of these statuses, in which the operation changes nothing."""
    current = broadcasts.get(tx, broadcast.id)
    if current is None:
        raise not_found("Broadcast")
    if current.status not in (wanted, *also):
        raise conflict(f"Cannot {verb} this broadcast: it is {_shown(current.status)}")


def _shown(status: BroadcastStatus) -> str:
    """The status in a sentence."""
    return "a draft" if status is BroadcastStatus.DRAFT else status


async def _done(ctx: Context, broadcast: Broadcast) -> BroadcastView:
    ctx.changes.publish([broadcast.id])
    return await view_of(ctx, broadcast.id)
