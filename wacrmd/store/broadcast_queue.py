"""The broadcasts as a queue: which are being sent, how much waits, and what is due."""

from wacrmd.clock import Millis
from wacrmd.store.database import Tx
from wacrmd.store.media_uploads import not_ready


def sending(tx: Tx) -> list[int]:
    """The ids of the broadcasts that are being sent, oldest first."""
    return [row[0] for row in tx.execute("SELECT id FROM broadcast WHERE status = 'sending' ORDER BY id")]


def queued(tx: Tx, number_id: str) -> int:
    """How many messages of broadcasts that are being sent wait for this number."""
    (count,) = tx.execute(
        "SELECT count(*) FROM broadcast b JOIN recipient r ON r.broadcast_id = b.id AND r.status = 'pending'"
        " WHERE b.status = 'sending' AND b.number_id = ?",
        (number_id,),
    ).fetchone()
    return int(count)


def due(tx: Tx, now: Millis) -> list[int]:
    """The broadcasts that have a recipient whose time has come, whose number sends, and whose files Meta has."""
    rows = tx.execute(
        "SELECT b.id FROM broadcast b JOIN number n ON n.id = b.number_id"
        " WHERE b.status = 'sending' AND n.state = 'active' AND n.removed_at IS NULL AND EXISTS (SELECT 1 FROM recipient r"
        " WHERE r.broadcast_id = b.id AND r.status = 'pending' AND r.next_attempt_at <= ?1)"
        f" AND NOT {not_ready('?1')} ORDER BY b.id",
        (now,),
    )
    return [broadcast_id for (broadcast_id,) in rows]


def with_work_from(tx: Tx, broadcast_id: int, count: int, now: Millis) -> list[int]:
    """A broadcast and those after it that have work for a sender, of the next `count` that are sending; by their ids.

    Work is a recipient who is due, if Meta has the files of the broadcast, or that the broadcast is to be completed. Those
    after it began to send as it did: at once, or at the same time by schedule.
    """
    rows = tx.execute(
        "SELECT b.id FROM broadcast b JOIN number n ON n.id = b.number_id WHERE b.id IN"
        " (SELECT id FROM broadcast INDEXED BY broadcast_status WHERE status = 'sending' AND id >= ?1"
        " AND scheduled_at IS (SELECT scheduled_at FROM broadcast WHERE id = ?1) ORDER BY id LIMIT ?2)"
        " AND ((n.state = 'active' OR b.id = ?1) AND n.removed_at IS NULL AND EXISTS"
        " (SELECT 1 FROM recipient r WHERE r.broadcast_id = b.id AND r.status = 'pending' AND r.next_attempt_at <= ?3)"
        f" AND NOT {not_ready('?3')}"
        " OR b.id = ?1 AND NOT EXISTS (SELECT 1 FROM recipient r WHERE r.broadcast_id = b.id AND r.status = 'pending')"
        " AND NOT EXISTS (SELECT 1 FROM recipient r WHERE r.broadcast_id = b.id AND r.status = 'sending')) ORDER BY b.id",
        (broadcast_id, count, now),
    )
    return [found for (found,) in rows]


def scheduled_due(tx: Tx, now: Millis) -> bool:
    """Whether a scheduled broadcast's time has come."""
    row = tx.execute(
        "SELECT 1 FROM broadcast WHERE status = 'scheduled' AND scheduled_at <= ? LIMIT 1", (now,)
    )
    return row.fetchone() is not None
