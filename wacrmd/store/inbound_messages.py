"""Inbound messages: stored once by Meta's id, and attributed to the broadcast message that they answer."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.domain.callback_token import callback_token
from wacrmd.domain.number import NumberIds
from wacrmd.domain.person import GRACE, identity
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.store.database import Tx
from wacrmd.store.other_messages import recipient_of
from wacrmd.store.people import MAX_HOLDERS
from wacrmd.store.rows import RowMapper


@dataclass(frozen=True, slots=True)
class BroadcastMessage:
    """A message of a broadcast to which a person may have replied."""

    recipient_id: int
    broadcast_id: int
    uuid: str
    attempt: int
    status: RecipientStatus
    is_guess: bool

    @property
    def callback(self) -> str:
        """The callback token of the newest attempt, which is known before Meta's id of the message."""
        return callback_token(self.uuid, self.recipient_id, self.attempt)

    @property
    def is_settled(self) -> bool:
        """Whether Meta has said what became of it; if not, a reply to it must wait for that."""
        return self.status not in (RecipientStatus.SENDING, RecipientStatus.UNCERTAIN)

    @property
    def is_had(self) -> bool:
        """Whether it is known that the person has it; if not, Meta may still say that it failed."""
        return self.is_settled and self.status is not RecipientStatus.SENT and not self.is_guess


_IS_GUESS = (
    "EXISTS (SELECT 1 FROM inbound_message g WHERE g.recipient_id = r.id AND g.replies_from IS NOT NULL)"
)
"""A reply that quotes nothing was attributed to it, and nothing else says that the person has it."""
_ROW = RowMapper(
    BroadcastMessage, {"recipient_id": "r.id", "uuid": "b.uuid", "is_guess": _IS_GUESS}, table="r"
)
_SELECT = (
    f"SELECT {_ROW.columns} FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id"
    " JOIN number n ON n.id = b.number_id"
)
_SENT_AT = "min(coalesce(r.sent_at, r.claimed_at), coalesce(r.claimed_at, r.sent_at))"
"""When the request left, or before: `sent_at` is the time of the answer, and Meta may have delivered before it."""
_OPEN = (
    "i.at, i.id, i.person_id, i.wa_id, i.replies_from, i.button, i.recipient_id,"
    " n.id, n.account_id, n.phone_number_id, n.waba_id"
)


def is_known(tx: Tx, message_id: str) -> bool:
    """Whether a message with this id is stored: Meta repeats webhooks."""
    return tx.execute("SELECT 1 FROM inbound_message WHERE id = ?", (message_id,)).fetchone() is not None


def add(
    tx: Tx,
    *,
    message_id: str,
    number_id: str,
    person_id: int | None,
    wa_id: str | None,
    user_id: str | None,
    recipient_id: int | None,
    at: Millis,
    now: Millis,
    replies_from: Millis | None = None,
    button: str | None = None,
) -> None:
    """Store an inbound message; `recipient_id` is the broadcast message that it answers.

    With `replies_from` it is open: a reply to the newest message sent since then, which is not known for certain yet
    (see `settle`); `button` is what it taps.
    """
    tx.execute(
        "INSERT INTO inbound_message (id, number_id, person_id, wa_id, user_id, recipient_id, at, received_at,"
        " replies_from, button) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (message_id, number_id, person_id, wa_id, user_id, recipient_id, at, now, replies_from, button),
    )


def with_wamid(tx: Tx, number: NumberIds, wamid: str) -> BroadcastMessage | None:
    """The broadcast message of this number with Meta's id `wamid`; None if none is known (yet)."""
    row = tx.execute(
        f"{_SELECT} WHERE r.id = {recipient_of('?1')} AND b.account_id = ?2 AND n.phone_number_id = ?3",
        (wamid, number.account_id, number.phone_number_id),
    ).fetchone()
    return _ROW.record(row) if row else None


def newest_to(
    tx: Tx, number: NumberIds, person_id: int, *, wa_id: str | None, written_at: Millis, window: Millis
) -> BroadcastMessage | None:
    """The newest broadcast message of this number that the person may have had when they wrote at `written_at`.

    It was sent at most `window` before: its request left, whether Meta has answered it yet or not. A message to the phone
    that they write from counts too, though it had another holder when the message was sent.
    """
    phone = identity(wa_id) if wa_id else None
    row = tx.execute(
        # In this order: a person has few messages, a number has many.
        f"SELECT {_ROW.columns} FROM (SELECT ?1 AS id UNION SELECT person_id FROM (SELECT person_id FROM person_address"
        f" WHERE account_id = ?2 AND address = ?6 AND until IS NOT NULL ORDER BY id DESC LIMIT {MAX_HOLDERS})) p"
        " CROSS JOIN recipient r ON r.person_id = p.id CROSS JOIN broadcast b ON b.id = r.broadcast_id"
        " CROSS JOIN number n ON n.id = b.number_id"
        ' WHERE (r.person_id = ?1 OR r.wa_id = ?7 OR r."to" = ?6)'
        " AND b.account_id = ?2 AND n.phone_number_id = ?3"
        " AND (r.status IN ('sent', 'delivered', 'read', 'replied', 'sending', 'uncertain'))"
        f" AND {_SENT_AT} BETWEEN ?4 AND ?5 ORDER BY {_SENT_AT} DESC, r.id DESC LIMIT 1",
        (
            person_id,
            number.account_id,
            number.phone_number_id,
            written_at - window,
            written_at + GRACE,
            phone,
            wa_id,
        ),
    ).fetchone()
    return _ROW.record(row) if row else None


def settle(tx: Tx, recipient_ids: Iterable[int], person_ids: Iterable[int] = ()) -> list[Receipt]:
    """Attribute open messages again, now that more is known; returns the replies among them, each once.

    More is known of these recipients: whether Meta has their message or not. Or of these people: that one of their
    addresses is theirs. A message stays open as long as it may be a reply to a message whose outcome is not known, and
    counts already where Meta has that message: it is attributed again if Meta says later that it failed.
    """
    rows = tx.execute(
        f"SELECT {_OPEN} FROM json_each(?1) j CROSS JOIN recipient r ON r.id = j.value"
        " CROSS JOIN inbound_message i ON i.person_id = r.person_id AND i.replies_from IS NOT NULL"
        f" AND i.at >= {_SENT_AT} - ?3 AND i.replies_from <= {_SENT_AT} JOIN number n ON n.id = i.number_id"
        f" UNION SELECT {_OPEN} FROM json_each(?2) p"
        " CROSS JOIN inbound_message i ON i.person_id = p.value AND i.replies_from IS NOT NULL"
        " JOIN number n ON n.id = i.number_id"
        " WHERE EXISTS (SELECT 1 FROM recipient r WHERE r.person_id = i.person_id"
        f" AND {_SENT_AT} BETWEEN i.replies_from AND i.at + ?3) ORDER BY at",
        (json.dumps(list(recipient_ids)), json.dumps(list(person_ids)), GRACE),
    ).fetchall()
    replies = []
    for at, message_id, person_id, wa_id, since, button, answered, *ids in rows:
        if answered is not None and _is_counted(tx, answered):
            continue
        number = NumberIds(*ids)
        found = newest_to(tx, number, person_id, wa_id=wa_id, written_at=at, window=at - since)
        is_settled = found is not None and found.is_settled
        tx.execute(
            "UPDATE inbound_message SET recipient_id = ?, replies_from = ? WHERE id = ?",
            (found.recipient_id if found else None, None if found and found.is_had else since, message_id),
        )
        if found is not None and is_settled:
            replies.append(
                Receipt(number, "", RecipientStatus.REPLIED, at, callback=found.callback, button=button)
            )
    return replies


def _is_counted(tx: Tx, recipient_id: int) -> bool:
    """Whether a reply to this message counts."""
    (status,) = tx.execute("SELECT status FROM recipient WHERE id = ?", (recipient_id,)).fetchone() or (None,)
    return status == RecipientStatus.REPLIED


def guessed(tx: Tx, recipient_ids: Iterable[int]) -> set[int]:
    """Those of these messages of which nothing but a reply that quotes nothing says that the person has them."""
    rows = tx.execute(
        f"SELECT r.value FROM (SELECT value, value AS id FROM json_each(?)) r WHERE {_IS_GUESS}",
        (json.dumps(list(recipient_ids)),),
    )
    return {recipient_id for (recipient_id,) in rows}


def close(tx: Tx, recipient_ids: Iterable[int]) -> None:
    """The people have these messages, as Meta says: replies that were attributed to them stay theirs."""
    tx.execute(
        "UPDATE inbound_message SET replies_from = NULL WHERE replies_from IS NOT NULL"
        " AND recipient_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(recipient_ids)),),
    )


def broadcast_phone_of(tx: Tx, person_id: int) -> str | None:
    """The number to which the person's newest broadcast was sent; Meta's `wa_id` of it may differ (Brazil, Mexico)."""
    row = tx.execute(
        'SELECT r."to" FROM recipient r WHERE r.person_id = ? AND r."to" GLOB \'+*\''
        " ORDER BY r.sent_at DESC, r.id DESC LIMIT 1",
        (person_id,),
    ).fetchone()
    return row[0] if row else None
