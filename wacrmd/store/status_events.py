"""The event `message.status_updated` for local apps. It reads nothing when there is no subscriber."""

import json
from collections.abc import Iterable, Mapping

from wacrmd.clock import Millis
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.store import outbox
from wacrmd.store.database import Tx
from wacrmd.views.events import MessageStatusData
from wacrmd.views.recipients import MetaErrorView, conversation_of, pricing_of, shown_status

EVENT = WebhookEvent.MESSAGE_STATUS_UPDATED


def statuses(tx: Tx, recipient_ids: Iterable[int]) -> dict[int, str]:
    """The statuses before something changes them, for `emit_changes`; empty without a subscriber."""
    if not outbox.has_subscribers(tx):
        return {}
    rows = tx.execute(
        "SELECT id, status FROM recipient WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(recipient_ids)),),
    )
    return {recipient_id: shown_status(RecipientStatus(status)) for recipient_id, status in rows}


def emit_changes(tx: Tx, before: Mapping[int, str], now: Millis) -> None:
    """Emit the event for those whose status has changed since; an attempt in flight still shows as pending."""
    if before:
        after = statuses(tx, before)
        emit(tx, [each for each, status in after.items() if status != before[each]], now)


def emit(tx: Tx, recipient_ids: Iterable[int], now: Millis) -> None:
    """Emit the event for these recipients as they are now, for those of their accounts that have subscribed."""
    ids = json.dumps(list(recipient_ids))
    if ids == "[]" or not outbox.has_subscribers(tx):
        return
    rows = tx.execute(
        'SELECT b.account_id, b.uuid, r.id, r."to", r.user_id, r.wamid, r.status, r.error_code, r.error_title,'
        " r.error_details, r.held, p.category, p.type, p.model, p.billable,"
        " r.conversation_id, r.conversation_origin, r.conversation_expires_at"
        " FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id LEFT JOIN pricing p ON p.id = r.pricing_id"
        " WHERE r.id IN (SELECT value FROM json_each(?)) ORDER BY r.id",
        (ids,),
    ).fetchall()
    listening = {
        account_id: EVENT in outbox.subscribed_events(tx, account_id)
        for account_id in {row[0] for row in rows}
    }
    for account_id, uuid, recipient_id, to, user_id, wamid, status, *more in rows:
        if listening[account_id]:
            code, title, details, held, category, kind, model, billable, *conversation = more
            data = MessageStatusData(
                broadcast_id=uuid,
                recipient_id=recipient_id,
                to=to,
                user_id=user_id,
                wamid=wamid,
                status=shown_status(RecipientStatus(status)),
                error=MetaErrorView.of(code, title, details),
                held=held,
                pricing=pricing_of(category, kind, model, None if billable is None else bool(billable)),
                conversation=conversation_of(*conversation),
            )
            outbox.add(tx, account_id, EVENT, data, now)
