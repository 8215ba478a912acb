"""Applies Meta's webhooks, each in one transaction; Meta gets 200 only after the commit."""

from functools import partial

from wacrmd.domain.receipt import Receipt
from wacrmd.log import get_logger
from wacrmd.meta.webhook import (
    AccountEvent,
    Ignored,
    InboundMessage,
    NumberSignal,
    Preference,
    StatusUpdate,
    TemplateEvent,
    Update,
)
from wacrmd.services import counters, pausing
from wacrmd.services.app_secrets import AuthorizedNumbers
from wacrmd.services.context import Context
from wacrmd.services.failures import after_failure, throttled_by
from wacrmd.services.meta_events.account_updates import (
    apply_account_event,
    apply_number_signal,
    apply_template_event,
)
from wacrmd.services.meta_events.batch import Batch, IngestResult
from wacrmd.services.meta_events.messages import apply_message, apply_preference
from wacrmd.store import broadcasts, receipts
from wacrmd.store.database import Tx

log = get_logger(__name__)


async def ingest(ctx: Context, updates: list[Update], authorized: AuthorizedNumbers) -> IngestResult:
    """Apply the updates of one webhook; raises StorageError, then it is not answered 200 and Meta repeats it."""
    result = await ctx.db.write(partial(_apply, ctx=ctx, updates=updates, authorized=authorized))
    counters.count_webhook(ctx, result.kinds, result.statuses)
    for number_id, detail in result.throttled.items():
        ctx.throughput.throttle(number_id, detail)
    pausing.continue_sending(ctx, result.resumed)
    pausing.log_pauses(result.pauses)
    ctx.changes.publish(result.broadcasts)
    if result.numbers_with_statuses:
        ctx.meta_webhook_liveness.status_received(result.numbers_with_statuses, ctx.clock.now())
    for subject in sorted(result.unknown):
        log.warning("meta_webhook_number_unknown", subject=subject)
    return result


def _apply(tx: Tx, *, ctx: Context, updates: list[Update], authorized: AuthorizedNumbers) -> IngestResult:
    batch = Batch(tx, ctx.config, authorized, ctx.clock.now())
    statuses: list[Receipt] = []
    for update in updates:
        match update:
            case StatusUpdate():
                statuses += _receipt(batch, update)
            case InboundMessage():
                statuses += apply_message(batch, update)
            case Preference():
                apply_preference(batch, update)
            case NumberSignal():
                apply_number_signal(batch, update)
            case TemplateEvent():
                apply_template_event(batch, update)
            case AccountEvent():
                apply_account_event(batch, update)
            case Ignored():
                batch.result.count("ignored")
    _apply_statuses(batch, statuses)
    return batch.result


def _receipt(batch: Batch, update: StatusUpdate) -> list[Receipt]:
    """The status as a receipt; empty if the webhook's secret does not authorise its number."""
    number = batch.number(update.phone_number_id)
    if number is None:
        batch.store_unknown("messages", update.phone_number_id)
        return []
    batch.result.numbers_with_statuses.add(number[0])
    return [
        Receipt(
            number[0],
            update.wamid,
            update.status,
            update.at,
            callback=update.callback,
            wa_id=update.recipient_id,
            user_id=update.user_id,
            error=update.error,
        )
    ]


def _apply_statuses(batch: Batch, statuses: list[Receipt]) -> None:
    result = batch.result
    applied = result.statuses = receipts.apply(batch.tx, statuses, batch.now)
    result.count("status_applied", applied.applied)
    result.count("status_repeated", applied.repeated)
    result.count("status_unmatched", applied.unmatched)
    result.broadcasts |= applied.broadcasts
    for failure in applied.failed:
        result.pauses += after_failure(batch.tx, failure, batch.now)
        if (detail := throttled_by(failure)) is not None:
            result.throttled[failure.receipt.number_id] = detail
    if result.broadcasts:
        broadcasts.recipients_changed(batch.tx, result.broadcasts, batch.now)
