"""Recipients while receipts are applied to them: found by token or message id, changed, and written back."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from wacrmd.clock import Millis
from wacrmd.domain.attempt import MetaError
from wacrmd.domain.callback_token import parse_callback_token
from wacrmd.domain.person import names
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import STAGE, RecipientState, RecipientStatus
from wacrmd.store import other_messages
from wacrmd.store.database import Tx
from wacrmd.store.other_messages import OtherMessage
from wacrmd.store.people import Sighting
from wacrmd.store.recipients import ERASED_PREFIX
from wacrmd.store.rows import RowMapper


@dataclass(slots=True)
class ReceiptRow:
    """A recipient while receipts are applied to it."""

    id: int
    broadcast_id: int
    uuid: str
    account_id: str
    phone_number_id: str
    person_id: int | None
    to: str
    status: RecipientStatus
    attempt: int
    failed_attempt: int
    claimed_at: Millis | None
    wamid: str | None
    wa_id: str | None
    user_id: str | None
    parent_user_id: str | None
    sent_at: Millis | None
    delivered_at: Millis | None
    read_at: Millis | None
    replied_at: Millis | None
    failed_at: Millis | None
    error_code: int | None
    error_title: str | None
    error_details: str | None
    held: str | None
    pricing_id: int | None
    pricing_order: int | None
    ids_changed: bool = field(default=False, init=False)
    changed: bool = field(default=False, init=False)
    released: bool = field(default=False, init=False)
    """Meta does not hold it back any more."""
    repriced: bool = field(default=False, init=False)

    def take(self, other: OtherMessage) -> None:
        """Name this message, which the row forgot when it was sent again: it arrived after all."""
        if self.sent_at is None:
            self.sent_at = other.sent_at
        if self.pricing_order is None and other.pricing_order is not None:
            self.pricing_id, self.pricing_order, self.repriced = other.pricing_id, other.pricing_order, True


_ROW = RowMapper(
    ReceiptRow,
    {
        "uuid": "b.uuid",
        "account_id": "b.account_id",
        "phone_number_id": "n.phone_number_id",
        "to": 'r."to"',
    },
    table="r",
)
_SELECT = (
    f"SELECT {_ROW.columns} FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id"
    " JOIN number n ON n.id = b.number_id"
)


@dataclass(slots=True)
class Found:
    """The recipients that receipts may be about; one object for each."""

    by_id: dict[int, ReceiptRow]
    by_wamid: dict[str, ReceiptRow]
    others: dict[str, OtherMessage]
    """The messages among those of `by_wamid` that are others than their recipients' rows name."""
    new_others: dict[str, OtherMessage] = field(default_factory=dict)

    @property
    def rows(self) -> dict[int, ReceiptRow]:
        """Each of them, by id."""
        return {row.id: row for row in (*self.by_id.values(), *self.by_wamid.values())}

    def match(self, receipt: Receipt) -> tuple[ReceiptRow | None, int]:
        """The recipient of a receipt, and its attempt."""
        token = parse_callback_token(receipt.callback) if receipt.callback else None
        if token is not None:
            uuid, recipient_id, attempt = token
            row = self.by_id.get(recipient_id)
            if row is not None and row.uuid == uuid and _is_from(row, receipt) and attempt <= row.attempt:
                return row, attempt
        row = self.by_wamid.get(receipt.wamid)
        if row is not None and _is_from(row, receipt):
            other = self.others.get(receipt.wamid)
            return row, row.attempt if other is None else other.attempt
        return None, 0

    def name(self, row: ReceiptRow, receipt: Receipt, attempt: int, *, counts: bool) -> bool:
        """Set Meta's ids of the person and of the message if the receipt `counts`; True if that of the message is new.

        A row that names another message keeps that, and this one is one of the others. Nothing is set for an erased
        person, because a status may come days after the erasure.
        """
        if row.to.startswith(ERASED_PREFIX):
            return False
        wamid = receipt.wamid
        is_new = bool(wamid) and wamid not in self.by_wamid
        if counts:
            for name in ("wa_id", "user_id", "parent_user_id"):
                if getattr(row, name) is None and (value := getattr(receipt, name)):
                    setattr(row, name, value)
                    row.ids_changed = True
            if wamid and row.wamid is None:
                row.wamid, row.ids_changed = wamid, True
                if wamid in self.others:
                    row.take(self.others[wamid])
        if is_new:
            self.by_wamid[wamid] = row
            if row.wamid != wamid or attempt != row.attempt:
                self.others[wamid] = self.new_others[wamid] = OtherMessage(row.id, attempt, receipt.at)
        return is_new


def find_rows(tx: Tx, receipts: list[Receipt]) -> Found:
    """The recipients that the receipts may be about, by id and by message id."""
    tokens = [parse_callback_token(receipt.callback) for receipt in receipts if receipt.callback]
    rows = {row.id: row for row in _rows(tx, "id", {token[1] for token in tokens if token})}
    by_id = dict(rows)
    by_wamid = {row.wamid: row for row in rows.values() if row.wamid}
    asked = {each.wamid for each in receipts if not each.callback or each.wamid not in by_wamid} - {""}
    others = other_messages.find(tx, asked) if asked else {}
    for row in _rows(tx, "wamid", asked - by_wamid.keys()):
        by_wamid[row.wamid or ""] = rows.setdefault(row.id, row)
    for row in _rows(tx, "id", {each.recipient_id for each in others.values()} - rows.keys()):
        rows[row.id] = row
    by_wamid |= {wamid: rows[each.recipient_id] for wamid, each in others.items()}
    return Found(by_id, by_wamid, others)


def _rows(tx: Tx, column: str, values: Collection[object]) -> list[ReceiptRow]:
    """The recipients with one of these values in a column that has an index."""
    if not values:
        return []
    found = tx.execute(
        f"{_SELECT} WHERE r.{column} IN (SELECT value FROM json_each(?))", (json.dumps(list(values)),)
    )
    return [_ROW.record(each) for each in found]


def _is_from(row: ReceiptRow, receipt: Receipt) -> bool:
    """Whether the receipt came for the number that sent the message, which may have been added again since."""
    return (row.phone_number_id, row.account_id) == (
        receipt.number.phone_number_id,
        receipt.number.account_id,
    )


def names_more(row: ReceiptRow, receipt: Receipt) -> bool:
    """Whether the receipt names its person by a kind of address that the recipient does not have yet.

    What contradicts the answer to the send is left alone: one message goes to one person.
    """
    return row.person_id is not None and any(
        getattr(row, name) is None and getattr(receipt, name) is not None
        for name in ("wa_id", "user_id", "parent_user_id")
    )


def sighting(row: ReceiptRow, receipt: Receipt) -> Sighting:
    """Whom the receipt names, together with the recipient."""
    user_ids = (row.user_id or receipt.user_id, row.parent_user_id or receipt.parent_user_id)
    named = names(row.to, row.wa_id or receipt.wa_id, user_ids=user_ids)
    return Sighting(row.account_id, named, receipt.at, receipt.number.waba_id)


def keepable_error(row: ReceiptRow, receipt: Receipt) -> MetaError | None:
    """Meta's reason; of an erased person without the details, which may name them."""
    erased = row.to.startswith(ERASED_PREFIX)
    return replace(receipt.error, details=None) if receipt.error and erased else receipt.error


def move(row: ReceiptRow, receipt: Receipt, state: RecipientState, error: MetaError | None) -> None:
    """Set the row's new state, with its times and the error.

    Meta's times are whole seconds, rounded down, and of another clock: no time is before the one that it follows. The
    history keeps what Meta said.
    """
    row.status, row.changed = state.status, True
    if state is RecipientState.FAILED:
        row.failed_at = max(receipt.at, row.sent_at or 0)
        row.error_code = error.code if error else None
        row.error_title = error.title if error else "Meta gave no reason"
        row.error_details = error.details if error else None
        return
    row.failed_at = row.error_code = row.error_title = row.error_details = None
    if row.sent_at is None:
        row.sent_at, row.ids_changed = receipt.at, True
    stage = STAGE[receipt.status]
    if stage >= STAGE[RecipientStatus.DELIVERED] and row.delivered_at is None:
        row.delivered_at = max(receipt.at, row.sent_at)
    if stage >= STAGE[RecipientStatus.READ] and row.read_at is None:
        row.read_at = max(receipt.at, row.delivered_at or 0)
    if stage >= STAGE[RecipientStatus.REPLIED] and row.replied_at is None:
        row.replied_at = max(receipt.at, row.read_at or 0)


def write(tx: Tx, rows: Collection[ReceiptRow]) -> None:
    """Write what has changed in these rows."""
    if any(row.released for row in rows):
        tx.executemany(
            "UPDATE recipient SET held = NULL WHERE id = ?", [(row.id,) for row in rows if row.released]
        )
    if any(row.repriced for row in rows):
        tx.executemany(
            "UPDATE recipient SET pricing_id = ?, pricing_order = ? WHERE id = ?",
            [(row.pricing_id, row.pricing_order, row.id) for row in rows if row.repriced],
        )
    # Two statements: the columns of the second one are indexed, and change once for a message, not for each status.
    tx.executemany(
        "UPDATE recipient SET status = ?, delivered_at = ?, read_at = ?, replied_at = ?, failed_at = ?,"
        " error_code = ?, error_title = ?, error_details = ? WHERE id = ?",
        [
            (
                row.status,
                row.delivered_at,
                row.read_at,
                row.replied_at,
                row.failed_at,
                row.error_code,
                row.error_title,
                row.error_details,
                row.id,
            )
            for row in rows
            if row.changed
        ],
    )
    tx.executemany(
        "UPDATE OR IGNORE recipient SET wamid = ?, wa_id = ?, user_id = ?, parent_user_id = ?, sent_at = ?"
        " WHERE id = ?",
        [
            (row.wamid, row.wa_id, row.user_id, row.parent_user_id, row.sent_at, row.id)
            for row in rows
            if row.ids_changed
        ],
    )
