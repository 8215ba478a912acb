"""All encrypted secrets in the database, and the fingerprint of the key that encrypts them."""

from collections.abc import Callable
from dataclasses import dataclass

from wacrmd.store.database import Tx
from wacrmd.vault import access_token_context, app_secret_context, webhook_secret_context

COLUMNS: dict[tuple[str, str], tuple[str, Callable[[str], str]]] = {
    ("number", "access_token"): ("id", access_token_context),
    ("app_secret", "secret"): ("number_id", app_secret_context),
    ("webhook_endpoint", "secret"): ("id", webhook_secret_context),
}
"""Each table and column with encrypted secrets: the column of the id that is in the context, and the context."""

_KEY = "key_fingerprint"


@dataclass(frozen=True, slots=True)
class EncryptedSecret:
    """A secret as it is stored: where, and for which context it was encrypted."""

    table: str
    column: str
    rowid: int
    context: str
    encrypted: bytes


def all_of(tx: Tx) -> list[EncryptedSecret]:
    """All of them; a number that was removed has none."""
    return [
        EncryptedSecret(table, column, rowid, context(owner), encrypted)
        for (table, column), (named_by, context) in COLUMNS.items()
        for rowid, owner, encrypted in tx.execute(
            f"SELECT rowid, {named_by}, {column} FROM {table} WHERE length({column}) > 0"
        ).fetchall()
    ]


def replace(tx: Tx, secret: EncryptedSecret, encrypted: bytes) -> None:
    """Store the secret as it was encrypted anew."""
    tx.execute(f"UPDATE {secret.table} SET {secret.column} = ? WHERE rowid = ?", (encrypted, secret.rowid))


def key_fingerprint(tx: Tx) -> str | None:
    """The fingerprint of the key of this database; None before the first start that stores it."""
    row = tx.execute("SELECT value FROM setting WHERE key = ?", (_KEY,)).fetchone()
    fingerprint: str | None = row[0] if row else None
    return fingerprint


def set_key_fingerprint(tx: Tx, fingerprint: str) -> None:
    """Say which key encrypts the secrets of this database."""
    tx.execute("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", (_KEY, fingerprint))
