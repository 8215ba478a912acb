"""API keys of local apps; only the hash of a key is stored."""

import json
from collections.abc import Iterable, Sequence
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
    scopes: Sequence[Scope],
    allowed_from: Sequence[str],
    expires_at: Millis | None,
    now: Millis,
    family: str | None = None,
) -> ApiKey:
    """Store a new key; without a `family` it begins one."""
    key_id = str(uuid4())
    tx.execute(
        "INSERT INTO api_key (id, account_id, name, hash, prefix, scopes, allowed_from, created_at, expires_at, family)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key_id,
            account_id,
            name,
            hashed,
            prefix,
            json.dumps(scopes),
            json.dumps(allowed_from),
            now,
            expires_at,
            family or key_id,
        ),
    )
    return find(tx, key_id)[0]


def all_of(tx: Tx, account_id: str | None = None) -> list[ApiKey]:
    """The keys of one account or of all, oldest first."""
    where, values = ("WHERE k.account_id = ?", (account_id,)) if account_id else ("", ())
    return [_ROW.record(row) for row in tx.execute(f"{_SELECT} {where} ORDER BY k.created_at, k.id", values)]


def with_hash(tx: Tx, hashed: bytes) -> ApiKey | None:
    """The key with this hash, also one that is refused."""
    row = tx.execute(f"{_SELECT} WHERE k.hash = ?", (hashed,)).fetchone()
    return _ROW.record(row) if row else None


def get(tx: Tx, key_id: str) -> ApiKey | None:
    """The key with this id."""
    row = tx.execute(f"{_SELECT} WHERE k.id = ?", (key_id,)).fetchone()
    return _ROW.record(row) if row else None


def find(tx: Tx, prefix: str, account_id: str | None = None) -> list[ApiKey]:
    """The keys of one account or of all whose id begins with `prefix`; two at most, which shows ambiguity."""
    rows = tx.execute(
        f"{_SELECT} WHERE substr(k.id, 1, ?1) = ?2 AND (?3 IS NULL OR k.account_id = ?3) LIMIT 2",
        (len(prefix), prefix, account_id),
    )
    return [_ROW.record(row) for row in rows]


def revoke(tx: Tx, key_id: str, now: Millis) -> None:
    """Reject the key from now on; revoking it again changes nothing."""
    tx.execute("UPDATE api_key SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (now, key_id))


def set_replaced(tx: Tx, key_id: str, *, by: str, expires_at: Millis) -> None:
    """Note the key's successor, and let the key expire."""
    tx.execute("UPDATE api_key SET replaced_by = ?, expires_at = ? WHERE id = ?", (by, expires_at, key_id))


def set_last_uses(tx: Tx, uses: Iterable[tuple[str, Millis, str | None]]) -> None:
    """Record the last uses of keys: the id, the time and the address of each."""
    tx.executemany(
        "UPDATE api_key SET last_used_at = ?, last_used_from = ? WHERE id = ?",
        [(at, address, key_id) for key_id, at, address in uses],
    )
