"""Applies Meta's webhooks in one transaction; Meta gets 200 only after the commit."""

import sqlite3
from collections.abc import Sequence
from functools import partial
from time import perf_counter

from wacrmd.clock import Millis
from wacrmd.domain.receipt import Receipt
from wacrmd.fields import JsonObject
from wacrmd.log import get_logger
from wacrmd.meta.inbound import AddressChange, Ignored, InboundMessage, Preference, Unreadable
from wacrmd.meta.webhook import AccountEvent, NumberSignal, StatusUpdate, TemplateEvent, Update
from wacrmd.services import counters, pausing
from wacrmd.services.app_secrets import AuthorizedNumbers
from wacrmd.services.context import Context
from wacrmd.services.failures import apply_failed_while_waiting, apply_outcomes, throttled_by
from wacrmd.services.meta_events.account_updates import (
    apply_account_event,
    apply_number_signal,
    apply_template_event,
)
from wacrmd.services.meta_events.batch import Batch, IngestResult
from wacrmd.services.meta_events.messages import apply_address_change, apply_message, apply_preference
from wacrmd.store import account_events, broadcasts, inbound_messages
from wacrmd.store import receipts as store_receipts
from wacrmd.store.database import Tx
from wacrmd.store.transaction import concerns_all, savepoint

_NOT_OF_ONE_UPDATE = (sqlite3.OperationalError, MemoryError)
"""Such as a table that is missing: Meta sends the webhook again, perhaps to a daemon that is mended."""

log = get_logger(__name__)


Verified = tuple[list[Update], AuthorizedNumbers]
"""A webhook's updates, and what the app secret that signed it authorises."""


async def ingest(ctx: Context, webhooks: Sequence[Verified]) -> float:
    """Apply webhooks in their order; how many seconds the writer worked on them.

    An update that cannot be applied is logged and noted, and the others are applied. Raises StorageError, and what
    concerns more than one update; then none is applied.
    """
    result = await ctx.db.write(partial(_apply, ctx=ctx, webhooks=webhooks))
    counters.count_webhooks(ctx, result.kinds, result.statuses)
    for number_id, detail in result.throttled.items():
        ctx.throughput.throttle(number_id, detail)
    pausing.continue_sending(ctx, result.resumed)
    pausing.log_pauses(result.pauses)
    for each in result.after_commit:
        each()
    ctx.changes.publish(result.broadcasts)
    if result.numbers_with_statuses:
        ctx.meta_webhook_liveness.status_received(result.numbers_with_statuses, ctx.clock.monotonic())
    for part, count in result.unapplied.items():
        ctx.meta_event_notes.add(part, count)
        if part.result == "unreadable":
            log.warning(
                "meta_webhook_part_unreadable",
                field=part.field,
                reason=part.reason,
                count=count,
                summed=part.reason,
            )
        else:
            log.warning("meta_webhook_number_unknown", subject=part.subject, count=count, summed=True)
    return result.seconds


async def store_notes(ctx: Context) -> None:
    """Store what was not applied since the last time, for people who investigate a problem."""
    if notes := ctx.meta_event_notes.take():
        await ctx.db.write(partial(_store_notes, notes=notes, now=ctx.clock.now()))


def _store_notes(tx: Tx, *, notes: Sequence[tuple[str, str | None, JsonObject]], now: Millis) -> None:
    for name, subject, detail in notes:
        account_events.add(tx, name, subject, detail, now)


Authorized = tuple[Update, AuthorizedNumbers]


def _apply(tx: Tx, *, ctx: Context, webhooks: Sequence[Verified]) -> IngestResult:
    result, now, began_s = IngestResult(), ctx.clock.now(), perf_counter()
    updates = [(update, authorized) for found, authorized in webhooks for update in found]
    _apply_possible(tx, ctx, updates, now, result)
    result.seconds = perf_counter() - began_s
    return result


def _apply_possible(
    tx: Tx, ctx: Context, updates: Sequence[Authorized], now: Millis, result: IngestResult
) -> None:
    """Apply all updates but those that cannot be applied, whatever the reason: half and half, until they are found.

    Meta would repeat the whole webhook for seven days, and nothing in it would count. Raises what concerns more than
    one update.
    """
    try:
        with savepoint(tx, "updates"):
            applied = _apply_all(tx, ctx, updates, now)
    except Exception as error:
        if concerns_all(tx, error) or isinstance(error, _NOT_OF_ONE_UPDATE):
            raise
        if len(updates) > 1:
            middle = len(updates) // 2
            _apply_possible(tx, ctx, updates[:middle], now, result)
            _apply_possible(tx, ctx, updates[middle:], now, result)
        else:
            _give_up(updates[0][0], error, result)
    else:
        result.add(applied)


def _give_up(update: Update, error: Exception, result: IngestResult) -> None:
    kind, fault = type(update).__name__, type(error).__name__
    log.error(
        "meta_webhook_update_crashed",
        kind=kind,
        whatsapp_message_id=getattr(update, "wamid", getattr(update, "id", None)),
        exc_info=error,
        summed=f"{kind} {fault}",
    )
    result.count_unreadable(Unreadable("", f"{kind} cannot be applied: {fault}"))


def _apply_all(tx: Tx, ctx: Context, updates: Sequence[Authorized], now: Millis) -> IngestResult:
    result = IngestResult()
    receipts: list[Receipt] = []
    has_statuses = False
    max_streak = ctx.config.sender.pause_after_failures
    batch = Batch(tx, ctx.config, AuthorizedNumbers(), now, result)
    for update, authorized in updates:
        if authorized is not batch.authorized:
            batch = Batch(tx, ctx.config, authorized, now, result)
        if isinstance(update, StatusUpdate):
            receipts += _receipt(batch, update)
            has_statuses = True
            continue
        if has_statuses:  # other updates see what the statuses before them have made of the recipients
            _apply_receipts(tx, result, receipts, max_streak, now)
            receipts, has_statuses = [], False
        receipts += _apply_other(batch, update)
    receipts += inbound_messages.settle(tx, (), result.joined)
    _apply_receipts(tx, result, receipts, max_streak, now)
    if result.broadcasts:
        broadcasts.recipients_changed(tx, result.broadcasts, now)
    return result


def _apply_other(batch: Batch, update: Update) -> list[Receipt]:
    """Apply an update that is no status; a reply is a receipt that is still to be applied."""
    match update:
        case InboundMessage():
            return apply_message(batch, update)
        case Preference():
            apply_preference(batch, update)
        case NumberSignal():
            apply_number_signal(batch, update)
        case TemplateEvent():
            apply_template_event(batch, update)
        case AccountEvent():
            apply_account_event(batch, update)
        case AddressChange():
            apply_address_change(batch, update)
        case Ignored():
            batch.result.count("ignored")
            log.info(
                "meta_webhook_part_ignored", field=update.field, reason=update.reason, summed=update.reason
            )
        case Unreadable():
            batch.result.count_unreadable(update)
    return []


def _receipt(batch: Batch, update: StatusUpdate) -> list[Receipt]:
    """The status as a receipt; empty if the webhook's secret does not authorise its number."""
    number = batch.number(update.phone_number_id)
    if number is None:
        batch.count_unknown("messages", update.phone_number_id)
        return []
    batch.result.numbers_with_statuses.add(number.id)
    return [
        Receipt(
            number,
            update.wamid,
            update.status,
            update.at,
            callback=update.callback,
            wa_id=update.recipient_id,
            user_id=update.user_id,
            parent_user_id=update.parent_user_id,
            error=update.error,
            billing=update.billing,
        )
    ]


def _apply_receipts(
    tx: Tx, result: IngestResult, receipts: list[Receipt], max_streak: int, now: Millis
) -> None:
    if not receipts:
        return
    applied = store_receipts.apply(tx, receipts, now)
    result.statuses.add(applied)
    result.count("status_applied", applied.applied)
    result.count("status_repeated", applied.repeated)
    result.count("status_unmatched", applied.unmatched)
    result.broadcasts |= applied.broadcasts
    result.pauses += apply_outcomes(tx, applied.outcomes, max_streak, now)
    result.broadcasts |= apply_failed_while_waiting(tx, applied.failed_while_waiting, now)
    for failure in applied.failed:
        if (detail := throttled_by(failure)) is not None:
            result.throttled[failure.receipt.number.id] = detail
