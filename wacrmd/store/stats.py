"""Sums for the metrics and the status line: cheap whatever the file holds, for they look at open work only."""

from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.store.database import Tx

MAX_COUNTED = 10_000
"""Unmatched statuses are counted up to here: all of them are, where another app sends through the same number."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What waits, and for how long; sizes in bytes."""

    open: dict[str, int]
    """Unfinished broadcasts by status."""
    sending: list[int]
    """The ids of those that are sending, oldest first."""
    pause_reasons: list[str]
    """Why each of the paused ones is."""
    waiting: dict[str, int]
    """Recipients that are not tried yet or wait for another try, by their broadcast's status."""
    uncertain: int
    oldest_due_since: Millis | None
    """Since when the recipient that waits longest has been due, of broadcasts that are sending."""
    stalled_since: Millis | None
    """When the sending broadcast that has rested longest last moved, of those with a due recipient."""
    unmatched_statuses: int
    """At most `MAX_COUNTED`."""
    outbox_waiting: int
    outbox_oldest_at: Millis | None
    database_bytes: int
    last_backup_at: Millis | None


OPEN = (
    "SELECT id, status, started_at, updated_at, hold_reason FROM broadcast"
    " WHERE status IN ('scheduled', 'sending', 'paused')"
)
WAITING = (
    "SELECT b.status, count(*) FROM broadcast b CROSS JOIN recipient r ON r.broadcast_id = b.id AND r.status = 'pending'"
    " WHERE b.status IN ('scheduled', 'sending', 'paused') GROUP BY b.status"
)
EARLIEST = "SELECT min(next_attempt_at) FROM recipient WHERE broadcast_id = ? AND status = 'pending'"
# These two name their index: SQLite prefers to read all of another one, finished rows included.
UNCERTAIN = "SELECT count(*) FROM recipient INDEXED BY recipient_uncertain WHERE status = 'uncertain'"
OUTBOX = (
    "SELECT count(*), min(created_at) FROM webhook_delivery INDEXED BY webhook_delivery_due"
    " WHERE status = 'pending'"
)
UNMATCHED = "SELECT count(*) FROM (SELECT 1 FROM unmatched_status LIMIT ?)"


def read(tx: Tx, now: Millis) -> Stats:
    """The sums as they are now."""
    by_status: dict[str, int] = {}
    sending: list[int] = []
    pause_reasons: list[str] = []
    due_since: list[Millis] = []
    moved_at: list[Millis] = []
    for broadcast_id, status, started_at, updated_at, hold_reason in tx.execute(OPEN).fetchall():
        by_status[status] = by_status.get(status, 0) + 1
        if status == "paused":
            pause_reasons.append(hold_reason)
        if status != "sending":
            continue
        sending.append(broadcast_id)
        earliest = tx.execute(EARLIEST, (broadcast_id,)).fetchone()[0]
        if earliest is not None and earliest <= now:
            due_since.append(max(earliest, started_at or 0))
            moved_at.append(updated_at)
    outbox_waiting, outbox_oldest_at = tx.execute(OUTBOX).fetchone()
    pages = tx.execute("PRAGMA page_count").fetchone()[0]
    page_size = tx.execute("PRAGMA page_size").fetchone()[0]
    return Stats(
        open=by_status,
        sending=sorted(sending),
        pause_reasons=pause_reasons,
        waiting=dict(tx.execute(WAITING).fetchall()),
        uncertain=tx.execute(UNCERTAIN).fetchone()[0],
        oldest_due_since=min(due_since, default=None),
        stalled_since=min(moved_at, default=None),
        unmatched_statuses=tx.execute(UNMATCHED, (MAX_COUNTED,)).fetchone()[0],
        outbox_waiting=outbox_waiting,
        outbox_oldest_at=outbox_oldest_at,
        database_bytes=pages * page_size,
        last_backup_at=last_backup(tx),
    )


def last_backup(tx: Tx) -> Millis | None:
    """When a daily backup last succeeded; None for never."""
    row = tx.execute("SELECT value FROM setting WHERE key = 'last_backup_at'").fetchone()
    return int(row[0]) if row else None


def set_last_backup(tx: Tx, at: Millis) -> None:
    """Record that a daily backup succeeded."""
    tx.execute("INSERT OR REPLACE INTO setting (key, value) VALUES ('last_backup_at', ?)", (str(at),))
