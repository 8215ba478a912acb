"""Accounts: the tenants. Each number, key, broadcast and opt-out belongs to one."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from wacrmd.clock import Millis
from wacrmd.domain.account import Account
from wacrmd.domain.account_settings import AccountSettings
from wacrmd.errors import conflict
from wacrmd.fields import shared
from wacrmd.store import people, template_clicks
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper, column_of

_ROW = RowMapper(Account)
_SETTINGS = RowMapper(AccountSettings)


def add(tx: Tx, name: str, chosen: AccountSettings, now: Millis) -> Account:
    """Store a new account; raises Refusal if the name is in use."""
    account = Account(id=str(uuid4()), name=name, created_at=now, **shared(AccountSettings, chosen))
    _write_name(
        tx, "INSERT INTO account (id, name, created_at) VALUES (?, ?, ?)", (account.id, name, now), name
    )
    _write_settings(tx, account.id, chosen)
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


def settings(tx: Tx, account_id: str) -> AccountSettings:
    """The account's settings; the defaults if the account does not exist."""
    row = tx.execute(f"SELECT {_SETTINGS.columns} FROM account WHERE id = ?", (account_id,)).fetchone()
    return _SETTINGS.record(row) if row else AccountSettings()


def change_settings(tx: Tx, account_id: str, changes: Mapping[str, Any]) -> None:
    """Set some of the account's settings, by name; None takes one away, those that are not named stay."""
    _write_settings(tx, account_id, settings(tx, account_id).changed(changes))


def _write_settings(tx: Tx, account_id: str, values: AccountSettings) -> None:
    columns = {name: column_of(value) for name, value in shared(AccountSettings, values).items()}
    places = ", ".join(f"{name} = ?" for name in columns)
    tx.execute(f"UPDATE account SET {places} WHERE id = ?", (*columns.values(), account_id))


def rename(tx: Tx, account_id: str, name: str) -> None:
    """Change the account's name; raises Refusal if the new name is in use."""
    _write_name(tx, "UPDATE account SET name = ? WHERE id = ?", (name, account_id), name)


def _write_name(tx: Tx, statement: str, values: tuple[object, ...], name: str) -> None:
    try:
        tx.execute(statement, values)
    except sqlite3.IntegrityError as error:
        raise conflict(f"There is an account named {name!r} already: choose another name") from error


@dataclass(frozen=True, slots=True)
class Left:
    """How much an account still has without which it cannot be removed."""

    numbers: int
    keys: int
    users: int
    drafts: int
    unfinished: int
    finished: int
    """Broadcasts that are not drafts, by whether they have ended."""
    media: int


def left_of(tx: Tx, account_id: str, now: Millis) -> Left:
    """What an account has: numbers that are configured, keys that are valid, users limited to it, and broadcasts."""
    row = tx.execute(
        "SELECT (SELECT count(*) FROM number WHERE account_id = ?1 AND removed_at IS NULL),"
        " (SELECT count(*) FROM api_key WHERE account_id = ?1 AND revoked_at IS NULL"
        " AND (expires_at IS NULL OR expires_at > ?2)),"
        " (SELECT count(*) FROM user_account WHERE account_id = ?1),"
        " (SELECT count(*) FROM broadcast WHERE account_id = ?1 AND status = 'draft'),"
        " (SELECT count(*) FROM broadcast WHERE account_id = ?1 AND status IN ('scheduled', 'sending', 'paused')),"
        " (SELECT count(*) FROM broadcast WHERE account_id = ?1 AND status IN ('sent', 'cancelled')),"
        " (SELECT count(*) FROM media WHERE account_id = ?1 AND edition IS NOT NULL)",
        (account_id, now),
    ).fetchone()
    return Left(*row)


def remove(tx: Tx, account_id: str) -> None:
    """Delete an account of which nothing is left (`left_of`), with its opt-outs, webhooks, people, and what was removed."""
    of_its_people = "WHERE person_id IN (SELECT id FROM person WHERE account_id = ?)"
    tx.execute(f"DELETE FROM optout {of_its_people}", (account_id,))
    tx.execute(f"DELETE FROM inbound_message {of_its_people}", (account_id,))
    known = tx.execute("SELECT id FROM person WHERE account_id = ?", (account_id,)).fetchall()
    people.forget_unused(tx, [person_id for (person_id,) in known])
    template_clicks.forget_account(tx, account_id)
    for table in ("webhook_endpoint", "api_key", "media", "number", "message_stat"):
        tx.execute(f"DELETE FROM {table} WHERE account_id = ?", (account_id,))
    tx.execute("DELETE FROM account WHERE id = ?", (account_id,))
