"""Sums for metrics and status. They read only unfinished work, so they are cheap however much is stored."""

from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.domain.broadcast import BroadcastKind
from wacrmd.domain.draft_backlog import WORK, DraftBacklog
from wacrmd.domain.webhook_delivery import PendingDeliveries
from wacrmd.store.database import Tx
from wacrmd.store.integrity import LastCheck, last_check

MAX_COUNTED = 10_000
"""Unmatched statuses are counted up to this. If another app sends through the same number, all of its are unmatched."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What is unfinished, and since when."""

    unfinished: dict[str, int]
    """Unfinished broadcasts by status."""
    sending: list[int]
    """The ids of the broadcasts that are sending, oldest first."""
    paused_messages: int
    """Single messages that are paused."""
    pause_reasons: list[str]
    """The hold reason of each paused broadcast."""
    pending: dict[str, int]
    """Pending recipients (new ones, and ones that wait for a retry) by the status of their broadcast."""
    uncertain: int
    held: int
    """Messages that Meta holds back."""
    held_since: Millis | None
    oldest_due_since: Millis | None
    """Since when the recipient that waits longest has been due, among broadcasts that are sending."""
    last_progress: dict[int, Millis]
    """The last progress of each sending broadcast that has a due recipient, by its id."""
    unmatched_statuses: int
    """At most `MAX_COUNTED`."""
    deliveries: list[PendingDeliveries]
    """The pending deliveries of each outbound webhook that has some."""
    drafts: DraftBacklog
    last_backup_at: Millis | None
    last_check: LastCheck | None


UNFINISHED = (
    "SELECT id, kind, status, started_at, updated_at, hold_reason FROM broadcast"
    " WHERE status IN ('scheduled', 'sending', 'paused')"
)
PENDING = (
    "SELECT b.status, count(*) FROM broadcast b CROSS JOIN recipient r ON r.broadcast_id = b.id AND r.status = 'pending'"
    " WHERE b.status IN ('scheduled', 'sending', 'paused') GROUP BY b.status"
)
EARLIEST = "SELECT min(next_attempt_at) FROM recipient WHERE broadcast_id = ? AND status = 'pending'"
# These name their index: otherwise SQLite reads all of another one, with the finished rows.
UNCERTAIN = "SELECT count(*) FROM recipient INDEXED BY recipient_uncertain WHERE status = 'uncertain'"
HELD = "SELECT count(*), min(sent_at) FROM recipient INDEXED BY recipient_held WHERE held IS NOT NULL"
DELIVERIES = (
    "SELECT endpoint_id, count(*), min(id) FROM webhook_delivery INDEXED BY webhook_delivery_due"
    " WHERE status = 'pending' GROUP BY endpoint_id"
)
"""Ids, which the index has, instead of times, which would read each row: 100,000 pending ones take 17 ms, not 400."""
DRAFTS = (
    "SELECT state, count(*), min(updated_at) FROM draft INDEXED BY draft_state"
    " WHERE state IN ('collecting', 'editing', 'checking', 'checked', 'preparing', 'returning', 'discarded') GROUP BY state"
)
"""Not the sent ones, which are kept with their broadcasts."""
UNMATCHED = "SELECT count(*) FROM (SELECT 1 FROM unmatched_status LIMIT ?)"


def read(tx: Tx, now: Millis) -> Stats:
    """The sums at this moment."""
    unfinished: dict[str, int] = {}
    sending: list[int] = []
    pause_reasons: list[str] = []
    paused_messages = 0
    due_since: list[Millis] = []
    last_progress: dict[int, Millis] = {}
    for broadcast_id, kind, status, started_at, updated_at, hold_reason in tx.execute(UNFINISHED).fetchall():
        unfinished[status] = unfinished.get(status, 0) + 1
        if status == "paused":
            pause_reasons.append(hold_reason)
            paused_messages += kind == BroadcastKind.MESSAGE
        if status != "sending":
            continue
        sending.append(broadcast_id)
        earliest = tx.execute(EARLIEST, (broadcast_id,)).fetchone()[0]
        if earliest is not None and earliest <= now:
            due_since.append(max(earliest, started_at or 0))
            last_progress[broadcast_id] = updated_at
    held, held_since = tx.execute(HELD).fetchone()
    return Stats(
        unfinished=unfinished,
        sending=sorted(sending),
        paused_messages=paused_messages,
        pause_reasons=pause_reasons,
        pending=dict(tx.execute(PENDING).fetchall()),
        uncertain=tx.execute(UNCERTAIN).fetchone()[0],
        held=held,
        held_since=held_since,
        oldest_due_since=min(due_since, default=None),
        last_progress=last_progress,
        unmatched_statuses=tx.execute(UNMATCHED, (MAX_COUNTED,)).fetchone()[0],
        deliveries=_deliveries(tx),
        drafts=_drafts(tx),
        last_backup_at=last_backup(tx),
        last_check=last_check(tx),
    )


def _drafts(tx: Tx) -> DraftBacklog:
    rows = tx.execute(DRAFTS).fetchall()
    return DraftBacklog(
        {state: count for state, count, _ in rows},
        min((since for state, _, since in rows if state in WORK), default=None),
    )


def _deliveries(tx: Tx) -> list[PendingDeliveries]:
    endpoints = {
        endpoint_id: facts
        for endpoint_id, *facts in tx.execute(
            "SELECT e.id, a.name, e.is_active, e.failing_since FROM webhook_endpoint e JOIN account a ON a.id = e.account_id"
        )
    }
    found = []
    for endpoint_id, count, first in tx.execute(DELIVERIES).fetchall():
        ((since,),) = tx.execute("SELECT queued_at FROM webhook_delivery WHERE id = ?", (first,))
        account, is_active, failing_since = endpoints[endpoint_id]
        found.append(
            PendingDeliveries(endpoint_id, account, bool(is_active), failing_since, count=count, since=since)
        )
    return found


def last_backup(tx: Tx) -> Millis | None:
    """When a daily backup last succeeded; None for never."""
    row = tx.execute("SELECT value FROM setting WHERE key = 'last_backup_at'").fetchone()
    return int(row[0]) if row else None


def set_last_backup(tx: Tx, at: Millis) -> None:
    """Record that a daily backup succeeded."""
    tx.execute("INSERT OR REPLACE INTO setting (key, value) VALUES ('last_backup_at', ?)", (str(at),))
