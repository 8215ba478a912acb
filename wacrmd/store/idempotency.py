"""Idempotency-Keys and their answers, stored in the same transaction as the broadcast."""

from wacrmd.clock import DAY, Millis
from wacrmd.store.database import Tx

KEPT_FOR: Millis = DAY
"""How long a key and its answer are kept, while the daemon runs."""


def get(tx: Tx, account_id: str, key: str, since: Millis) -> tuple[bytes, str] | None:
    """(hash of the body, answer) of the first request with this key; None if that was before `since`."""
    row = tx.execute(
        "SELECT body_hash, answer FROM idempotency WHERE account_id = ? AND key = ? AND created_at > ?",
        (account_id, key, since),
    ).fetchone()
    return (row[0], row[1]) if row else None


def put(tx: Tx, account_id: str, key: str, body_hash: bytes, answer: str, now: Millis) -> None:
    """Store the answer to the first request with a key; it replaces one that has expired."""
    tx.execute(
        "INSERT OR REPLACE INTO idempotency (account_id, key, body_hash, answer, created_at) VALUES (?, ?, ?, ?, ?)",
        (account_id, key, body_hash, answer, now),
    )
