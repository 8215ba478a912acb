"""Recipients: the queue itself. Claiming an attempt, recording what became of it, recovering after a crash."""

import json
from collections.abc import Iterable

from wacrmd.clock import Millis
from wacrmd.domain.attempt import AttemptResult, Claim, UncertainPolicy
from wacrmd.domain.recipient import Recipient, RecipientStatus
from wacrmd.store import optouts, recipient_history, status_events
from wacrmd.store.database import Tx
from wacrmd.store.recipient_history import EndedAttempt
from wacrmd.store.rows import RowMapper

_ROW = RowMapper(Recipient, {"to": '"to"', "attempts": "attempt"})
_ALL_STATUSES = json.dumps(list(RecipientStatus))
_NO_LIMIT = 2**62
OPTED_OUT = "Opted out before the send"
LOST = "The daemon stopped while the request was under way: Meta may or may not have the message"

_AFTER_LOSS = {
    UncertainPolicy.HOLD: RecipientStatus.UNCERTAIN,
    UncertainPolicy.RESEND: RecipientStatus.PENDING,
    UncertainPolicy.FAIL: RecipientStatus.FAILED,
}


def insert(tx: Tx, broadcast_id: int, rows: Iterable[tuple[str, str | None, str | None]]) -> None:
    """Store the recipients of a new broadcast: (to, params JSON, content JSON) each, in the caller's order."""
    tx.executemany(
        f'INSERT INTO recipient (broadcast_id, "to", params, content) VALUES ({broadcast_id:d}, ?, ?, ?)',
        rows,
    )


def claim(tx: Tx, broadcast_id: int, limit: int, now: Millis) -> list[Claim]:
    """Take up to `limit` due recipients into their next attempt; after the commit each may be sent, once.

    Nothing is claimed unless the broadcast is sending and its number is active, as of this transaction.
    Those who opted out since the broadcast was accepted are cancelled instead.
    """
    row = tx.execute(
        "SELECT b.account_id FROM broadcast b JOIN number n ON n.id = b.number_id"
        " WHERE b.id = ? AND b.status = 'sending' AND n.state = 'active' AND n.removed_at IS NULL",
        (broadcast_id,),
    ).fetchone()
    if row is None:
        return []
    claims = [
        Claim(*values)
        for values in tx.execute(
            "UPDATE recipient SET status = 'sending', attempt = attempt + 1, claimed_at = ?1,"
            " first_attempt_at = coalesce(first_attempt_at, ?1) WHERE id IN (SELECT id FROM recipient"
            " WHERE broadcast_id = ?2 AND status = 'pending' AND next_attempt_at <= ?1"
            " ORDER BY next_attempt_at, id LIMIT ?3) AND status = 'pending'"
            ' RETURNING id, broadcast_id, attempt, retries, "to", params, content, first_attempt_at',
            (now, broadcast_id, limit),
        )
    ]
    gone = optouts.among(tx, row[0], [claimed.to for claimed in claims]) if claims else set()
    if gone:
        tx.executemany(
            "UPDATE recipient SET status = 'cancelled', error_title = ? WHERE id = ?",
            [(OPTED_OUT, claimed.recipient_id) for claimed in claims if claimed.to in gone],
        )
        status_events.emit(tx, [claimed.recipient_id for claimed in claims if claimed.to in gone], now)
        claims = [claimed for claimed in claims if claimed.to not in gone]
    return claims


def record(tx: Tx, results: list[AttemptResult]) -> None:
    """Write down what became of attempts; a result of an attempt that is no longer the newest changes nothing.

    An acceptance is the truth about a message that is out, so it also settles a row that was given up as
    uncertain, requeued or cancelled meanwhile, and never takes back what a webhook told already.
    """
    accepted = [result for result in results if result.status is RecipientStatus.SENT]
    if accepted:
        tx.executemany(
            "UPDATE OR IGNORE recipient SET status = CASE WHEN status IN ('sending', 'uncertain', 'pending', 'cancelled')"
            " THEN 'sent' ELSE status END, wamid = coalesce(wamid, ?), wa_id = coalesce(wa_id, ?),"
            " user_id = coalesce(user_id, ?), sent_at = coalesce(sent_at, ?), error_code = CASE WHEN status = 'failed'"
            " THEN error_code END, error_title = CASE WHEN status = 'failed' THEN error_title END,"
            " error_details = CASE WHEN status = 'failed' THEN error_details END"
            " WHERE id = ? AND attempt = ? AND attempt > failed_attempt",
            [
                (result.wamid, result.wa_id, result.user_id, result.at, result.recipient_id, result.attempt)
                for result in accepted
            ],
        )
    others = [result for result in results if result.status is not RecipientStatus.SENT]
    if others:
        tx.executemany(
            "UPDATE recipient SET status = ?1, next_attempt_at = ?2, retries = retries + ?3, error_code = ?4,"
            " error_title = ?5, error_details = ?6, failed_at = CASE WHEN ?1 = 'failed' THEN ?7 END"
            " WHERE id = ?8 AND attempt = ?9 AND status = 'sending'",
            [_columns(result) for result in others],
        )
    recipient_history.add_attempts(
        tx,
        [
            EndedAttempt(
                result.recipient_id, result.at, result.attempt, result.started_at, result.status, result.note
            )
            for result in results
        ],
    )


def _columns(result: AttemptResult) -> tuple[object, ...]:
    error = result.error
    return (
        result.status,
        result.next_attempt_at,
        int(result.used_retry),
        error.code if error else None,
        error.title if error else None if result.status is RecipientStatus.PENDING else result.note,
        error.details if error else None,
        result.at,
        result.recipient_id,
        result.attempt,
    )


def settle_cancelled(tx: Tx, broadcast_ids: Iterable[int]) -> None:
    """In broadcasts that were cancelled, what came back to pending from a last try is cancelled too."""
    tx.execute(
        "UPDATE recipient SET status = 'cancelled' WHERE status = 'pending' AND broadcast_id IN (SELECT b.id"
        " FROM broadcast b WHERE b.status = 'cancelled' AND b.id IN (SELECT value FROM json_each(?)))",
        (json.dumps(list(broadcast_ids)),),
    )


def expire_attempts(
    tx: Tx,
    policy: UncertainPolicy,
    now: Millis,
    *,
    max_retries: int = 0,
    older_than: Millis | None = None,
    alive: frozenset[tuple[int, int]] = frozenset(),
) -> dict[int, int]:
    """Attempts whose outcome nobody will ever record: uncertain, or as the policy says; how many by broadcast.

    At start that is every attempt in flight, whatever the clock says: the process that made it is dead. While
    running, those that the sender does not know as `alive` (recipient, attempt) and that were claimed `older_than`
    so long ago; a time ahead of now counts as long ago, for the clock was set back since then.
    """
    condition, values = "", tuple[int, ...]()
    if older_than is not None:
        condition, values = " AND NOT r.claimed_at BETWEEN ? AND ?", (now - older_than, now + older_than)
    rows = [
        row
        for row in tx.execute(
            "SELECT r.id, r.broadcast_id, r.attempt, r.retries, r.claimed_at FROM recipient r"
            f" INDEXED BY recipient_in_flight WHERE r.status = 'sending'{condition}",
            values,
        )
        if (row[0], row[2]) not in alive
    ]
    by_broadcast: dict[int, int] = {}
    ended: list[int] = []
    history: list[EndedAttempt] = []
    for recipient_id, broadcast_id, attempt, retries, started_at in rows:
        status = _AFTER_LOSS[policy]
        if status is RecipientStatus.PENDING and retries >= max_retries:
            status = RecipientStatus.FAILED
        tx.execute(
            "UPDATE recipient SET status = ?1, retries = retries + (?1 = 'pending'), error_code = NULL,"
            " error_title = CASE WHEN ?1 != 'pending' THEN ?2 END, error_details = NULL, next_attempt_at = ?3,"
            " failed_at = CASE WHEN ?1 = 'failed' THEN ?3 END WHERE id = ?4 AND attempt = ?5 AND status = 'sending'",
            (status, LOST, now, recipient_id, attempt),
        )
        history.append(EndedAttempt(recipient_id, now, attempt, started_at, status, LOST))
        by_broadcast[broadcast_id] = by_broadcast.get(broadcast_id, 0) + 1
        if status is not RecipientStatus.PENDING:
            ended.append(recipient_id)
    recipient_history.add_attempts(tx, history)
    status_events.emit(tx, ended, now)
    return by_broadcast


def requeue(tx: Tx, broadcast_id: int, statuses: Iterable[RecipientStatus], now: Millis) -> int:
    """Send again to the recipients in these statuses (failed, uncertain, cancelled), erased ones aside; how many."""
    cursor = tx.execute(
        "UPDATE recipient SET status = 'pending', failed_attempt = CASE WHEN status = 'failed' THEN attempt"
        " ELSE failed_attempt END, retries = 0, first_attempt_at = NULL, next_attempt_at = ?,"
        " error_code = NULL, error_title = NULL, error_details = NULL, failed_at = NULL, wamid = NULL, wa_id = NULL,"
        " sent_at = NULL WHERE broadcast_id = ? AND status IN (SELECT value FROM json_each(?))"
        " AND \"to\" NOT LIKE 'erased:%'",  # see store/data_subjects.py
        (now, broadcast_id, json.dumps(list(statuses))),
    )
    return cursor.rowcount


def renew(tx: Tx, broadcast_ids: Iterable[int]) -> None:
    """Count the age of those who wait from their next try: what kept them was nothing of their own."""
    tx.execute(
        "UPDATE recipient SET first_attempt_at = NULL WHERE status = 'pending' AND first_attempt_at IS NOT NULL"
        " AND broadcast_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(broadcast_ids)),),
    )


def fail_uncertain(tx: Tx, broadcast_id: int, now: Millis) -> int:
    """Give the uncertain recipients of a broadcast up as failed; how many."""
    rows = tx.execute(
        "UPDATE recipient SET status = 'failed', failed_at = ? WHERE broadcast_id = ? AND status = 'uncertain'"
        " RETURNING id",
        (now, broadcast_id),
    ).fetchall()
    status_events.emit(tx, [recipient_id for (recipient_id,) in rows], now)
    return len(rows)


def waiting(tx: Tx, broadcast_id: int) -> tuple[int, Millis | None]:
    """How many recipients wait, and the earliest time one of them may be tried; (0, None) when none does."""
    row = tx.execute(
        "SELECT count(*), min(next_attempt_at) FROM recipient WHERE broadcast_id = ? AND status = 'pending'",
        (broadcast_id,),
    ).fetchone()
    return row[0], row[1]


def page(
    tx: Tx, broadcast_id: int, *, status: RecipientStatus | None, before: int | None, limit: int
) -> list[Recipient]:
    """Recipients of a broadcast, newest first, with ids under `before`; `pending` includes those in flight."""
    below = _NO_LIMIT if before is None else before
    if status is None:
        first, last = _id_range(tx, broadcast_id)
        rows = tx.execute(
            f"SELECT {_ROW.columns} FROM recipient WHERE id >= ? AND id <= ? AND +broadcast_id = ?"
            " ORDER BY id DESC LIMIT ?",
            (first, min(last, below - 1), broadcast_id, limit),
        )
        return [_ROW.record(row) for row in rows]
    found: list[Recipient] = []
    for each in _stored_as(status):
        rows = tx.execute(
            f"SELECT {_ROW.columns} FROM recipient INDEXED BY recipient_count"
            " WHERE broadcast_id = ? AND status = ? AND id < ? ORDER BY id DESC LIMIT ?",
            (broadcast_id, each, below, limit),
        )
        found += [_ROW.record(row) for row in rows]
    return sorted(found, key=lambda recipient: recipient.id, reverse=True)[:limit]


def following(
    tx: Tx, broadcast_id: int, *, status: RecipientStatus | None, after: int, limit: int
) -> list[Recipient]:
    """Recipients of a broadcast in the caller's order, with ids over `after`: for walking through all of them."""
    if status is None:
        first, last = _id_range(tx, broadcast_id)
        rows = tx.execute(
            f"SELECT {_ROW.columns} FROM recipient WHERE id >= ? AND id <= ? AND +broadcast_id = ?"
            " ORDER BY id LIMIT ?",
            (max(first, after + 1), last, broadcast_id, limit),
        )
        return [_ROW.record(row) for row in rows]
    found: list[Recipient] = []
    for each in _stored_as(status):
        rows = tx.execute(
            f"SELECT {_ROW.columns} FROM recipient INDEXED BY recipient_count"
            " WHERE broadcast_id = ? AND status = ? AND id > ? ORDER BY id LIMIT ?",
            (broadcast_id, each, after, limit),
        )
        found += [_ROW.record(row) for row in rows]
    return sorted(found, key=lambda recipient: recipient.id)[:limit]


def _stored_as(status: RecipientStatus) -> tuple[RecipientStatus, ...]:
    """The statuses of rows that callers see as this one."""
    return (status, RecipientStatus.SENDING) if status is RecipientStatus.PENDING else (status,)


def _id_range(tx: Tx, broadcast_id: int) -> tuple[int, int]:
    """The first and the last recipient id of a broadcast, an empty range where it has none.

    All recipients of a broadcast are stored by one statement on the only writer, so their ids stand together.
    """
    first, last = tx.execute(
        "SELECT min(first), max(last) FROM (SELECT"
        " (SELECT min(id) FROM recipient WHERE broadcast_id = ?1 AND status = s.value) AS first,"
        " (SELECT max(id) FROM recipient WHERE broadcast_id = ?1 AND status = s.value) AS last"
        " FROM json_each(?2) s)",
        (broadcast_id, _ALL_STATUSES),
    ).fetchone()
    return (1, 0) if first is None else (first, last)


def failures(tx: Tx, broadcast_id: int) -> list[tuple[int | None, str | None, int]]:
    """Why recipients of a broadcast failed: (code, title, how many) each, the most frequent first."""
    rows = tx.execute(
        "SELECT error_code, error_title, count(*) FROM recipient WHERE broadcast_id = ? AND status = 'failed'"
        " GROUP BY error_code, error_title ORDER BY count(*) DESC, error_code",
        (broadcast_id,),
    )
    return rows.fetchall()


def uncertain(tx: Tx, limit: int = 20) -> list[tuple[str, str, int]]:
    """The newest broadcasts with uncertain recipients: (uuid, name, how many) each."""
    rows = tx.execute(
        "SELECT b.uuid, b.name, count(*) FROM recipient r INDEXED BY recipient_uncertain"
        " JOIN broadcast b ON b.id = r.broadcast_id"
        " WHERE r.status = 'uncertain' GROUP BY r.broadcast_id ORDER BY r.broadcast_id DESC LIMIT ?",
        (limit,),
    )
    return rows.fetchall()


def to_address(tx: Tx, broadcast_id: int, address: str) -> int | None:
    """The id of the recipient of a broadcast that has this address."""
    first, last = _id_range(tx, broadcast_id)
    row = tx.execute(
        'SELECT id FROM recipient WHERE id >= ? AND id <= ? AND +broadcast_id = ? AND "to" = ?',
        (first, last, broadcast_id, address),
    ).fetchone()
    return int(row[0]) if row else None


def get(tx: Tx, broadcast_id: int, recipient_id: int) -> Recipient | None:
    """One recipient of a broadcast."""
    row = tx.execute(
        f"SELECT {_ROW.columns} FROM recipient WHERE broadcast_id = ? AND id = ?",
        (broadcast_id, recipient_id),
    ).fetchone()
    return _ROW.record(row) if row else None
