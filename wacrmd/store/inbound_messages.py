"""Inbound messages: stored once by Meta's id, and attributed to the broadcast message that they answer."""

from wacrmd.clock import Millis
from wacrmd.domain.callback_token import callback_token
from wacrmd.store.database import Tx


def add(
    tx: Tx,
    *,
    message_id: str,
    number_id: str,
    wa_id: str | None,
    user_id: str | None,
    at: Millis,
    now: Millis,
) -> bool:
    """Store an inbound message; False if this id is stored already."""
    cursor = tx.execute(
        "INSERT OR IGNORE INTO inbound_message (id, number_id, wa_id, user_id, at, received_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (message_id, number_id, wa_id, user_id, at, now),
    )
    return cursor.rowcount > 0


def newest_message_to(
    tx: Tx, *, number_id: str, wa_id: str | None, user_id: str | None, since: Millis
) -> tuple[int, str] | None:
    """The recipient id and message id of the newest broadcast message to this person sent after `since`.

    Matched by Meta's ids of the person (`wa_id` or business-scoped user id), never by parts of a number.
    """
    row = tx.execute(
        "SELECT r.id, r.wamid FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id"
        " WHERE (r.wa_id = ? OR r.user_id = ?) AND b.number_id = ? AND r.wamid IS NOT NULL AND r.sent_at >= ?"
        " AND r.status IN ('sent', 'delivered', 'read', 'replied') ORDER BY r.sent_at DESC, r.id DESC LIMIT 1",
        (wa_id, user_id, number_id, since),
    ).fetchone()
    return (row[0], row[1]) if row else None


def in_flight_to(tx: Tx, *, number_id: str, phone: str) -> str | None:
    """The callback token of the attempt to this phone whose answer is not recorded yet.

    A person can reply before Meta's answer to the send has arrived; then only the phone number identifies them.
    """
    row = tx.execute(
        "SELECT b.uuid, r.id, r.attempt FROM recipient r INDEXED BY recipient_in_flight"
        " JOIN broadcast b ON b.id = r.broadcast_id"
        " WHERE r.status = 'sending' AND r.\"to\" = ? AND b.number_id = ? ORDER BY r.id DESC LIMIT 1",
        (phone, number_id),
    ).fetchone()
    return callback_token(*row) if row else None


def attribute(tx: Tx, message_id: str, wamid: str) -> int | None:
    """Link an inbound message to the recipient whose message it answers; None if that message is not known (yet)."""
    row = tx.execute("SELECT id FROM recipient WHERE wamid = ?", (wamid,)).fetchone()
    if row is None:
        return None
    tx.execute("UPDATE inbound_message SET recipient_id = ? WHERE id = ?", (row[0], message_id))
    recipient_id: int = row[0]
    return recipient_id


def broadcast_phone_of(tx: Tx, *, account_id: str, wa_id: str | None, user_id: str | None) -> str | None:
    """The number to which the account's broadcasts were sent; Meta's `wa_id` of it may differ (Brazil, Mexico)."""
    row = tx.execute(
        'SELECT r."to" FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id'
        " WHERE (r.wa_id = ? OR r.user_id = ?) AND b.account_id = ? AND r.\"to\" GLOB '+*'"
        " ORDER BY r.sent_at DESC, r.id DESC LIMIT 1",
        (wa_id, user_id, account_id),
    ).fetchone()
    return row[0] if row else None
