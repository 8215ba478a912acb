"""Deletes rows that are older than configured, in steps so small that no other write waits for long."""

import json
from dataclasses import dataclass
from typing import Protocol

from wacrmd.clock import DAY, Millis
from wacrmd.store import conversations, drafts, media, people, revisions, statistics
from wacrmd.store.database import Tx

MAX_STEP_ROWS = 250
"""Rows that one step deletes per table at most: about 10 ms of the writer's time."""

REDELIVERY_PERIOD: Millis = 8 * DAY
"""Meta delivers a webhook again for up to 7 days (docs/meta.md, Webhooks): message ids are kept until then."""


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """The times before which rows are deleted; None keeps them for ever."""

    broadcasts: Millis | None
    history: Millis | None
    deliveries: Millis | None
    audit: Millis | None
    unmatched_statuses: Millis
    inbound: Millis | None
    idempotency: Millis
    drafts: Millis | None
    media: Millis | None
    now: Millis
    sessions: Millis
    """By their last use, also those that have lasted for as long as they may: an ended one is not used any more."""
    links: Millis
    known_browsers: Millis


class Step(Protocol):
    """One small deletion."""

    def __call__(self, tx: Tx, cutoffs: Cutoffs, max_rows: int) -> tuple[dict[str, int], bool]:
        """Delete up to `max_rows` rows; returns the rows deleted by table, and whether more may be left."""


FINISHED = (
    "SELECT id FROM broadcast INDEXED BY broadcast_created WHERE created_at < ?1 AND status IN ('sent', 'cancelled')"
    " AND coalesce(completed_at, updated_at) < ?1 ORDER BY created_at, id LIMIT 1"
)


def broadcasts(tx: Tx, cutoffs: Cutoffs, max_rows: int) -> tuple[dict[str, int], bool]:
    """Delete one finished broadcast, or a part of its recipients with their history."""
    if cutoffs.broadcasts is None:
        return {}, False
    row = tx.execute(FINISHED, (cutoffs.broadcasts,)).fetchone()
    if row is None:
        return {}, False
    statistics.settle(tx, row[0])
    found = tx.execute(
        "SELECT id, person_id FROM recipient WHERE broadcast_id = ? LIMIT ?", (row[0], max_rows)
    ).fetchall()
    ids = [recipient_id for recipient_id, _ in found]
    chosen = json.dumps(ids)
    history_rows = tx.execute(
        "DELETE FROM recipient_history WHERE recipient_id IN (SELECT value FROM json_each(?))", (chosen,)
    ).rowcount
    tx.execute("DELETE FROM recipient WHERE id IN (SELECT value FROM json_each(?))", (chosen,))
    people_rows = people.forget_unused(tx, {person_id for _, person_id in found})
    tx.execute(
        "DELETE FROM button_reply WHERE broadcast_id = ? AND NOT EXISTS"
        " (SELECT 1 FROM recipient WHERE broadcast_id = ?)",
        (row[0], row[0]),
    )
    revisions.raise_for(tx, row)
    broadcast_rows = tx.execute(
        "DELETE FROM broadcast WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM recipient WHERE broadcast_id = ?1)",
        row,
    ).rowcount
    if broadcast_rows:
        statistics.forget_part(tx, row[0])
    deleted = {
        "recipient": len(ids),
        "recipient_history": history_rows,
        "broadcast": broadcast_rows,
        "person": people_rows,
    }
    return deleted, True


def history(tx: Tx, cutoffs: Cutoffs, max_rows: int) -> tuple[dict[str, int], bool]:
    """Delete the oldest entries. They have no index by time: their ids are nearly in the order of their times."""
    if cutoffs.history is None:
        return {}, False
    deleted = tx.execute(
        "DELETE FROM recipient_history WHERE id IN (SELECT id FROM"
        " (SELECT id, at FROM recipient_history ORDER BY id LIMIT ?1) WHERE at < ?2 LIMIT ?3)",
        (4 * max_rows, cutoffs.history, max_rows),
    ).rowcount
    return {"recipient_history": deleted}, deleted == max_rows


def inbound(tx: Tx, cutoffs: Cutoffs, max_rows: int) -> tuple[dict[str, int], bool]:
    """Delete the oldest inbound messages, and the people of whom nothing else is stored."""
    if cutoffs.inbound is None:
        return {}, False
    rows = tx.execute(
        "DELETE FROM inbound_message WHERE id IN (SELECT id FROM inbound_message WHERE received_at < ? LIMIT ?)"
        " RETURNING person_id",
        (cutoffs.inbound, max_rows),
    ).fetchall()
    people_rows = people.forget_unused(tx, {person_id for (person_id,) in rows})
    return {"inbound_message": len(rows), "person": people_rows}, len(rows) == max_rows


def old_drafts(tx: Tx, cutoffs: Cutoffs, max_rows: int) -> tuple[dict[str, int], bool]:
    """Throw away drafts that nobody has changed; their files are deleted as those of others that are thrown away."""
    if cutoffs.drafts is None:
        return {}, False
    discarded = drafts.discard_older(tx, cutoffs.drafts, max_rows, cutoffs.now)
    return {"draft": len(discarded)}, len(discarded) == max_rows


def old_media(tx: Tx, cutoffs: Cutoffs, max_rows: int) -> tuple[dict[str, int], bool]:
    """Delete files that nothing has used; their pieces are dropped as those of others that are removed."""
    if cutoffs.media is None:
        return {}, False
    found = media.unused(tx, cutoffs.media, max_rows)
    for media_id in found:
        media.remove(tx, media_id)
    return {"media": len(found)}, len(found) == max_rows


def old_conversations(tx: Tx, cutoffs: Cutoffs, max_rows: int) -> tuple[dict[str, int], bool]:
    """Forget to whom was written first, once that does not count for Meta's limit any more."""
    deleted = conversations.forget_old(tx, cutoffs.now, max_rows)
    return {"conversation": deleted}, deleted >= max_rows


def _by_time(table: str, key: str, column: str, cutoff: str, condition: str = "1") -> Step:
    """A step that deletes rows of `table` whose `column` is before a cutoff."""

    def step(tx: Tx, cutoffs: Cutoffs, max_rows: int) -> tuple[dict[str, int], bool]:
        before: Millis | None = getattr(cutoffs, cutoff)
        if before is None:
            return {}, False
        deleted = tx.execute(
            f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {column} < ? AND {condition}"
            " LIMIT ?)",
            (before, max_rows),
        ).rowcount
        return {table: deleted}, deleted == max_rows

    return step


PRUNED_TABLES = (
    *("broadcast", "recipient", "recipient_history", "person", "inbound_message"),
    *("webhook_delivery", "audit", "account_event", "unmatched_status", "idempotency", "draft"),
    "media",
    "conversation",
    *("login_session", "login_link", "known_browser"),
)
"""The tables of which the steps delete rows."""

STEPS: tuple[Step, ...] = (
    broadcasts,
    history,
    old_drafts,
    old_media,
    old_conversations,
    _by_time("webhook_delivery", "id", "created_at", "deliveries", "status != 'pending'"),
    _by_time("audit", "id", "at", "audit"),
    _by_time("account_event", "id", "received_at", "history"),
    inbound,
    _by_time("unmatched_status", "id", "received_at", "unmatched_statuses"),
    _by_time("idempotency", "account_id, key", "created_at", "idempotency"),
    _by_time("login_session", "id", "used_at", "sessions"),
    _by_time("login_link", "hash", "created_at", "links"),
    _by_time("known_browser", "hash", "used_at", "known_browsers"),
)


def free_pages(tx: Tx) -> tuple[int, int]:
    """(free pages of the file, all its pages)."""
    return tx.execute("PRAGMA freelist_count").fetchone()[0], tx.execute("PRAGMA page_count").fetchone()[0]


def incremental_vacuum(tx: Tx, pages: int) -> None:
    """Return up to `pages` free pages to the file system; runs outside of any transaction."""
    # Not execute(): SQLite stops after each page, and `sqlite3` takes that for the end of the statement.
    tx.executescript(f"PRAGMA incremental_vacuum({pages:d})")
