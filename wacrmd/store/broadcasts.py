"""Broadcasts: their rows, their derived progress, and their transitions, each one compare-and-set."""

import json
from collections.abc import Iterable

from wacrmd.clock import Millis
from wacrmd.domain.broadcast import Broadcast, BroadcastStatus, Progress
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.page import Position
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.store import outbox
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper
from wacrmd.views.events import BroadcastEvent

_ROW = RowMapper(Broadcast)


def insert(
    tx: Tx,
    *,
    uuid: str,
    account_id: str,
    number_id: str,
    name: str,
    template_name: str,
    template_language: str,
    content: str | None,
    scheduled_at: Millis | None,
    request_id: str | None,
    now: Millis,
) -> int:
    """Store a broadcast that starts now, or at `scheduled_at`; returns its row id."""
    later = scheduled_at is not None
    cursor = tx.execute(
        "INSERT INTO broadcast (uuid, account_id, number_id, name, template_name, template_language, content, status,"
        " request_id, created_at, updated_at, scheduled_at, started_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            uuid,
            account_id,
            number_id,
            name,
            template_name,
            template_language,
            content,
            BroadcastStatus.SCHEDULED if later else BroadcastStatus.SENDING,
            request_id,
            now,
            now,
            scheduled_at,
            None if later else now,
        ),
    )
    return int(cursor.lastrowid or 0)


def by_uuid(tx: Tx, uuid: str, account_id: str) -> Broadcast | None:
    """The account's broadcast of this uuid."""
    row = tx.execute(
        f"SELECT {_ROW.columns} FROM broadcast WHERE uuid = ? AND account_id = ?", (uuid, account_id)
    ).fetchone()
    return _ROW.record(row) if row else None


def get(tx: Tx, broadcast_id: int) -> Broadcast | None:
    """The broadcast of this row id."""
    row = tx.execute(f"SELECT {_ROW.columns} FROM broadcast WHERE id = ?", (broadcast_id,)).fetchone()
    return _ROW.record(row) if row else None


def origin_of(tx: Tx, broadcast_id: int) -> tuple[str | None, str | None]:
    """The JSON of the default header, buttons and components, and the id of the request that brought them."""
    row = tx.execute("SELECT content, request_id FROM broadcast WHERE id = ?", (broadcast_id,)).fetchone()
    return (row[0], row[1]) if row else (None, None)


def find(tx: Tx, beginning: str) -> list[Broadcast]:
    """The broadcasts of all accounts whose uuid begins so (two at most: enough to see ambiguity)."""
    rows = tx.execute(
        f"SELECT {_ROW.columns} FROM broadcast WHERE uuid >= ? AND uuid < ? LIMIT 2",
        (beginning, beginning + "\U0010ffff"),
    )
    return [_ROW.record(row) for row in rows]


def page(
    tx: Tx,
    *,
    account_id: str | None,
    status: BroadcastStatus | None,
    after: Position | None,
    limit: int,
) -> list[Broadcast]:
    """Broadcasts, newest first, that stand after the position."""
    where: list[str] = []
    values: list[object] = []
    if account_id is not None:
        where.append("account_id = ?")
        values.append(account_id)
    if status is not None:
        where.append("status = ?")
        values.append(status)
    if after is not None:
        where.append("(created_at, id) < (?, ?)")
        values.extend(after)
    condition = f"WHERE {' AND '.join(where)}" if where else ""
    rows = tx.execute(
        f"SELECT {_ROW.columns} FROM broadcast {condition} ORDER BY created_at DESC, id DESC LIMIT ?",
        (*values, limit),
    )
    return [_ROW.record(row) for row in rows]


def progress(tx: Tx, broadcast_ids: Iterable[int]) -> dict[int, Progress]:
    """The counts of these broadcasts, derived from their recipients' rows."""
    counts: dict[int, dict[str, int]] = {broadcast_id: {} for broadcast_id in broadcast_ids}
    rows = tx.execute(
        "SELECT broadcast_id, status, count(*) FROM recipient WHERE broadcast_id IN (SELECT value FROM json_each(?))"
        " GROUP BY broadcast_id, status",
        (json.dumps(list(counts)),),
    )
    for broadcast_id, status, count in rows:
        counts[broadcast_id][status] = count
    return {broadcast_id: Progress.of(by_status) for broadcast_id, by_status in counts.items()}


def sending(tx: Tx) -> list[int]:
    """The ids of the broadcasts that are being sent, oldest first."""
    return [row[0] for row in tx.execute("SELECT id FROM broadcast WHERE status = 'sending' ORDER BY id")]


def unfinished_of(tx: Tx, number_id: str) -> list[str]:
    """The uuids of the number's broadcasts that are scheduled, being sent or paused."""
    rows = tx.execute(
        "SELECT uuid FROM broadcast WHERE status IN ('scheduled', 'sending', 'paused') AND number_id = ? ORDER BY id",
        (number_id,),
    )
    return [uuid for (uuid,) in rows]


def unfinished_ids(tx: Tx, number_id: str) -> list[int]:
    """The broadcasts of a number that are being sent or are paused; their ids."""
    rows = tx.execute(
        "SELECT id FROM broadcast WHERE number_id = ? AND status IN ('sending', 'paused')", (number_id,)
    )
    return [broadcast_id for (broadcast_id,) in rows]


def queued(tx: Tx, number_id: str) -> int:
    """How many messages of broadcasts that are being sent wait for this number."""
    (count,) = tx.execute(
        "SELECT count(*) FROM broadcast b JOIN recipient r ON r.broadcast_id = b.id AND r.status = 'pending'"
        " WHERE b.status = 'sending' AND b.number_id = ?",
        (number_id,),
    ).fetchone()
    return int(count)


def due(tx: Tx, now: Millis) -> list[int]:
    """The broadcasts that have a recipient whose time has come and whose number sends."""
    rows = tx.execute(
        "SELECT b.id FROM broadcast b JOIN number n ON n.id = b.number_id"
        " WHERE b.status = 'sending' AND n.state = 'active' AND n.removed_at IS NULL AND EXISTS (SELECT 1 FROM recipient r"
        " WHERE r.broadcast_id = b.id AND r.status = 'pending' AND r.next_attempt_at <= ?) ORDER BY b.id",
        (now,),
    )
    return [broadcast_id for (broadcast_id,) in rows]


def scheduled_due(tx: Tx, now: Millis) -> bool:
    """Whether a scheduled broadcast's time has come."""
    row = tx.execute(
        "SELECT 1 FROM broadcast WHERE status = 'scheduled' AND scheduled_at <= ? LIMIT 1", (now,)
    )
    return row.fetchone() is not None


def start_scheduled(tx: Tx, now: Millis) -> list[int]:
    """Start the scheduled broadcasts whose time has come; their ids."""
    rows = tx.execute(
        "UPDATE broadcast SET status = 'sending', started_at = ?, updated_at = ?"
        " WHERE status = 'scheduled' AND scheduled_at <= ? RETURNING id",
        (now, now, now),
    )
    return [broadcast_id for (broadcast_id,) in rows.fetchall()]


def pause(tx: Tx, broadcast_id: int, reason: HoldReason, detail: str, now: Millis) -> bool:
    """Stop the broadcast where it stands; False when its state does not allow it."""
    cursor = tx.execute(
        "UPDATE broadcast SET status = 'paused', hold_reason = ?, hold_detail = ?, hold_since = ?, updated_at = ?"
        " WHERE id = ? AND status IN ('sending', 'scheduled')",
        (reason, detail, now, now, broadcast_id),
    )
    if cursor.rowcount:
        _emit(tx, broadcast_id, WebhookEvent.BROADCAST_PAUSED, now)
    return cursor.rowcount > 0


def with_template(
    tx: Tx, waba_id: str, template_name: str, language: str, status: BroadcastStatus
) -> list[int]:
    """The broadcasts in this status that use a template of a business account; their ids."""
    rows = tx.execute(
        "SELECT b.id FROM broadcast b JOIN number n ON n.id = b.number_id WHERE b.status = ? AND n.waba_id = ?"
        " AND b.template_name = ? AND b.template_language = ?",
        (status, waba_id, template_name, language),
    )
    return [broadcast_id for (broadcast_id,) in rows]


def resume(tx: Tx, broadcast_id: int, now: Millis, *, only: HoldReason | None = None) -> bool:
    """Go on where a paused broadcast stopped (one that was scheduled waits for its time again).

    With `only`, one that was paused for another reason stays paused.
    """
    cursor = tx.execute(
        "UPDATE broadcast SET status = CASE WHEN started_at IS NULL AND scheduled_at > ?1 THEN 'scheduled'"
        " ELSE 'sending' END, started_at = CASE WHEN started_at IS NULL AND scheduled_at > ?1 THEN NULL"
        " ELSE coalesce(started_at, ?1) END, hold_reason = NULL, hold_detail = NULL, hold_since = NULL,"
        " updated_at = ?1 WHERE id = ?2 AND status = 'paused' AND (?3 IS NULL OR hold_reason = ?3)",
        (now, broadcast_id, only),
    )
    return cursor.rowcount > 0


def cancel(tx: Tx, broadcast_id: int, now: Millis) -> bool:
    """Stop for good: what is pending becomes cancelled, what is in flight ends as it ends."""
    cursor = tx.execute(
        "UPDATE broadcast SET status = 'cancelled', hold_reason = NULL, hold_detail = NULL, hold_since = NULL,"
        " updated_at = ? WHERE id = ? AND status IN ('scheduled', 'sending', 'paused')",
        (now, broadcast_id),
    )
    if cursor.rowcount:
        tx.execute(
            "UPDATE recipient SET status = 'cancelled' WHERE broadcast_id = ? AND status = 'pending'",
            (broadcast_id,),
        )
        _emit(tx, broadcast_id, WebhookEvent.BROADCAST_CANCELLED, now)
    return cursor.rowcount > 0


def reopen(tx: Tx, broadcast_id: int, now: Millis) -> None:
    """Send again after recipients were requeued; a paused or cancelled one is resumed by that."""
    tx.execute(
        "UPDATE broadcast SET status = 'sending', completed_at = NULL, hold_reason = NULL, hold_detail = NULL,"
        " hold_since = NULL, started_at = coalesce(started_at, ?), updated_at = ? WHERE id = ?",
        (now, now, broadcast_id),
    )


def touch(tx: Tx, broadcast_ids: Iterable[int], now: Millis) -> list[int]:
    """Note that recipients of these changed; those that nothing waits in any more become `sent`: their ids."""
    ids = list(broadcast_ids)
    tx.execute(
        "UPDATE broadcast SET updated_at = ? WHERE id IN (SELECT value FROM json_each(?))",
        (now, json.dumps(ids)),
    )
    return complete(tx, ids, now)


def complete(tx: Tx, broadcast_ids: Iterable[int], now: Millis) -> list[int]:
    """Those of these that nothing waits in any more become `sent`: their ids."""
    rows = tx.execute(
        "UPDATE broadcast SET status = 'sent', completed_at = ?1, updated_at = ?1, hold_reason = NULL,"
        " hold_detail = NULL, hold_since = NULL WHERE id IN (SELECT value FROM json_each(?2))"
        " AND status IN ('sending', 'paused')"
        " AND NOT EXISTS (SELECT 1 FROM recipient r WHERE r.broadcast_id = broadcast.id AND r.status = 'pending')"
        " AND NOT EXISTS (SELECT 1 FROM recipient r WHERE r.broadcast_id = broadcast.id AND r.status = 'sending')"
        " RETURNING id",
        (now, json.dumps(list(broadcast_ids))),
    )
    completed = [broadcast_id for (broadcast_id,) in rows.fetchall()]
    for broadcast_id in completed:
        _emit(tx, broadcast_id, WebhookEvent.BROADCAST_SENT, now)
    return completed


def _emit(tx: Tx, broadcast_id: int, event: WebhookEvent, now: Millis) -> None:
    """Put a change of a broadcast into the outbox, where somebody listens."""
    broadcast = get(tx, broadcast_id)
    if broadcast is None or event not in outbox.subscribed_events(tx, broadcast.account_id):
        return
    counts = progress(tx, [broadcast_id])[broadcast_id]
    outbox.add(tx, broadcast.account_id, event, BroadcastEvent.of(broadcast, counts), now)
