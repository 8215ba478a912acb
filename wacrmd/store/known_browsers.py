"""Browsers with which a user has logged in: strangers who guess the user's password do not make them wait."""

from wacrmd.clock import Millis
from wacrmd.domain.user import BROWSER_KNOWN, MAX_SESSIONS
from wacrmd.store.database import Tx


def is_of(tx: Tx, hashed: bytes, user_id: str, now: Millis) -> bool:
    """Whether the user has logged in with this browser lately."""
    found = tx.execute(
        "SELECT 1 FROM known_browser WHERE hash = ? AND user_id = ? AND used_at > ?",
        (hashed, user_id, now - BROWSER_KNOWN),
    )
    return found.fetchone() is not None


def add(tx: Tx, *, hashed: bytes, user_id: str, now: Millis) -> None:
    """Know a browser, in place of the one that was used longest ago if the user has too many."""
    tx.execute(
        "DELETE FROM known_browser WHERE hash IN"
        " (SELECT hash FROM known_browser WHERE user_id = ? ORDER BY used_at DESC LIMIT -1 OFFSET ?)",
        (user_id, MAX_SESSIONS - 1),
    )
    tx.execute("INSERT INTO known_browser (hash, user_id, used_at) VALUES (?, ?, ?)", (hashed, user_id, now))


def forget(tx: Tx, hashed: bytes) -> None:
    """Know a browser no more: its cookie is replaced."""
    tx.execute("DELETE FROM known_browser WHERE hash = ?", (hashed,))


def forget_all_of(tx: Tx, user_id: str) -> None:
    """Know no browser of a user any more."""
    tx.execute("DELETE FROM known_browser WHERE user_id = ?", (user_id,))
