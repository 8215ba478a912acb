"""Expires attempts whose result will never be recorded, such as those of a process that died."""

from functools import partial
from itertools import chain

from wacrmd.clock import SECOND, Millis
from wacrmd.domain.attempt import UncertainPolicy
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.store import attempts, broadcasts, receipts
from wacrmd.store.database import Tx

MARGIN_S = 120
"""How much older than the longest possible request an attempt must be before it expires."""

log = get_logger(__name__)


async def expire_leases(ctx: Context, in_flight: set[tuple[int, int]] | None) -> dict[int, int]:
    """Expire attempts as `[sender] on_uncertain` says; returns how many by broadcast id.

    Without `in_flight` every attempt expires, because nothing is sending. With it only those expire that are too old
    and not in flight in this process, as (recipient id, attempt).
    """
    policy = ctx.config.sender.on_uncertain
    expired, changed = await ctx.db.write(
        partial(_expire, ctx=ctx, policy=policy, in_flight=in_flight, now=ctx.clock.now())
    )
    if expired:
        count = sum(expired.values())
        log.warning("leases_expired", policy=policy.value, recipients=count, broadcasts=len(expired))
        ctx.metrics.leases_expired.inc(count)
        ctx.changes.publish(changed)
    return expired


def _expire(
    tx: Tx, *, ctx: Context, policy: UncertainPolicy, in_flight: set[tuple[int, int]] | None, now: Millis
) -> tuple[dict[int, int], set[int]]:
    """How many attempts have expired by broadcast, and the broadcasts that this changed."""
    meta = ctx.config.meta
    max_age = round((2 * meta.connect_timeout_s + meta.read_timeout_s + MARGIN_S) * SECOND)
    expired = attempts.expire_leases(
        tx,
        policy,
        now,
        max_retries=ctx.config.sender.max_retries,
        older_than=None if in_flight is None else max_age,
        # read inside the transaction: an earlier one may have claimed more
        in_flight=frozenset(in_flight or ()),
    )
    changed = set(expired)
    if expired:
        changed |= receipts.settle_replies(tx, chain.from_iterable(expired.values()), (), now).broadcasts
        broadcasts.recipients_changed(tx, changed, now)
    return {broadcast_id: len(recipient_ids) for broadcast_id, recipient_ids in expired.items()}, changed
