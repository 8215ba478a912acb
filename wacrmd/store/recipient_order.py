"""The recipients of a broadcast in their order, which is that of their ids, some at a time."""

import json
from collections.abc import Iterable
from typing import Any

from wacrmd.domain.page import MAX_ID
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.store.database import Tx

_ALL_STATUSES = json.dumps(list(RecipientStatus))
SPARSE = 4
"""Where so many rows are needed for one of a broadcast, they are found by an index, and not by reading all."""


def id_range(tx: Tx, broadcast_id: int) -> tuple[int, int]:
    """The first and the last recipient id of a broadcast; an empty range if it has none.

    All recipients of a request are stored by one statement on the only writer, so their ids are consecutive. Those of a
    draft are stored in pieces, and between them is what came meanwhile: of a program that fills one for days, very much.
    """
    first, last = tx.execute(
        "SELECT min(first), max(last) FROM (SELECT"
        " (SELECT min(id) FROM recipient WHERE broadcast_id = ?1 AND status = s.value) AS first,"
        " (SELECT max(id) FROM recipient WHERE broadcast_id = ?1 AND status = s.value) AS last"
        " FROM json_each(?2) s)",
        (broadcast_id, _ALL_STATUSES),
    ).fetchone()
    return (1, 0) if first is None else (first, last)


def rows_between(
    tx: Tx,
    select: str,
    broadcast_id: int,
    *,
    after: int,
    before: int = MAX_ID,
    limit: int,
    newest_first: bool = False,
    statuses: Iterable[RecipientStatus] | None = None,
) -> list[Any]:
    """At most `limit` rows of a broadcast with ids between the two, all or those in these stored statuses.

    `select` says what of them, and names the table `recipient r`.
    """
    rows = None
    if statuses is None:
        rows = _neighbours(tx, select, broadcast_id, after, before, limit, newest_first=newest_first)
    if rows is not None:
        return rows
    wanted = RecipientStatus if statuses is None else statuses
    ids = _ids_between(tx, broadcast_id, wanted, after, before, limit, newest_first=newest_first)
    return tx.execute(
        f"{select} WHERE r.id IN (SELECT value FROM json_each(?)) ORDER BY r.id {'DESC' if newest_first else 'ASC'}",
        (json.dumps(ids),),
    ).fetchall()


def _neighbours(
    tx: Tx, select: str, broadcast_id: int, after: int, before: int, limit: int, *, newest_first: bool
) -> list[Any] | None:
    """Rows of a broadcast between two ids, if they are near to one another in the file, as most are; else None."""
    first, last = id_range(tx, broadcast_id)
    low, high = max(first, after + 1), min(last, before - 1)
    start, end = low, high
    if newest_first:
        start = max(low, high - SPARSE * limit + 1)
    else:
        end = min(high, low + SPARSE * limit - 1)
    rows = tx.execute(
        f"{select} WHERE r.id >= ? AND r.id <= ? AND +r.broadcast_id = ?"
        f" ORDER BY r.id {'DESC' if newest_first else 'ASC'} LIMIT ?",
        (start, end, broadcast_id, limit),
    ).fetchall()
    return rows if len(rows) == limit or (start, end) == (low, high) else None


def _ids_between(
    tx: Tx,
    broadcast_id: int,
    statuses: Iterable[RecipientStatus],
    after: int,
    before: int,
    limit: int,
    *,
    newest_first: bool,
) -> list[int]:
    """The ids of such recipients, in their order. From the index: those of a draft can be far from one another."""
    order = "DESC" if newest_first else "ASC"
    found: list[int] = []
    for each in statuses:
        rows = tx.execute(
            "SELECT id FROM recipient INDEXED BY recipient_count WHERE broadcast_id = ? AND status = ? AND id > ? AND id < ?"
            f" ORDER BY id {order} LIMIT ?",
            (broadcast_id, each, after, before, limit),
        )
        found += [recipient_id for (recipient_id,) in rows]
    return sorted(found, reverse=newest_first)[:limit]
