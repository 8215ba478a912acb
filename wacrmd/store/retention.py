"""Deleting what is older than configured, in steps so small that no other write waits for long."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from wacrmd.clock import DAY, Millis
from wacrmd.store.database import Tx

STEP_ROWS = 250
"""Rows that one step deletes at most, per table; some 10 ms of the writer's time."""

IDEMPOTENCY_KEPT: Millis = DAY
REDELIVERY: Millis = 8 * DAY
"""Meta delivers a webhook again for up to 7 days: until then its message ids must be known."""


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """The times before which things go; None keeps them for ever."""

    broadcasts: Millis | None
    history: Millis | None
    deliveries: Millis | None
    audit: Millis | None
    early_updates: Millis
    inbound: Millis | None
    idempotency: Millis


Step = Callable[[Tx, Cutoffs, int], tuple[dict[str, int], bool]]
"""Deletes up to so many rows; returns how many of each table, and whether more may be left."""

FINISHED = (
    "SELECT id FROM broadcast INDEXED BY broadcast_created WHERE created_at < ?1 AND status IN ('sent', 'cancelled')"
    " AND coalesce(completed_at, updated_at) < ?1 ORDER BY created_at, id LIMIT 1"
)


def broadcasts(tx: Tx, cutoffs: Cutoffs, limit: int) -> tuple[dict[str, int], bool]:
    """One finished broadcast, or a part of its recipients with their history."""
    if cutoffs.broadcasts is None:
        return {}, False
    row = tx.execute(FINISHED, (cutoffs.broadcasts,)).fetchone()
    if row is None:
        return {}, False
    ids = [
        recipient_id
        for (recipient_id,) in tx.execute(
            "SELECT id FROM recipient WHERE broadcast_id = ? LIMIT ?", (row[0], limit)
        )
    ]
    chosen = json.dumps(ids)
    history = tx.execute(
        "DELETE FROM history WHERE recipient_id IN (SELECT value FROM json_each(?))", (chosen,)
    ).rowcount
    tx.execute("DELETE FROM recipient WHERE id IN (SELECT value FROM json_each(?))", (chosen,))
    gone = {"recipient": len(ids), "history": history}
    gone["broadcast"] = tx.execute(
        "DELETE FROM broadcast WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM recipient WHERE broadcast_id = ?1)",
        row,
    ).rowcount
    return gone, True


def history(tx: Tx, cutoffs: Cutoffs, limit: int) -> tuple[dict[str, int], bool]:
    """The oldest entries; they were written in about the order of their times."""
    if cutoffs.history is None:
        return {}, False
    deleted = tx.execute(
        "DELETE FROM history WHERE id IN (SELECT id FROM (SELECT id, at FROM history ORDER BY id LIMIT ?1)"
        " WHERE at < ?2 LIMIT ?3)",
        (4 * limit, cutoffs.history, limit),
    ).rowcount
    return {"history": deleted}, deleted == limit


def _by_time(table: str, key: str, column: str, cutoff: str, condition: str = "1") -> Step:
    def step(tx: Tx, cutoffs: Cutoffs, limit: int) -> tuple[dict[str, int], bool]:
        before: Millis | None = getattr(cutoffs, cutoff)
        if before is None:
            return {}, False
        deleted = tx.execute(
            f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {column} < ? AND {condition}"
            " LIMIT ?)",
            (before, limit),
        ).rowcount
        return {table: deleted}, deleted == limit

    return step


STEPS: tuple[Step, ...] = (
    broadcasts,
    history,
    _by_time("webhook_delivery", "id", "created_at", "deliveries", "status != 'pending'"),
    _by_time("audit", "id", "at", "audit"),
    _by_time("notice", "id", "at", "history"),
    _by_time("inbound_message", "id", "received_at", "inbound"),
    _by_time("early_update", "id", "received_at", "early_updates"),
    _by_time("idempotency", "account_id, key", "created_at", "idempotency"),
)


def take(tx: Tx, *, step: Step, cutoffs: Cutoffs) -> tuple[dict[str, int], bool]:
    """Take one step of the usual size."""
    return step(tx, cutoffs, STEP_ROWS)


def free_pages(tx: Tx) -> tuple[int, int]:
    """(pages of the file that hold nothing, all its pages)."""
    return tx.execute("PRAGMA freelist_count").fetchone()[0], tx.execute("PRAGMA page_count").fetchone()[0]


def give_back(tx: Tx, pages: int) -> None:
    """Return up to so many free pages to the file system; outside of any transaction."""
    # Not execute(): the statement stops at each page, which `sqlite3` takes for its end.
    tx.executescript(f"PRAGMA incremental_vacuum({pages:d})")
