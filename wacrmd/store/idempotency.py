"""First answers by the caller's Idempotency-Key, stored with the broadcast that they speak of."""

from wacrmd.clock import Millis
from wacrmd.store.database import Tx


def get(tx: Tx, account_id: str, key: str, since: Millis) -> tuple[bytes, str] | None:
    """(hash of the body, first answer) of a key that was used after `since`."""
    row = tx.execute(
        "SELECT body_hash, answer FROM idempotency WHERE account_id = ? AND key = ? AND created_at > ?",
        (account_id, key, since),
    ).fetchone()
    return (row[0], row[1]) if row else None


def put(tx: Tx, account_id: str, key: str, body_hash: bytes, answer: str, now: Millis) -> None:
    """Keep the first answer; one that has expired makes room."""
    tx.execute(
        "INSERT OR REPLACE INTO idempotency (account_id, key, body_hash, answer, created_at) VALUES (?, ?, ?, ?, ?)",
        (account_id, key, body_hash, answer, now),
    )
