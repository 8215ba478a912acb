"""The counts of broadcasts: derived from their recipients' rows, and kept until the broadcast changes.

Kept counts are no second truth. They stand beside the revision at which they were counted, and are read only while the
broadcast has that revision, so that whatever raises the revision makes them void. `check-db` compares them with the rows.
"""

import json
from collections.abc import Iterable

from wacrmd.clock import Millis
from wacrmd.domain.broadcast import Progress
from wacrmd.store.database import Tx

ByStatus = dict[str, int]
"""How many recipients are in each stored status."""


def count(tx: Tx, broadcast_ids: Iterable[int]) -> dict[int, ByStatus]:
    """How many recipients of these broadcasts are in each status, counted from their rows."""
    counts: dict[int, ByStatus] = {broadcast_id: {} for broadcast_id in broadcast_ids}
    rows = tx.execute(
        "SELECT broadcast_id, status, count(*) FROM recipient WHERE broadcast_id IN (SELECT value FROM json_each(?))"
        " GROUP BY broadcast_id, status",
        (json.dumps(list(counts)),),
    )
    for broadcast_id, status, number in rows.fetchall():
        counts[broadcast_id][status] = number
    return counts


def progress(tx: Tx, broadcast_id: int) -> Progress:
    """The counts of a broadcast, counted from its recipients' rows."""
    return Progress.of(count(tx, [broadcast_id])[broadcast_id])


def uncounted(tx: Tx, unchanged_since: Millis, limit: int) -> list[tuple[int, int]]:
    """Broadcasts without valid counts that have not changed since then, newest first: (id, revision) each."""
    rows = tx.execute(
        "SELECT id, revision FROM broadcast INDEXED BY broadcast_uncounted"
        " WHERE counts_revision IS NOT revision AND updated_at <= ? ORDER BY updated_at DESC LIMIT ?",
        (unchanged_since, limit),
    )
    return rows.fetchall()


def keep(tx: Tx, counted: Iterable[tuple[int, int, ByStatus]]) -> None:
    """Keep counts that were read in one snapshot with the revision: (id, revision, counts) each.

    Those of a broadcast that has changed since then are not kept.
    """
    tx.executemany(
        "UPDATE broadcast SET counts = ?, counts_revision = revision WHERE id = ? AND revision = ?",
        [
            (json.dumps(counts, sort_keys=True, separators=(",", ":")), broadcast_id, revision)
            for broadcast_id, revision, counts in counted
        ],
    )
