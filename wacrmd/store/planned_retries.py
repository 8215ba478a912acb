"""Who waits for a retry: why, and from when on Meta allows it. Until the retry is claimed, its time can be changed."""

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from wacrmd.clock import Millis
from wacrmd.domain.recipient import NO_CODE, RecipientStatus
from wacrmd.domain.recipient_transitions import RecipientEvent
from wacrmd.domain.retry import RetryRequest
from wacrmd.store.database import Tx
from wacrmd.store.state_sql import allows

_OPEN = (
    "FROM planned_retry p CROSS JOIN recipient r ON r.id = p.recipient_id WHERE p.broadcast_id = :broadcast"
    f" AND {allows(RecipientEvent.CLAIMED)} AND r.attempt = p.attempt"
)
_IS_CODE = "(:codes IS NULL OR p.code IN (SELECT value FROM json_each(:codes)))"
_WANTED = (
    f"SELECT r.id, max(:at, p.allowed_at), r.next_attempt_at != max(:at, p.allowed_at) {_OPEN}"
    f" AND CASE WHEN :all THEN :codes IS NULL OR (p.was = 'failed' AND {_IS_CODE})"
    f" WHEN p.was = 'failed' THEN {_IS_CODE} ELSE 1 END"
    " AND (:all OR p.was IN (SELECT value FROM json_each(:statuses)))"
)


class Planned(NamedTuple):
    """A recipient who waits for a retry."""

    recipient_id: int
    next_attempt_at: Millis
    is_moved: bool
    """It was another time before."""


def add(tx: Tx, recipient_ids: Iterable[int], waits: Mapping[int, Millis], now: Millis) -> None:
    """These recipients are about to be made pending again: note why, and how long Meta wants one to wait after their codes.

    Meta's clock may be ahead of this one, and nobody waits longer because of that.
    """
    tx.execute(
        "INSERT OR REPLACE INTO planned_retry (broadcast_id, recipient_id, attempt, was, code, allowed_at)"
        f" SELECT broadcast_id, id, attempt, status, iif(status = 'failed', coalesce(error_code, {NO_CODE}), {NO_CODE}),"
        " coalesce(min(failed_at, ?2) + (SELECT value FROM json_each(?3) WHERE key = CAST(error_code AS TEXT)), 0)"
        " FROM recipient WHERE id IN (SELECT value FROM json_each(?1))",
        (json.dumps(list(recipient_ids)), now, json.dumps(dict(waits))),
    )


def allowed_at(recipient: str) -> str:
    """From when on Meta allows the retry of this row of `recipient`, in SQL."""
    return (
        f"(SELECT allowed_at FROM planned_retry p WHERE p.broadcast_id = {recipient}.broadcast_id"
        f" AND p.recipient_id = {recipient}.id)"
    )


def move(tx: Tx, broadcast_id: int, wanted: RetryRequest, at: Millis) -> list[Planned]:
    """Let those who wait for such a retry wait until `at`, or for as long as Meta wants; all of them.

    Also those whom a rule has chosen.
    """
    rows = tx.execute(
        _WANTED,
        {
            "broadcast": broadcast_id,
            "at": at,
            "all": RecipientStatus.PENDING in wanted.statuses,
            "statuses": json.dumps(sorted(wanted.statuses)),
            "codes": None if wanted.codes is None else json.dumps(sorted(wanted.codes)),
        },
    ).fetchall()
    tx.executemany(
        "UPDATE recipient SET next_attempt_at = ?, first_attempt_at = NULL WHERE id = ?",
        [(next_at, recipient_id) for recipient_id, next_at, is_moved in rows if is_moved],
    )
    return [Planned(recipient_id, next_at, bool(is_moved)) for recipient_id, next_at, is_moved in rows]


def failed(tx: Tx, broadcast_id: int, recipient_id: int, code: int, allowed_at: Millis) -> bool:
    """Somebody waits for a retry because nothing was delivered, and now that message failed: wait until Meta allows it.

    False if it had failed before, or is not waited for any more.
    """
    found = tx.execute(
        f"SELECT 1 {_OPEN} AND p.recipient_id = :recipient AND p.was = 'sent'",
        {"broadcast": broadcast_id, "recipient": recipient_id},
    ).fetchone()
    if found is None:
        return False
    tx.execute(
        "UPDATE planned_retry SET was = 'failed', code = ?, allowed_at = ? WHERE broadcast_id = ? AND recipient_id = ?",
        (code, allowed_at, broadcast_id, recipient_id),
    )
    tx.execute(
        "UPDATE recipient SET next_attempt_at = ?1 WHERE id = ?2 AND next_attempt_at < ?1",
        (allowed_at, recipient_id),
    )
    return True


def is_planned(tx: Tx, broadcast_id: int) -> bool:
    """Whether somebody of a broadcast waits for a retry."""
    return tx.execute(f"SELECT 1 {_OPEN} LIMIT 1", {"broadcast": broadcast_id}).fetchone() is not None
