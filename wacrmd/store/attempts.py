"""Attempts: claiming recipients, recording results, and expiring the leases of attempts without a result."""

import json
from collections.abc import Iterable

from wacrmd.clock import Millis
from wacrmd.domain.attempt import AttemptResult, Claim, UncertainPolicy
from wacrmd.domain.recipient import RecipientState, RecipientStatus
from wacrmd.domain.recipient_transitions import RECIPIENT, RecipientEvent, result_event
from wacrmd.store import conversations, due, other_messages, recipient_history, revisions, status_events
from wacrmd.store.database import Tx
from wacrmd.store.other_messages import OtherMessage
from wacrmd.store.recipient_history import EndedAttempt
from wacrmd.store.recipients import IS_ERASED
from wacrmd.store.state_sql import after, allows

DAEMON_STOPPED = "The daemon stopped while the request was in flight: Meta may or may not have the message"

_E = RecipientEvent
_EXPIRY = {
    UncertainPolicy.HOLD: _E.LEASE_EXPIRED_HOLD,
    UncertainPolicy.RESEND: _E.LEASE_EXPIRED_RESEND,
    UncertainPolicy.FAIL: _E.LEASE_EXPIRED_FAIL,
}

_SET_META_IDS = (
    ", ".join(
        f"{name} = coalesce({name}, iif({IS_ERASED}, NULL, ?))"
        for name in ("wamid", "wa_id", "user_id", "parent_user_id")
    )
    + ", sent_at = coalesce(sent_at, ?)"
)
"""Meta's ids of the message and the person: kept where they are new, and never for an erased person."""
_FENCE = "id = ? AND attempt = ? AND attempt > failed_attempt"


def claim(tx: Tx, broadcast_id: int, limit: int, now: Millis) -> list[Claim]:
    """Claim up to `limit` due recipients for their next attempt; after the commit each message may be sent once.

    Nothing is claimed unless the broadcast is sending and its number is active, as of this transaction, and only those
    who may be sent to now (`store/due.py`).
    """
    terms = due.terms_of(tx, broadcast_id)
    chosen = due.choose(tx, broadcast_id, terms, limit, now) if terms is not None else []
    if not chosen:
        return []
    rows = tx.execute(
        f"UPDATE recipient SET status = {after(_E.CLAIMED)}, attempt = attempt + 1, claimed_at = ?1,"
        " first_attempt_at = coalesce(first_attempt_at, ?1)"
        f" WHERE id IN (SELECT value FROM json_each(?2)) AND {allows(_E.CLAIMED)}"
        ' RETURNING id, broadcast_id, attempt, retries, "to", params, content, first_attempt_at',
        (now, json.dumps(chosen)),
    )
    claims = [Claim(*values) for values in rows]
    revisions.raise_for(tx, [broadcast_id])
    return claims


def has_due(tx: Tx, broadcast_id: int, now: Millis) -> bool:
    """Whether the broadcast is sending, its number is active, and a recipient is due."""
    row = tx.execute(
        "SELECT 1 FROM broadcast b JOIN number n ON n.id = b.number_id JOIN recipient r ON r.broadcast_id = b.id"
        " WHERE b.id = ? AND b.status = 'sending' AND n.state = 'active' AND n.removed_at IS NULL"
        " AND r.status = 'pending' AND r.next_attempt_at <= ? LIMIT 1",
        (broadcast_id, now),
    ).fetchone()
    return row is not None


def record(tx: Tx, results: Iterable[AttemptResult]) -> None:
    """Record the results of attempts; the result of an attempt that is not the newest changes nothing."""
    by_event: dict[RecipientEvent, list[AttemptResult]] = {}
    for result in results:
        by_event.setdefault(result_event(result), []).append(result)
    for event, ended in by_event.items():
        if event is _E.ACCEPTED:
            _accept(tx, ended)
        else:
            _end(tx, event, ended)
        recipient_history.add_attempts(
            tx,
            [
                EndedAttempt(
                    each.recipient_id, each.at, each.attempt, each.started_at, each.status, each.note
                )
                for each in ended
            ],
        )


_ACCEPT = (
    f"UPDATE OR IGNORE recipient SET status = {after(_E.ACCEPTED)}, failed_at = NULL, error_code = NULL,"
    f" error_title = NULL, error_details = NULL, {_SET_META_IDS} WHERE {_FENCE} AND {allows(_E.ACCEPTED)}"
)


def _accept(tx: Tx, results: list[AttemptResult]) -> None:
    """Record accepted messages."""
    held = _to_hold(tx, results)
    named = [
        (
            each.wamid,
            each.wa_id,
            each.user_id,
            each.parent_user_id,
            each.at,
            each.recipient_id,
            each.attempt,
        )
        for each in results
    ]
    if tx.executemany(_ACCEPT, named).rowcount < len(results):
        # The status came before the response: the status stays, the ids are stored.
        tx.executemany(
            f"UPDATE OR IGNORE recipient SET {_SET_META_IDS} WHERE {_FENCE}"
            " AND (wamid IS NULL OR wa_id IS NULL OR sent_at IS NULL)",
            named,
        )
        # An id that another recipient has already changes nothing above: the message is accepted without it.
        tx.executemany(_ACCEPT, [(None, *rest) for _, *rest in named])
        # The message of an older attempt, or the second one of the recipient: the row names another.
        other_messages.add(
            tx,
            {
                each.wamid: OtherMessage(each.recipient_id, each.attempt, each.at)
                for each in results
                if each.wamid
            },
        )
    if held:
        tx.executemany("UPDATE recipient SET held = ? WHERE id = ?", held)


def _to_hold(tx: Tx, results: list[AttemptResult]) -> list[tuple[str, int]]:
    """How Meta holds messages back: (how, recipient) each. If a status came before the response, it was released."""
    return [
        (each.held, each.recipient_id)
        for each in results
        if each.held is not None
        and tx.execute(
            f"SELECT 1 FROM recipient WHERE {_FENCE} AND {allows(_E.ACCEPTED)}",
            (each.recipient_id, each.attempt),
        ).fetchone()
    ]


def _end(tx: Tx, event: RecipientEvent, results: list[AttemptResult]) -> None:
    """Record attempts that ended by the same event, without Meta's acceptance."""
    fails, waits = after(event) == "'failed'", after(event) == "'pending'"
    if fails or waits:
        conversations.give_back(
            tx, [(each.recipient_id, each.attempt) for each in results], min(each.at for each in results)
        )
    tx.executemany(
        f"UPDATE recipient SET status = {after(event)}, next_attempt_at = ?, retries = retries + ?, error_code = ?,"
        " error_title = ?, error_details = ?, failed_at = ?"
        f" WHERE id = ? AND attempt = ? AND {allows(event)}",
        [
            (
                result.next_attempt_at,
                int(result.used_retry),
                result.error.code if result.error else None,
                result.error.title if result.error else None if waits else result.note,
                result.error.details if result.error else None,
                result.at if fails else None,
                result.recipient_id,
                result.attempt,
            )
            for result in results
        ],
    )


def expire_leases(
    tx: Tx,
    policy: UncertainPolicy,
    now: Millis,
    *,
    max_retries: int = 0,
    older_than: Millis | None = None,
    in_flight: frozenset[tuple[int, int]] = frozenset(),
) -> dict[int, list[int]]:
    """Expire the attempts whose result will never be recorded, as the policy says; the recipients by broadcast.

    Without `older_than` that is every attempt in flight: the process that made it has ended. With it, those that were
    claimed longer ago and that the sender does not know as `in_flight` (recipient, attempt). A claim that far in the
    future counts as well: the clock was set back since then.
    """
    condition, values = "", tuple[int, ...]()
    if older_than is not None:
        condition, values = " AND NOT r.claimed_at BETWEEN ? AND ?", (now - older_than, now + older_than)
    rows = tx.execute(
        "SELECT r.id, r.broadcast_id, r.attempt, r.retries, r.claimed_at FROM recipient r"
        f" INDEXED BY recipient_in_flight WHERE r.status = 'sending'{condition}",
        values,
    ).fetchall()
    by_broadcast: dict[int, list[int]] = {}
    by_event: dict[RecipientEvent, list[EndedAttempt]] = {}
    for recipient_id, broadcast_id, attempt, retries, claimed_at in rows:
        if (recipient_id, attempt) in in_flight:
            continue
        event = _EXPIRY[policy]
        if event is _E.LEASE_EXPIRED_RESEND and retries >= max_retries:
            event = _E.LEASE_EXPIRED_FAIL
        outcome = (RECIPIENT.of(event).after or RecipientState.UNCERTAIN).status
        by_event.setdefault(event, []).append(
            EndedAttempt(recipient_id, now, attempt, claimed_at, outcome, DAEMON_STOPPED)
        )
        by_broadcast.setdefault(broadcast_id, []).append(recipient_id)
    for event, expired in by_event.items():
        _expire(tx, event, expired, now)
    return by_broadcast


def _expire(tx: Tx, event: RecipientEvent, expired: list[EndedAttempt], now: Millis) -> None:
    """Record attempts whose leases expired by the same event."""
    waits = after(event) == "'pending'"
    tx.executemany(
        f"UPDATE recipient SET status = {after(event)}, retries = retries + ?, error_code = NULL,"
        " error_title = ?, error_details = NULL, next_attempt_at = ?, failed_at = ?"
        f" WHERE id = ? AND {allows(event)}",
        [
            (
                int(waits),
                None if waits else DAEMON_STOPPED,
                now,
                now if each.outcome is RecipientStatus.FAILED else None,
                each.recipient_id,
            )
            for each in expired
        ],
    )
    recipient_history.add_attempts(tx, expired)
    if not waits:
        status_events.emit(tx, [each.recipient_id for each in expired], now)


def reset_retry_age(tx: Tx, broadcast_ids: Iterable[int]) -> None:
    """Restart the retry age of the pending recipients at their next attempt: the wait was not their fault."""
    tx.execute(
        f"UPDATE recipient SET first_attempt_at = NULL WHERE {allows(_E.CLAIMED)} AND first_attempt_at IS NOT NULL"
        " AND broadcast_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(broadcast_ids)),),
    )
