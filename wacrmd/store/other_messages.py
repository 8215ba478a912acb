"""Other messages of a recipient than the one that its row names, by Meta's ids.

There are some after a retry: the message before may still be delivered, read and answered. And after an attempt without
a result, when Meta turns out to have the messages of two attempts.
"""

import json
from collections.abc import Iterable
from typing import NamedTuple

from wacrmd.clock import Millis
from wacrmd.store.database import Tx
from wacrmd.store.recipients import IS_ERASED


class OtherMessage(NamedTuple):
    """A message of a recipient: which attempt it was of, when Meta took it, and what it said of the price."""

    recipient_id: int
    attempt: int
    sent_at: Millis
    pricing_id: int | None = None
    pricing_order: int | None = None


_COLUMNS = ", ".join(OtherMessage._fields)


def keep(tx: Tx, recipient_ids: Iterable[int]) -> None:
    """Keep the ids of the messages of these recipients, whose rows forget them: they are sent to again."""
    tx.execute(
        f"INSERT OR IGNORE INTO other_message (wamid, {_COLUMNS})"
        " SELECT wamid, id, attempt, coalesce(sent_at, claimed_at, 0), pricing_id, pricing_order FROM recipient"
        f" WHERE id IN (SELECT value FROM json_each(?)) AND wamid IS NOT NULL AND NOT {IS_ERASED}",
        (json.dumps(list(recipient_ids)),),
    )


def add(tx: Tx, messages: dict[str, OtherMessage]) -> None:
    """Keep these messages by their ids, of recipients whose rows name others; not those of people who were erased.

    An id that another recipient's row names, or this one's for its newest attempt, belongs there.
    """
    tx.executemany(
        f"INSERT OR IGNORE INTO other_message (wamid, {_COLUMNS})"
        f" SELECT ?1, id, ?3, ?4, ?5, ?6 FROM recipient WHERE id = ?2 AND attempt >= ?3 AND NOT {IS_ERASED}"
        " AND NOT EXISTS (SELECT 1 FROM recipient r WHERE r.wamid = ?1 AND (r.id != ?2 OR r.attempt <= ?3))",
        [(wamid, *message) for wamid, message in messages.items()],
    )


def find(tx: Tx, wamids: Iterable[str]) -> dict[str, OtherMessage]:
    """Those of these messages that are others than their recipients' rows name, by id."""
    rows = tx.execute(
        f"SELECT wamid, {_COLUMNS} FROM other_message WHERE wamid IN (SELECT value FROM json_each(?))",
        (json.dumps(list(wamids)),),
    )
    return {wamid: OtherMessage(*row) for wamid, *row in rows}


def recipient_of(wamid: str) -> str:
    """The id of the recipient to whom the message with this id went, in SQL; NULL if it is not known."""
    return (
        f"coalesce((SELECT id FROM recipient WHERE wamid = {wamid}),"
        f" (SELECT recipient_id FROM other_message WHERE wamid = {wamid}))"
    )
