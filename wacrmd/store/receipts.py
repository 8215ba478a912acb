"""Applies Meta's statuses to recipients; they may be repeated and come in any order."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from wacrmd.clock import Millis
from wacrmd.domain.number import NumberIds
from wacrmd.domain.person import names
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import RecipientState, RecipientStatus, recipient_state
from wacrmd.domain.recipient_transitions import RECIPIENT, RecipientEvent, status_event
from wacrmd.store import (
    billing,
    inbound_messages,
    other_messages,
    people,
    quotes,
    recipient_history,
    status_events,
)
from wacrmd.store.billing import Bills
from wacrmd.store.database import Tx
from wacrmd.store.people import Sighting
from wacrmd.store.receipt_rows import (
    ReceiptRow,
    find_rows,
    keepable_error,
    move,
    names_more,
    sighting,
    write,
)
from wacrmd.store.recipient_history import ReportedStatus

_HAS_MESSAGE = frozenset(
    {RecipientState.SENT, RecipientState.DELIVERED, RecipientState.READ, RecipientState.REPLIED}
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure that changed its recipient."""

    receipt: Receipt
    broadcast_id: int
    recipient_id: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What newly became known of a message: it failed, or (`failure` is None) it was delivered."""

    broadcast_id: int
    claimed_at: Millis
    failure: Failure | None


@dataclass(slots=True)
class Applied:
    """What a batch of receipts did."""

    broadcasts: set[int] = field(default_factory=set)
    applied: int = 0
    repeated: int = 0
    unmatched: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    """How many messages newly reached each status."""
    outcomes: list[Outcome] = field(default_factory=list)
    """In the order of the receipts."""
    failed_while_waiting: list[Failure] = field(default_factory=list)
    """Of messages whose recipients wait to be sent to again: they wait all the same, and may have to wait longer."""

    @property
    def failed(self) -> list[Failure]:
        """The failures, in the order of the receipts."""
        return [outcome.failure for outcome in self.outcomes if outcome.failure is not None]

    def add_applied(
        self, row: ReceiptRow, receipt: Receipt, before: RecipientState, *, was_delivered: bool
    ) -> None:
        """Count a receipt that changed its recipient, whose message `was_delivered` before it or not."""
        self.broadcasts.add(row.broadcast_id)
        self.applied += 1
        # `sent` of an attempt in flight is not counted here: it is counted with the result of the attempt.
        if receipt.status is not RecipientStatus.SENT or before is not RecipientState.SENDING:
            self.statuses[receipt.status] = self.statuses.get(receipt.status, 0) + 1
        if receipt.status is RecipientStatus.FAILED:
            failure = Failure(receipt, row.broadcast_id, row.id)
            self.outcomes.append(Outcome(row.broadcast_id, row.claimed_at or 0, failure))
        elif row.delivered_at is not None and not was_delivered:
            self.outcomes.append(Outcome(row.broadcast_id, row.claimed_at or 0, None))

    def add(self, other: "Applied") -> None:
        """Count what another batch did as well."""
        self.broadcasts |= other.broadcasts
        self.applied += other.applied
        self.repeated += other.repeated
        self.unmatched += other.unmatched
        self.outcomes += other.outcomes
        self.failed_while_waiting += other.failed_while_waiting
        for status, count in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + count


def apply(tx: Tx, receipts: list[Receipt], now: Millis) -> Applied:
    """Apply receipts in their order; those of messages that are not known (yet) are stored for later.

    A receipt counts only for a broadcast of the number that it was verified for. Matched by our callback
    token first (it is known before Meta's answer is), else by Meta's message id.
    """
    done = Applied()
    if not receipts:
        return done
    found = find_rows(tx, receipts)
    named: list[str] = []
    reported: list[ReportedStatus] = []
    unmatched: list[Receipt] = []
    sightings: list[Sighting] = []
    buttons: list[tuple[int, str, int]] = []
    settled: list[int] = []
    joined = set[int]()
    guesses = _guesses(tx, receipts, found.rows.values())
    bills = Bills(tx)
    for receipt in receipts:
        row, attempt = found.match(receipt)
        if row is None:
            unmatched.append(receipt)
            done.unmatched += 1
            continue
        event = status_event(
            receipt.status,
            attempt=attempt,
            newest_attempt=row.attempt,
            failed_attempt=row.failed_attempt,
            is_guess=row.id in guesses,
        )
        before = recipient_state(row.status, error_code=row.error_code, wamid=row.wamid)
        if receipt.button is not None:
            buttons.append((row.broadcast_id, receipt.button, row.id))
        if names_more(row, receipt):
            sightings.append(sighting(row, receipt))
        state, counts = RECIPIENT.after(before, event), RECIPIENT.of(event).after is not None
        if found.name(row, receipt, attempt, counts=counts):
            named.append(receipt.wamid)
        if row.held is not None and (state is not None or (counts and receipt.wamid == row.wamid)):
            row.held, row.released = None, True
        if counts and receipt.billing is not None:
            bills.add(row, receipt, receipt.billing)
        if before is RecipientState.REPLIED and row.id in guesses and _says_that_it_came(receipt):
            guesses.discard(row.id)
            inbound_messages.close(tx, [row.id])
        if state is None:
            done.repeated += 1
            if event is RecipientEvent.STATUS_FAILED_SUPERSEDED and before is RecipientState.PENDING:
                done.failed_while_waiting.append(Failure(receipt, row.broadcast_id, row.id))
            continue
        if before not in _HAS_MESSAGE or state is RecipientState.FAILED:
            settled.append(row.id)
        if before is RecipientState.REPLIED:
            _take_reply_back(tx, row)
        error, was_delivered = keepable_error(row, receipt), row.delivered_at is not None
        move(row, receipt, state, error)
        reported.append(ReportedStatus(row.id, receipt.at, receipt.status, attempt, error))
        done.add_applied(row, receipt, before, was_delivered=was_delivered)
    rows = found.rows
    bills.write()
    write(tx, rows.values())
    if found.new_others:
        other_messages.add(tx, found.new_others)
    done.broadcasts |= bills.broadcasts
    done.broadcasts |= {row.broadcast_id for row in rows.values() if row.ids_changed or row.released}
    recipient_history.add_statuses(tx, reported)
    if buttons:
        done.broadcasts |= _count_buttons(tx, buttons)
    sightings += _named_by_unmatched(tx, unmatched)
    if sightings:
        seen = people.see(tx, sightings, now)
        done.broadcasts |= seen.broadcasts
        joined = seen.joined
    if unmatched:
        _keep_unmatched(tx, unmatched, now)
    changed = [row.id for row in rows.values() if row.changed]
    status_events.emit(tx, [*changed, *(bills.late.difference(changed))], now)
    if named:
        done.add(apply_unmatched(tx, named, now))
    if settled or joined:
        done.add(settle_replies(tx, settled, joined, now))
    return done


def _guesses(tx: Tx, receipts: list[Receipt], rows: Collection[ReceiptRow]) -> set[int]:
    """Of which of these recipients nothing but a reply that quotes nothing says that they have the message."""
    may_change = any(each.status in (RecipientStatus.REPLIED, RecipientStatus.FAILED) for each in receipts)
    replied = {each.id for each in rows if may_change or each.replied_at is not None}
    return inbound_messages.guessed(tx, replied) if replied else set()


def _says_that_it_came(receipt: Receipt) -> bool:
    """Whether the person has the message for certain: delivered, or quoted (else a reply has no message id)."""
    stages = (RecipientStatus.DELIVERED, RecipientStatus.READ)
    return receipt.status in stages or (receipt.status is RecipientStatus.REPLIED and bool(receipt.wamid))


def _take_reply_back(tx: Tx, row: ReceiptRow) -> None:
    """The message failed, so the reply that was attributed to it answers another one."""
    row.delivered_at = row.read_at = row.replied_at = None
    tx.execute(
        "DELETE FROM button_reply WHERE broadcast_id = ? AND recipient_id = ?", (row.broadcast_id, row.id)
    )


def settle_replies(tx: Tx, recipient_ids: Iterable[int], person_ids: Iterable[int], now: Millis) -> Applied:
    """Apply the replies that waited for what is known now of these recipients and people."""
    return apply(tx, inbound_messages.settle(tx, recipient_ids, person_ids), now)


def _count_buttons(tx: Tx, buttons: list[tuple[int, str, int]]) -> set[int]:
    """Count tapped buttons, each once for a recipient; returns the broadcasts."""
    tx.executemany(
        "INSERT OR IGNORE INTO button_reply (broadcast_id, button, recipient_id) VALUES (?, ?, ?)", buttons
    )
    return {broadcast_id for broadcast_id, _, _ in buttons}


def _named_by_unmatched(tx: Tx, receipts: Iterable[Receipt]) -> list[Sighting]:
    """Whom statuses of unknown messages name by several addresses, if one of these is known.

    The message may be one of ours whose id is recorded later. Those whom only other apps write to are no concern of ours.
    """
    found = [
        Sighting(
            each.number.account_id,
            names(each.wa_id, user_ids=(each.user_id, each.parent_user_id)),
            each.at,
            each.number.waba_id,
        )
        for each in receipts
    ]
    found = [each for each in found if len(each.names.addresses) > 1]
    known = {
        account_id: people.of_addresses(
            tx,
            account_id,
            {one for each in found if each.account_id == account_id for one in each.names.addresses},
        )
        for account_id in {each.account_id for each in found}
    }
    return [each for each in found if not each.names.addresses.isdisjoint(known[each.account_id])]


def _keep_unmatched(tx: Tx, receipts: list[Receipt], now: Millis) -> None:
    """Store receipts of messages whose id is not known (yet)."""
    tx.executemany(
        "INSERT OR IGNORE INTO unmatched_status (number_id, wamid, status, at, error, button, billing,"
        " received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                each.number.id,
                each.wamid,
                each.status,
                each.at,
                recipient_history.error_detail(each.error),
                each.button,
                billing.detail(each.billing),
                now,
            )
            for each in receipts
        ],
    )


def apply_unmatched(tx: Tx, wamids: list[str], now: Millis) -> Applied:
    """Apply what was stored for these message ids, which are recorded now: receipts, and messages that quote them."""
    quoted = quotes.settle(tx, wamids, now)
    done = _apply_stored(tx, wamids, now)
    done.broadcasts |= quoted.broadcasts
    if quoted.joined:
        done.add(settle_replies(tx, (), quoted.joined, now))
    return done


def _apply_stored(tx: Tx, wamids: list[str], now: Millis) -> Applied:
    rows = tx.execute(
        "SELECT u.wamid, u.status, u.at, u.error, u.button, u.billing, n.id, n.account_id, n.phone_number_id, n.waba_id"
        " FROM unmatched_status u JOIN number n ON n.id = u.number_id"
        " WHERE u.wamid IN (SELECT value FROM json_each(?)) ORDER BY u.at, u.id",
        (json.dumps(wamids),),
    ).fetchall()
    if not rows:
        return Applied()
    receipts = [
        Receipt(
            NumberIds(*number),
            wamid,
            RecipientStatus(status),
            at,
            error=recipient_history.stored_error(error),
            button=button,
            billing=billing.stored(bill),
        )
        for wamid, status, at, error, button, bill, *number in rows
    ]
    tx.executemany("DELETE FROM unmatched_status WHERE wamid = ?", {(receipt.wamid,) for receipt in receipts})
    return apply(tx, receipts, now)
