"""Answers by Idempotency-Key, stored in the transaction of the broadcast that they are about."""

from wacrmd.clock import Millis
from wacrmd.store.database import Tx


def get(tx: Tx, account_id: str, key: str, since: Millis) -> tuple[bytes, str] | None:
    """(hash of the body, first answer) of a key that was first used after `since`."""
    row = tx.execute(
        "SELECT body_hash, answer FROM idempotency WHERE account_id = ? AND key = ? AND created_at > ?",
        (account_id, key, since),
    ).fetchone()
    return (row[0], row[1]) if row else None


def put(tx: Tx, account_id: str, key: str, body_hash: bytes, answer: str, now: Millis) -> None:
    """Store the first answer; it replaces one that has expired."""
    tx.execute(
        "INSERT OR REPLACE INTO idempotency (account_id, key, body_hash, answer, created_at) VALUES (?, ?, ?, ?, ?)",
        (account_id, key, body_hash, answer, now),
    )
