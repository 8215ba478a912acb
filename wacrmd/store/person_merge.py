"""What follows when two people turn out to be one, or when a phone number gets another holder."""

import json
from collections.abc import Mapping

from wacrmd.clock import Millis
from wacrmd.domain.person import identity
from wacrmd.domain.person_joining import Holding
from wacrmd.domain.recipient_transitions import RecipientEvent
from wacrmd.store import optouts, status_events
from wacrmd.store.database import Tx
from wacrmd.store.state_sql import after, allows

SAME_PERSON = "The same person gets this message at another address"
"""The error title of a pending recipient who turned out to be another recipient of the broadcast."""


def add_event(tx: Tx, person_id: int, at: Millis, event: str, detail: Mapping[str, object]) -> None:
    """Add to the history of a person."""
    tx.execute(
        "INSERT INTO person_event (person_id, at, event, detail) VALUES (?, ?, ?, ?)",
        (person_id, at, event, json.dumps(detail)),
    )


def merge(tx: Tx, person_id: int, *, into: int, at: Millis, now: Millis) -> set[int]:
    """Make one person of two: all that is stored about the first becomes the second one's.

    The newer wish of the two counts: an opt-out, or an opt-in after it. A recipient that is pending in a broadcast in which
    the other one has a message already is cancelled; returns these broadcasts.
    """
    addresses = tx.execute(
        "SELECT address FROM person_address WHERE person_id = ? AND until IS NULL ORDER BY address",
        (person_id,),
    ).fetchall()
    add_event(tx, into, at, "merged", {"addresses": [address for (address,) in addresses]})
    _merge_optouts(tx, person_id, into)
    for table in ("person_address", "person_event", "recipient", "inbound_message"):
        tx.execute(f"UPDATE {table} SET person_id = ? WHERE person_id = ?", (into, person_id))
    tx.execute("DELETE FROM person WHERE id = ?", (person_id,))
    return _cancel_duplicates(tx, into, now)


def hand_over(tx: Tx, account_id: str, holding: Holding, *, to: int, at: Millis, now: Millis) -> set[int]:
    """Give a phone number to another person; returns the broadcasts in which a recipient was cancelled.

    An opt-out of its holder stays with the number, for both. Messages that wait for the number are for the new holder.
    """
    tx.execute(
        "UPDATE person_address SET until = ? WHERE account_id = ? AND address = ? AND until IS NULL",
        (at, account_id, holding.address),
    )
    tx.execute(
        "INSERT INTO person_address (account_id, address, kind, person_id, since) VALUES (?, ?, 'phone', ?, ?)",
        (account_id, holding.address, to, at),
    )
    add_event(tx, holding.person_id, at, "number_lost", {"address": holding.address})
    add_event(tx, to, at, "number_taken_over", {"address": holding.address})
    optouts.hand_on(tx, holding.person_id, to=to, phone=holding.address, lost_at=at, now=now)
    waiting = tx.execute(
        "SELECT id, \"to\" FROM recipient WHERE person_id = ? AND status = 'pending'", (holding.person_id,)
    ).fetchall()
    moved = [(to, recipient_id) for recipient_id, sent_to in waiting if identity(sent_to) == holding.address]
    tx.executemany("UPDATE recipient SET person_id = ? WHERE id = ?", moved)
    return _cancel_duplicates(tx, to, now) if moved else set()


def _merge_optouts(tx: Tx, person_id: int, into: int) -> None:
    """Keep the newer one of two people's wishes; at the same time, the opt-out."""
    rows = tx.execute(
        "SELECT id FROM optout WHERE person_id IN (?, ?)"
        " ORDER BY max(said_at, coalesce(lifted_at, 0)) DESC, lifted_at IS NOT NULL, at DESC",
        (person_id, into),
    ).fetchall()
    if not rows:
        return
    (kept,), *others = rows
    for (other,) in others:
        tx.execute(
            "UPDATE optout SET phone = coalesce(optout.phone, o.phone), user_id = coalesce(optout.user_id, o.user_id)"
            " FROM (SELECT phone, user_id FROM optout WHERE id = ?) o WHERE optout.id = ?",
            (other, kept),
        )
        tx.execute("DELETE FROM optout WHERE id = ?", (other,))
    tx.execute("UPDATE optout SET person_id = ? WHERE id = ?", (into, kept))


def _cancel_duplicates(tx: Tx, person_id: int, now: Millis) -> set[int]:
    """Cancel recipients of this person that are pending, in broadcasts in which another one is older or was sent to."""
    event = RecipientEvent.SAME_PERSON
    rows = tx.execute(
        f"UPDATE recipient SET status = {after(event)}, error_title = ?1, error_code = NULL,"
        f" error_details = NULL WHERE person_id = ?2 AND {allows(event)}"
        " AND EXISTS (SELECT 1 FROM recipient o WHERE o.person_id = ?2 AND o.broadcast_id = recipient.broadcast_id"
        " AND o.id != recipient.id AND (o.status NOT IN ('pending', 'cancelled', 'failed') OR"
        " (o.status = 'pending' AND o.id < recipient.id))) RETURNING id, broadcast_id",
        (SAME_PERSON, person_id),
    ).fetchall()
    status_events.emit(tx, [recipient_id for recipient_id, _ in rows], now)
    return {broadcast_id for _, broadcast_id in rows}
