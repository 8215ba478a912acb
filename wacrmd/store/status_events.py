"""`message.status_updated`: tells local apps of recipients whose status changed; nothing is read where nobody listens."""

import json
from collections.abc import Iterable, Mapping

from wacrmd.clock import Millis
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.store import outbox
from wacrmd.store.database import Tx
from wacrmd.views.events import StatusEvent
from wacrmd.views.recipients import MetaErrorView, shown_status

EVENT = WebhookEvent.MESSAGE_STATUS_UPDATED


def statuses(tx: Tx, recipient_ids: Iterable[int]) -> dict[int, str]:
    """The statuses as they are before something changes them, for `tell_changes`; empty where nobody listens."""
    if not outbox.has_subscribers(tx):
        return {}
    rows = tx.execute(
        "SELECT id, status FROM recipient WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(recipient_ids)),),
    )
    return {recipient_id: shown_status(RecipientStatus(status)) for recipient_id, status in rows}


def emit_changes(tx: Tx, before: Mapping[int, str], now: Millis) -> None:
    """Tell of those whose status is another one by now; an attempt in flight is still pending to callers."""
    if before:
        after = statuses(tx, before)
        emit(tx, [each for each, status in after.items() if status != before[each]], now)


def emit(tx: Tx, recipient_ids: Iterable[int], now: Millis) -> None:
    """Tell of these recipients as they stand now, to those of their accounts that listen."""
    ids = json.dumps(list(recipient_ids))
    if ids == "[]" or not outbox.has_subscribers(tx):
        return
    rows = tx.execute(
        'SELECT b.account_id, b.uuid, r.id, r."to", r.user_id, r.wamid, r.status, r.error_code, r.error_title,'
        " r.error_details FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id"
        " WHERE r.id IN (SELECT value FROM json_each(?)) ORDER BY r.id",
        (ids,),
    ).fetchall()
    listening = {
        account_id: EVENT in outbox.subscribed_events(tx, account_id)
        for account_id in {row[0] for row in rows}
    }
    for account_id, uuid, recipient_id, to, user_id, wamid, status, code, title, details in rows:
        if listening[account_id]:
            data = StatusEvent(
                broadcast_id=uuid,
                recipient_id=recipient_id,
                to=to,
                user_id=user_id,
                wamid=wamid,
                status=shown_status(RecipientStatus(status)),
                error=MetaErrorView.of(code, title, details),
            )
            outbox.add(tx, account_id, EVENT, data, now)
