"""The suppression list: who wants no broadcasts from an account."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.store import outbox
from wacrmd.store.database import Tx


@dataclass(frozen=True, slots=True)
class OptOut:
    """One person who opted out: by phone (E.164), business-scoped user id, or both."""

    id: int
    account_id: str
    phone: str | None
    user_id: str | None
    source: str
    detail: str | None
    at: Millis


_COLUMNS = "id, account_id, phone, user_id, source, detail, at"


def add(
    tx: Tx,
    *,
    account_id: str,
    phone: str | None,
    user_id: str | None,
    source: str,
    detail: str | None,
    at: Millis,
) -> bool:
    """Note that a person opted out; False when that was known. Tells `contact.opted_out`."""
    known = tx.execute(
        "SELECT 1 FROM optout WHERE account_id = ? AND (phone = ? OR user_id = ?) LIMIT 1",
        (account_id, phone, user_id),
    ).fetchone()
    if known:
        return False
    tx.execute(
        "INSERT INTO optout (account_id, phone, user_id, source, detail, at) VALUES (?, ?, ?, ?, ?, ?)",
        (account_id, phone, user_id, source, detail, at),
    )
    outbox.put(
        tx, account_id, "contact.opted_out", {"phone": phone, "user_id": user_id, "source": source}, at
    )
    return True


def remove(
    tx: Tx, *, account_id: str, phone: str | None = None, user_id: str | None = None, source: str, at: Millis
) -> bool:
    """Let a person be messaged again; False when nobody of that address had opted out. Tells `contact.opted_in`."""
    cursor = tx.execute(
        "DELETE FROM optout WHERE account_id = ? AND (phone = ? OR user_id = ?)", (account_id, phone, user_id)
    )
    if cursor.rowcount:
        outbox.put(
            tx, account_id, "contact.opted_in", {"phone": phone, "user_id": user_id, "source": source}, at
        )
    return cursor.rowcount > 0


def among(tx: Tx, account_id: str, addresses: Iterable[str]) -> set[str]:
    """Those of the addresses (phones and user ids) that have opted out."""
    rows = tx.execute(
        "SELECT j.value FROM json_each(?2) j WHERE EXISTS (SELECT 1 FROM optout o WHERE o.account_id = ?1"
        " AND o.phone = j.value) OR EXISTS (SELECT 1 FROM optout o WHERE o.account_id = ?1 AND o.user_id = j.value)",
        (account_id, json.dumps(list(addresses))),
    )
    return {address for (address,) in rows}


def page(tx: Tx, *, account_id: str | None, after: tuple[Millis, int] | None, limit: int) -> list[OptOut]:
    """Opt-outs, newest first, that stand after the position."""
    at, after_id = after or (2**62, 0)
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM optout WHERE (?1 IS NULL OR account_id = ?1) AND (at, id) < (?2, ?3)"
        " ORDER BY at DESC, id DESC LIMIT ?4",
        (account_id, at, after_id, limit),
    )
    return [OptOut(*row) for row in rows]
