"""Price lists: each is one row, for a list counts only as a whole."""

import json
from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.domain.price import Price, PriceList
from wacrmd.store.database import Tx


@dataclass(frozen=True, slots=True)
class StoredList:
    """A price list, and whose it is; None: for accounts that have none of their own."""

    account_id: str | None
    account: str | None
    imported_at: Millis
    list: PriceList


def put(
    tx: Tx, account_id: str | None, valid_from: Millis, prices: dict[tuple[str, str], Price], now: Millis
) -> bool:
    """Store a list in place of the one that begins on the same day; whether there was one."""
    replaced = remove(tx, account_id, valid_from)
    rows = [[country, category, each.currency, each.micros] for (country, category), each in prices.items()]
    tx.execute(
        "INSERT INTO price_list (account_id, valid_from, imported_at, prices) VALUES (?, ?, ?, ?)",
        (account_id, valid_from, now, json.dumps(rows)),
    )
    return replaced


def remove(tx: Tx, account_id: str | None, valid_from: Millis) -> bool:
    """Delete a list; False if there is none that begins then."""
    cursor = tx.execute(
        "DELETE FROM price_list WHERE coalesce(account_id, '') = coalesce(?, '') AND valid_from = ?",
        (account_id, valid_from),
    )
    return cursor.rowcount > 0


def all_of(tx: Tx, account_id: str | None) -> list[StoredList]:
    """All lists, of one account only its own and those for accounts without; the newest of each first."""
    rows = tx.execute(
        "SELECT l.account_id, a.name, l.imported_at, l.valid_from, l.prices FROM price_list l"
        " LEFT JOIN account a ON a.id = l.account_id WHERE ?1 IS NULL OR l.account_id IS NULL OR l.account_id = ?1"
        " ORDER BY a.name IS NOT NULL, a.name, l.valid_from DESC",
        (account_id,),
    )
    return [
        StoredList(owner, name, imported_at, _list(valid_from, text))
        for owner, name, imported_at, valid_from, text in rows
    ]


def lists_of(tx: Tx, account_id: str) -> list[PriceList]:
    """The lists by which an account's messages are priced: its own, or if it has none, those for all."""
    for owner in (account_id, ""):
        rows = tx.execute(
            "SELECT valid_from, prices FROM price_list WHERE coalesce(account_id, '') = ? ORDER BY valid_from",
            (owner,),
        ).fetchall()
        if rows:
            return [_list(*row) for row in rows]
    return []


def has_any(tx: Tx, account_id: str | None) -> bool:
    """Whether there is a list, of an account or for all."""
    row = tx.execute(
        "SELECT 1 FROM price_list WHERE coalesce(account_id, '') = coalesce(?, '') LIMIT 1", (account_id,)
    )
    return row.fetchone() is not None


def _list(valid_from: Millis, text: str) -> PriceList:
    prices = {
        (country, category): Price(currency, micros)
        for country, category, currency, micros in json.loads(text)
    }
    return PriceList(valid_from, prices)
