"""API keys of local apps; only the hash of a key is stored."""

import json
from uuid import uuid4

from wacrmd.clock import Millis
from wacrmd.domain.account import ApiKey, Scope
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper

_ROW = RowMapper(ApiKey, {"account": "a.name"}, table="k")
_SELECT = f"SELECT {_ROW.columns} FROM api_key k JOIN account a ON a.id = k.account_id"


def add(
    tx: Tx,
    *,
    account_id: str,
    name: str,
    hashed: bytes,
    prefix: str,
    scopes: list[Scope],
    expires_at: Millis | None,
    now: Millis,
) -> str:
    """Store a new key and return its id."""
    key_id = str(uuid4())
    tx.execute(
        "INSERT INTO api_key (id, account_id, name, hash, prefix, scopes, created_at, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (key_id, account_id, name, hashed, prefix, json.dumps(scopes), now, expires_at),
    )
    return key_id


def all_of(tx: Tx, account_id: str | None = None) -> list[ApiKey]:
    """The keys of one account or of all, oldest first."""
    where, values = ("WHERE k.account_id = ?", (account_id,)) if account_id else ("", ())
    return [_ROW.record(row) for row in tx.execute(f"{_SELECT} {where} ORDER BY k.created_at, k.id", values)]


def usable(tx: Tx, hashed: bytes, now: Millis) -> ApiKey | None:
    """The key with this hash, unless it is revoked or expired."""
    row = tx.execute(
        f"{_SELECT} WHERE k.hash = ? AND k.revoked_at IS NULL AND coalesce(k.expires_at, ?) >= ?",
        (hashed, now, now),
    ).fetchone()
    return _ROW.record(row) if row else None


def find(tx: Tx, prefix: str) -> list[ApiKey]:
    """The keys whose id begins with `prefix`; two at most, which is enough to see that it is ambiguous."""
    rows = tx.execute(f"{_SELECT} WHERE substr(k.id, 1, ?) = ? LIMIT 2", (len(prefix), prefix))
    return [_ROW.record(row) for row in rows]


def revoke(tx: Tx, key_id: str, now: Millis) -> None:
    """Reject the key from now on; revoking it again changes nothing."""
    tx.execute("UPDATE api_key SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (now, key_id))


def set_last_used(tx: Tx, key_id: str, now: Millis) -> None:
    """Record that the key was used."""
    tx.execute("UPDATE api_key SET last_used_at = ? WHERE id = ?", (now, key_id))
