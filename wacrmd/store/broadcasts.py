"""Broadcasts: their rows, and their transitions, each one compare-and-set."""

import json
from collections.abc import Iterable

from wacrmd.clock import Millis
from wacrmd.domain.broadcast import Broadcast, BroadcastFilter, BroadcastKind, BroadcastStatus
from wacrmd.domain.broadcast_transitions import BROADCAST, BroadcastEvent
from wacrmd.domain.canary import CanaryPhase
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.page import Position
from wacrmd.domain.sending_plan import AS_FAST_AS_POSSIBLE, SendingPlan
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.store import broadcast_counts, drafts, outbox, recipients, revisions
from wacrmd.store.database import Tx
from wacrmd.store.revisions import RAISED
from wacrmd.store.rows import RowMapper, insert_row, json_of
from wacrmd.store.state_sql import NOT_PAUSED_BY_PERSON, SET_HOLD, after, allows
from wacrmd.views import events

_ROW = RowMapper(Broadcast, {"kept_counts": "CASE WHEN counts_revision = revision THEN counts END"})
_NO_HOLD = "hold_reason = NULL, hold_detail = NULL, hold_since = NULL"
_PASS_CANARY = (
    f"canary_phase = iif(hold_reason = '{HoldReason.CANARY}', '{CanaryPhase.PASSED}', canary_phase),"
    f" canary_until = iif(hold_reason = '{HoldReason.CANARY}', NULL, canary_until)"
)
"""Who resumes a broadcast that its canary has paused lets the others follow."""
_E = BroadcastEvent
_NO_DRAFT = "status != 'draft'"
_SHOWN_DRAFT = "EXISTS (SELECT 1 FROM draft d WHERE d.broadcast_id = broadcast.id AND d.state != 'discarded')"
_SHOWN = f"({_NO_DRAFT} OR {_SHOWN_DRAFT})"
"""Not a draft that was thrown away, and is being deleted."""

SEARCHED = 10_000
"""Broadcasts that one search looks at: 10 ms of a reader's thread."""


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
    plan: SendingPlan = AS_FAST_AS_POSSIBLE,
    is_draft: bool = False,
    kind: BroadcastKind = BroadcastKind.BROADCAST,
) -> int:
    """Store a broadcast that starts now, or at `scheduled_at`, or a draft; returns its row id."""
    later = scheduled_at is not None
    event = _E.DRAFTED if is_draft else _E.SCHEDULED if later else _E.CREATED
    return insert_row(
        tx,
        "broadcast",
        uuid=uuid,
        account_id=account_id,
        number_id=number_id,
        kind=kind,
        name=name,
        template_name=template_name,
        template_language=template_language,
        content=content,
        **plan_columns(plan),
        status=BROADCAST.of(event).after,
        request_id=request_id,
        created_at=now,
        updated_at=now,
        scheduled_at=scheduled_at,
        started_at=now if event is _E.CREATED else None,
    )


def plan_columns(plan: SendingPlan) -> dict[str, str | float | None]:
    """The values of the columns in which the way of sending is stored."""
    return {
        "send_between": json_of(plan.send_between),
        "spread_over_minutes": plan.spread_over_minutes,
        "messages_per_second": plan.messages_per_second,
        "canary": json_of(plan.canary),
        "retry_rules": json_of(plan.retry_rules),
    }


def by_uuid(tx: Tx, uuid: str, account_id: str) -> Broadcast | None:
    """The account's broadcast of this uuid."""
    row = tx.execute(
        f"SELECT {_ROW.columns} FROM broadcast WHERE uuid = ? AND account_id = ? AND {_SHOWN}",
        (uuid, account_id),
    ).fetchone()
    return _ROW.record(row) if row else None


def get(tx: Tx, broadcast_id: int) -> Broadcast | None:
    """The broadcast of this row id."""
    row = tx.execute(f"SELECT {_ROW.columns} FROM broadcast WHERE id = ?", (broadcast_id,)).fetchone()
    return _ROW.record(row) if row else None


def content_and_request_id(tx: Tx, broadcast_id: int) -> tuple[str | None, str | None]:
    """The JSON of the default header, buttons and components, and the id of the request that brought them."""
    row = tx.execute("SELECT content, request_id FROM broadcast WHERE id = ?", (broadcast_id,)).fetchone()
    return (row[0], row[1]) if row else (None, None)


def find(tx: Tx, beginning: str, account_id: str | None) -> list[Broadcast]:
    """The broadcasts of one account or of all whose uuid begins with this; two at most, which shows ambiguity."""
    rows = tx.execute(
        f"SELECT {_ROW.columns} FROM broadcast WHERE uuid >= ?1 AND uuid < ?2 AND (?3 IS NULL OR account_id = ?3)"
        f" AND {_SHOWN} LIMIT 2",
        (beginning, beginning + "\U0010ffff", account_id),
    )
    return [_ROW.record(row) for row in rows]


def page(tx: Tx, which: BroadcastFilter, *, after: Position | None, limit: int) -> list[Broadcast]:
    """Broadcasts after the position, newest first, drafts only if they are asked for; the text is not looked at."""
    condition, values = _where(which, after)
    rows = tx.execute(
        f"SELECT {_ROW.columns} FROM broadcast {condition} ORDER BY created_at DESC, id DESC LIMIT ?",
        (*values, limit),
    )
    return [_ROW.record(row) for row in rows]


def search(
    tx: Tx, which: BroadcastFilter, *, after: Position | None, limit: int
) -> tuple[list[Broadcast], Position | None]:
    """As `page`, only those with the text of the filter in their name or template; at most `SEARCHED` are looked at.

    Also the last one that was looked at, if there are more behind it. The text is compared in Python, because
    SQLite knows upper and lower case of ASCII only.
    """
    condition, values = _where(which, after)
    rows = tx.execute(
        "SELECT id, created_at, name, template_name FROM broadcast"
        f" {condition} ORDER BY created_at DESC, id DESC LIMIT ?",
        (*values, SEARCHED),
    )
    wanted, found, looked_at = which.text.casefold(), list[int](), 0
    last: Position | None = None
    for row_id, created_at, name, template_name in rows:
        looked_at, last = looked_at + 1, Position(created_at, row_id)
        if wanted in name.casefold() or wanted in template_name.casefold():
            found.append(row_id)
            if len(found) == limit:
                break
    rows = tx.execute(
        f"SELECT {_ROW.columns} FROM broadcast WHERE id IN (SELECT value FROM json_each(?))"
        " ORDER BY created_at DESC, id DESC",
        (json.dumps(found),),
    )
    return [_ROW.record(row) for row in rows], last if looked_at == SEARCHED else None


def _where(which: BroadcastFilter, after: Position | None) -> tuple[str, list[object]]:
    """The condition of a filter, without its text, and the values in it."""
    parts: list[tuple[str, object]] = [
        ("kind = ?", which.kind),
        ("account_id = ?", which.account_id),
        ("status = ?", which.status),
        ("created_at >= ?", which.since),
        ("created_at < ?", which.until),
    ]
    given = [(part, value) for part, value in parts if value is not None]
    drafts = _SHOWN_DRAFT if which.status is BroadcastStatus.DRAFT else _NO_DRAFT
    conditions, values = [drafts, *(part for part, _ in given)], [value for _, value in given]
    if after is not None:
        conditions.append("(created_at, id) < (?, ?)")
        values += after
    return f"WHERE {' AND '.join(conditions)}", values


def unfinished_uuids(tx: Tx, number_id: str) -> list[str]:
    """The uuids of the number's broadcasts that are scheduled, being sent or paused."""
    rows = tx.execute(
        "SELECT uuid FROM broadcast WHERE status IN ('scheduled', 'sending', 'paused') AND number_id = ? ORDER BY id",
        (number_id,),
    )
    return [uuid for (uuid,) in rows]


def numbers_of(tx: Tx, broadcast_ids: Iterable[int]) -> set[str]:
    """The ids of the numbers of these broadcasts."""
    rows = tx.execute(
        "SELECT DISTINCT number_id FROM broadcast WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(broadcast_ids)),),
    )
    return {number_id for (number_id,) in rows}


def sending_or_paused(tx: Tx, number_id: str) -> list[int]:
    """The broadcasts of a number that are being sent or are paused; their ids."""
    rows = tx.execute(
        "SELECT id FROM broadcast WHERE number_id = ? AND status IN ('sending', 'paused')", (number_id,)
    )
    return [broadcast_id for (broadcast_id,) in rows]


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


def change_draft(tx: Tx, broadcast_id: int, now: Millis, **columns: str | float | None) -> None:
    """Set columns of a draft, such as its name or its template."""
    names = "".join(f", {column} = ?" for column in columns)
    tx.execute(
        f"UPDATE broadcast SET {RAISED}, updated_at = ?{names} WHERE id = ? AND {allows(_E.DRAFT_SENT)}",
        (now, *columns.values(), broadcast_id),
    )


def schedule_draft(tx: Tx, broadcast_id: int, now: Millis) -> bool:
    """Let a draft be sent at its time; False if that has come, or it has none."""
    cursor = tx.execute(
        f"UPDATE broadcast SET {RAISED}, status = {after(_E.DRAFT_SCHEDULED)}, updated_at = ?1"
        f" WHERE id = ?2 AND {allows(_E.DRAFT_SCHEDULED)} AND scheduled_at > ?1",
        (now, broadcast_id),
    )
    return cursor.rowcount > 0


def send_draft(tx: Tx, broadcast_id: int, now: Millis) -> bool:
    """Let a draft be sent now; False if it is none."""
    cursor = tx.execute(
        f"UPDATE broadcast SET {RAISED}, status = {after(_E.DRAFT_SENT)}, updated_at = ?1, started_at = ?1,"
        f" scheduled_at = NULL WHERE id = ?2 AND {allows(_E.DRAFT_SENT)}",
        (now, broadcast_id),
    )
    return cursor.rowcount > 0


def start_scheduled(tx: Tx, now: Millis) -> list[int]:
    """Start the scheduled broadcasts whose time has come; their ids."""
    rows = tx.execute(
        f"UPDATE broadcast SET {RAISED}, status = {after(_E.STARTED)}, started_at = ?1, updated_at = ?1"
        f" WHERE {allows(_E.STARTED)} AND scheduled_at <= ?1 RETURNING id",
        (now,),
    )
    return [broadcast_id for (broadcast_id,) in rows.fetchall()]


def pause(tx: Tx, broadcast_id: int, reason: HoldReason, detail: str, now: Millis) -> bool:
    """Pause a broadcast because of a fault; False if its status does not allow it."""
    cursor = tx.execute(
        f"UPDATE broadcast SET {RAISED}, status = {after(_E.PAUSED)}, hold_reason = ?1, hold_detail = ?2, hold_since = ?3,"
        f" updated_at = ?3 WHERE id = ?4 AND {allows(_E.PAUSED)}",
        (reason, detail, now, broadcast_id),
    )
    if cursor.rowcount:
        _emit(tx, broadcast_id, WebhookEvent.BROADCAST_PAUSED, now)
    return cursor.rowcount > 0


def pause_by_person(tx: Tx, broadcast_id: int, reason: HoldReason, detail: str, now: Millis) -> bool:
    """Pause a broadcast until a person resumes it; False if its status does not allow it, or a person has paused it.

    If it was paused for another reason, that reason stays in the detail.
    """
    before = get(tx, broadcast_id)
    cursor = tx.execute(
        f"UPDATE broadcast SET {RAISED}, status = {after(_E.PAUSED_BY_PERSON)}, {SET_HOLD}, updated_at = ?3"
        f" WHERE id = ?4 AND {allows(_E.PAUSED_BY_PERSON)} AND {NOT_PAUSED_BY_PERSON}",
        (reason, detail, now, broadcast_id),
    )
    if cursor.rowcount and before is not None and before.status is not BroadcastStatus.PAUSED:
        _emit(tx, broadcast_id, WebhookEvent.BROADCAST_PAUSED, now)
    return cursor.rowcount > 0


def pause_restored(tx: Tx, detail: str, now: Millis) -> int:
    """Pause all unfinished broadcasts of a restored backup until a person resumes them; how many. Emits no events.

    Drafts that were being sent are drafts again: whether they were sent after the backup is not known.
    """
    revisions.raise_after_restore(tx, now)
    drafts.send_all_back(tx, detail, now)
    return tx.execute(
        f"UPDATE broadcast SET {RAISED}, status = {after(_E.RESTORED)}, {SET_HOLD}, updated_at = ?3"
        f" WHERE {allows(_E.RESTORED)}",
        (HoldReason.PAUSED_BY_OPERATOR, detail, now),
    ).rowcount


def resume(tx: Tx, broadcast_id: int, now: Millis) -> bool:
    """Continue a paused broadcast where it stopped (one that never started waits for its time); False if none."""
    return _resume_early(tx, broadcast_id, now) or _resume(tx, broadcast_id, now)


def _resume_early(tx: Tx, broadcast_id: int, now: Millis) -> bool:
    cursor = tx.execute(
        f"UPDATE broadcast SET {RAISED}, status = {after(_E.RESUMED_EARLY)}, {_NO_HOLD}, updated_at = ?1"
        f" WHERE id = ?2 AND {allows(_E.RESUMED_EARLY)} AND started_at IS NULL AND scheduled_at > ?1",
        (now, broadcast_id),
    )
    return cursor.rowcount > 0


def _resume(tx: Tx, broadcast_id: int, now: Millis) -> bool:
    cursor = tx.execute(
        f"UPDATE broadcast SET {RAISED}, status = {after(_E.RESUMED)}, {_NO_HOLD}, updated_at = ?1,"
        f" started_at = coalesce(started_at, ?1), {_PASS_CANARY} WHERE id = ?2 AND {allows(_E.RESUMED)}",
        (now, broadcast_id),
    )
    return cursor.rowcount > 0


def resume_after_approval(tx: Tx, broadcast_id: int, now: Millis) -> bool:
    """Resume a broadcast that was paused because of its template, which Meta has approved; any other pause stays."""
    cursor = tx.execute(
        f"UPDATE broadcast SET {RAISED}, status = {after(_E.TEMPLATE_APPROVED)}, {_NO_HOLD}, updated_at = ?1"
        f" WHERE id = ?2 AND {allows(_E.TEMPLATE_APPROVED)}"
        " AND hold_reason = ?3 AND started_at IS NOT NULL",
        (now, broadcast_id, HoldReason.TEMPLATE),
    )
    return cursor.rowcount > 0


def cancel(tx: Tx, broadcast_id: int, now: Millis) -> bool:
    """Cancel the broadcast and its pending recipients; requests in flight are completed."""
    cursor = tx.execute(
        f"UPDATE broadcast SET {RAISED}, status = {after(_E.CANCELLED)}, {_NO_HOLD}, updated_at = ?"
        f" WHERE id = ? AND {allows(_E.CANCELLED)}",
        (now, broadcast_id),
    )
    if cursor.rowcount:
        recipients.cancel_pending(tx, broadcast_id)
        _emit(tx, broadcast_id, WebhookEvent.BROADCAST_CANCELLED, now)
    return cursor.rowcount > 0


def reopen(tx: Tx, broadcast_id: int, now: Millis, *, by_rule: bool = False) -> bool:
    """Send again after recipients of a broadcast that was `sent` were requeued; False for any other one.

    Failures in a row begin anew if a person wants it: `by_rule` nobody has looked at them.
    """
    cursor = tx.execute(
        f"UPDATE broadcast SET {RAISED}, status = {after(_E.REOPENED)}, completed_at = NULL, updated_at = ?1,"
        " failure_streak = iif(?3, failure_streak, 0), streak_since = iif(?3, streak_since, ?1)"
        f" WHERE id = ?2 AND {allows(_E.REOPENED)}",
        (now, broadcast_id, by_rule),
    )
    return cursor.rowcount > 0


def recipients_changed(tx: Tx, broadcast_ids: Iterable[int], now: Millis) -> list[int]:
    """Update broadcasts after their recipients changed; the ids of those that became `sent`.

    Recipients that became pending again in a cancelled broadcast are cancelled. A broadcast without pending recipients
    is completed.
    """
    rows = tx.execute(
        f"UPDATE broadcast SET updated_at = ?, {RAISED} WHERE id IN (SELECT value FROM json_each(?)) RETURNING id, status",
        (now, json.dumps(list(broadcast_ids))),
    ).fetchall()
    cancelled = [broadcast_id for broadcast_id, status in rows if status == BroadcastStatus.CANCELLED]
    if cancelled:
        recipients.cancel_returned(tx, cancelled)
    # most statuses are about a broadcast that is `sent` already: nothing is left to do then
    unfinished = [
        broadcast_id for broadcast_id, status in rows if status in BROADCAST.of(_E.COMPLETED).before
    ]
    return _complete(tx, unfinished, now) if unfinished else []


def complete(tx: Tx, broadcast_id: int, now: Millis) -> bool:
    """Make the broadcast `sent` if no recipient is pending or in flight; whether that was so."""
    return bool(_complete(tx, [broadcast_id], now))


def _complete(tx: Tx, ids: list[int], now: Millis) -> list[int]:
    rows = tx.execute(
        f"UPDATE broadcast SET {RAISED}, status = {after(_E.COMPLETED)}, completed_at = ?1, updated_at = ?1, {_NO_HOLD}"
        f" WHERE id IN (SELECT value FROM json_each(?2)) AND {allows(_E.COMPLETED)}"
        " AND NOT EXISTS (SELECT 1 FROM recipient r WHERE r.broadcast_id = broadcast.id AND r.status = 'pending')"
        " AND NOT EXISTS (SELECT 1 FROM recipient r WHERE r.broadcast_id = broadcast.id AND r.status = 'sending')"
        " RETURNING id",
        (now, json.dumps(ids)),
    )
    completed = [broadcast_id for (broadcast_id,) in rows.fetchall()]
    for broadcast_id in completed:
        _emit(tx, broadcast_id, WebhookEvent.BROADCAST_SENT, now)
    return completed


def _emit(tx: Tx, broadcast_id: int, event: WebhookEvent, now: Millis) -> None:
    """Put a change of a broadcast into the outbox, if somebody has subscribed.

    That a single message was sent says `message.status_updated` already.
    """
    broadcast = get(tx, broadcast_id)
    if (
        broadcast is not None
        and broadcast.kind is BroadcastKind.MESSAGE
        and event is WebhookEvent.BROADCAST_SENT
    ):
        return
    if broadcast is None or event not in outbox.subscribed_events(tx, broadcast.account_id):
        return
    counts = broadcast_counts.progress(tx, broadcast_id)
    outbox.add(tx, broadcast.account_id, event, events.BroadcastData.of(broadcast, counts), now)
