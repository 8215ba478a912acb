"""What is in the future when the clock is set back: next attempts, and times that something waits for."""

from typing import NamedTuple

from wacrmd.clock import Millis
from wacrmd.domain.recipient_transitions import RecipientEvent
from wacrmd.store import revisions
from wacrmd.store.database import Tx
from wacrmd.store.state_sql import allows

_E = RecipientEvent


class Moved(NamedTuple):
    """How many next attempts were moved."""

    recipients: int
    deliveries: int


_NOT_AFTER_NOW = (
    f"""UPDATE broadcast SET streak_since = min(streak_since, ?1), updated_at = min(updated_at, ?1), {revisions.RAISED}
        WHERE status IN ('scheduled', 'sending', 'paused') AND max(streak_since, updated_at) > ?1""",
    "UPDATE idempotency SET created_at = ?1 WHERE created_at > ?1",
    "UPDATE unmatched_status SET received_at = ?1 WHERE received_at > ?1",
    "UPDATE inbound_message SET received_at = ?1 WHERE received_at > ?1",
    "DELETE FROM downtime WHERE began_at >= ?1",
    "UPDATE downtime SET ended_at = ?1 WHERE ended_at > ?1",
)
"""What only counts how much time has passed since: it begins anew."""


def move_back(tx: Tx, by: Millis, now: Millis) -> Moved:
    """The clock was set back by so much, to `now`: move the next attempts that are not due, of all that is unfinished.

    Times of the past that are in the future now become `now`, where something waits until time has passed since then.
    """
    rows = tx.execute(
        f"UPDATE recipient SET next_attempt_at = next_attempt_at - ?1 WHERE {allows(_E.CLAIMED)} AND next_attempt_at > ?2"
        " AND broadcast_id IN (SELECT id FROM broadcast WHERE status IN ('sending', 'paused')) RETURNING broadcast_id",
        (by, now),
    ).fetchall()
    tx.execute(
        "UPDATE planned_retry SET allowed_at = allowed_at - ?1 WHERE allowed_at > ?2"
        " AND broadcast_id IN (SELECT id FROM broadcast WHERE status IN ('sending', 'paused'))",
        (by, now),
    )
    for statement in _NOT_AFTER_NOW:
        tx.execute(statement, (now,))
    if rows:
        revisions.raise_for(tx, {broadcast_id for (broadcast_id,) in rows})
    deliveries = tx.execute(
        "UPDATE webhook_delivery SET next_attempt_at = next_attempt_at - ?1"
        " WHERE status = 'pending' AND next_attempt_at > ?2 AND endpoint_id IN (SELECT id FROM webhook_endpoint)",
        (by, now),
    ).rowcount
    return Moved(len(rows), deliveries)
