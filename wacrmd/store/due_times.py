"""The times of next attempts, of messages and of deliveries to local apps, when the wall clock is set back."""

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


def move_back(tx: Tx, by: Millis, now: Millis) -> Moved:
    """Move the next attempts that are not due at `now` back by so much, of all that is sending or paused."""
    rows = tx.execute(
        f"UPDATE recipient SET next_attempt_at = next_attempt_at - ?1 WHERE {allows(_E.CLAIMED)} AND next_attempt_at > ?2"
        " AND broadcast_id IN (SELECT id FROM broadcast WHERE status IN ('sending', 'paused')) RETURNING broadcast_id",
        (by, now),
    ).fetchall()
    tx.execute(
        "UPDATE broadcast SET streak_since = ?1 WHERE status IN ('sending', 'paused') AND streak_since > ?1",
        (now,),
    )
    if rows:
        revisions.raise_for(tx, {broadcast_id for (broadcast_id,) in rows})
    deliveries = tx.execute(
        "UPDATE webhook_delivery SET next_attempt_at = next_attempt_at - ?1"
        " WHERE status = 'pending' AND next_attempt_at > ?2 AND endpoint_id IN (SELECT id FROM webhook_endpoint)",
        (by, now),
    ).rowcount
    return Moved(len(rows), deliveries)
