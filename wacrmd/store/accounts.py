"""Accounts: the tenants. Each number, key, broadcast and opt-out belongs to one."""

import sqlite3
from uuid import uuid4

from wacrmd.clock import Millis
from wacrmd.domain.account import Account
from wacrmd.errors import conflict
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper

_ROW = RowMapper(Account)


def add(tx: Tx, name: str, default_country: str | None, now: Millis) -> Account:
    """Store a new account; raises Refusal if the name is in use."""
    account = Account(id=str(uuid4()), name=name, default_country=default_country, created_at=now)
    values = (account.id, name, default_country, now)
    insert = "INSERT INTO account (id, name, default_country, created_at) VALUES (?, ?, ?, ?)"
    _write_name(tx, insert, values, name)
    return account


def all_of(tx: Tx) -> list[Account]:
    """All accounts by name."""
    return [_ROW.record(row) for row in tx.execute(f"SELECT {_ROW.columns} FROM account ORDER BY name")]


def find(tx: Tx, reference: str) -> Account | None:
    """The account with this name or id."""
    row = tx.execute(
        f"SELECT {_ROW.columns} FROM account WHERE name = ? OR id = ?", (reference, reference)
    ).fetchone()
    return _ROW.record(row) if row else None


def default_country(tx: Tx, account_id: str) -> str | None:
    """The country of which a number without `+` is first; None if the account has none, or does not exist."""
    row: tuple[str | None] | None = tx.execute(
        "SELECT default_country FROM account WHERE id = ?", (account_id,)
    ).fetchone()
    return row[0] if row else None


def set_default_country(tx: Tx, account_id: str, country: str | None) -> None:
    """Set the account's default country, or take it away."""
    tx.execute("UPDATE account SET default_country = ? WHERE id = ?", (country, account_id))


def rename(tx: Tx, account_id: str, name: str) -> None:
    """Change the account's name; raises Refusal if the new name is in use."""
    _write_name(tx, "UPDATE account SET name = ? WHERE id = ?", (name, account_id), name)


def _write_name(tx: Tx, statement: str, values: tuple[object, ...], name: str) -> None:
    try:
        tx.execute(statement, values)
    except sqlite3.IntegrityError as error:
        raise conflict(f"There is an account named {name!r} already: choose another name") from error


def remove(tx: Tx, account_id: str, now: Millis) -> None:
    """Delete an account with its opt-outs, webhook endpoints and keys that are not valid.

    Refuses one that owns anything else.
    """
    try:
        tx.execute("DELETE FROM optout WHERE account_id = ?", (account_id,))
        tx.execute("DELETE FROM webhook_endpoint WHERE account_id = ?", (account_id,))
        tx.execute(
            "DELETE FROM api_key WHERE account_id = ? AND (revoked_at IS NOT NULL OR expires_at <= ?)",
            (account_id, now),
        )
        tx.execute("DELETE FROM account WHERE id = ?", (account_id,))
    except sqlite3.IntegrityError as error:
        raise conflict(
            "The account still has numbers, keys, broadcasts, or users who are limited to it: remove and revoke those first"
        ) from error
