"""The counts of broadcasts: derived from their recipients' rows, and kept until the broadcast changes.

Kept counts are no second truth. They stand beside the revision at which they were counted, and are read only while the
broadcast has that revision, so that whatever raises the revision makes them void. `check-db` compares them with the rows.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict

import orjson

from wacrmd.clock import Millis
from wacrmd.domain.broadcast import Counted, Progress
from wacrmd.store.database import Tx

_CHOSEN = "broadcast_id IN (SELECT value FROM json_each(?))"
BY_STATUS = (
    f"SELECT broadcast_id, status, count(*) FROM recipient WHERE {_CHOSEN} GROUP BY broadcast_id, status"
)
BY_BUTTON = (
    f"SELECT broadcast_id, button, count(*) FROM button_reply WHERE {_CHOSEN} GROUP BY broadcast_id, button"
)

HELD = (
    "SELECT broadcast_id, held, count(*), min(sent_at) FROM recipient INDEXED BY recipient_held"
    f" WHERE held IS NOT NULL AND {_CHOSEN} GROUP BY broadcast_id, held"
)
BY_PRICING = (
    "SELECT broadcast_id, pricing_id, count(*) FROM recipient INDEXED BY recipient_pricing"
    f" WHERE pricing_id IS NOT NULL AND {_CHOSEN} GROUP BY broadcast_id, pricing_id"
)
PRICINGS = "SELECT id, category, type FROM pricing WHERE id IN (SELECT value FROM json_each(?))"


def count(tx: Tx, broadcast_ids: Iterable[int]) -> dict[int, Counted]:
    """The counts of these broadcasts, counted from their rows."""
    counts = {broadcast_id: Counted() for broadcast_id in broadcast_ids}
    chosen = (json.dumps(list(counts)),)
    for broadcast_id, status, number in tx.execute(BY_STATUS, chosen).fetchall():
        counts[broadcast_id].by_status[status] = number
    for broadcast_id, button, number in tx.execute(BY_BUTTON, chosen).fetchall():
        counts[broadcast_id].by_button[button] = number
    for broadcast_id, how, number, since in tx.execute(HELD, chosen).fetchall():
        counts[broadcast_id].held.append((how, number, since))
    by_pricing = tx.execute(BY_PRICING, chosen).fetchall()
    if by_pricing:
        _add_billed(tx, counts, by_pricing)
    return counts


def kept(text: str) -> Counted:
    """The counts that `keep` wrote."""
    found = orjson.loads(text)
    return Counted(
        by_status=found["by_status"],
        by_button=found["by_button"],
        held=[tuple(each) for each in found["held"]],
        billed=[tuple(each) for each in found["billed"]],
    )


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


def keep(tx: Tx, counted: Iterable[tuple[int, int, Counted]]) -> None:
    """Keep counts that were read in one snapshot with the revision: (id, revision, counts) each.

    Those of a broadcast that has changed since then are not kept.
    """
    tx.executemany(
        "UPDATE broadcast SET counts = ?, counts_revision = revision WHERE id = ? AND revision = ?",
        [(_kept_form(counts), broadcast_id, revision) for broadcast_id, revision, counts in counted],
    )


def _kept_form(counts: Counted) -> str:
    """As SQLite would write it, so that `check-db` can compare (`integrity.py`)."""
    return json.dumps(asdict(counts), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _add_billed(tx: Tx, counts: dict[int, Counted], by_pricing: list[tuple[int, int, int]]) -> None:
    """Sum up by category and type: pricings also differ in other things."""
    ids = json.dumps(list({pricing_id for _, pricing_id, _ in by_pricing}))
    words = {
        pricing_id: (category, kind) for pricing_id, category, kind in tx.execute(PRICINGS, (ids,)).fetchall()
    }
    sums: dict[tuple[int, str | None, str | None], int] = defaultdict(int)
    for broadcast_id, pricing_id, number in by_pricing:
        sums[broadcast_id, *words[pricing_id]] += number
    for broadcast_id, category, kind in sorted(sums, key=_in_order):
        counts[broadcast_id].billed.append((category, kind, sums[broadcast_id, category, kind]))


def _in_order(key: tuple[int, str | None, str | None]) -> tuple[int, tuple[bool, str], tuple[bool, str]]:
    """NULL first, as SQLite sorts."""
    broadcast_id, category, kind = key
    return broadcast_id, (category is not None, category or ""), (kind is not None, kind or "")
