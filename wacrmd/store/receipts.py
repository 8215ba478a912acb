"""Applies Meta's statuses to recipients; they may be repeated and come in any order."""

import json
from dataclasses import dataclass, field, replace

from wacrmd.clock import Millis
from wacrmd.domain.attempt import MetaError
from wacrmd.domain.callback_token import parse_callback_token
from wacrmd.domain.receipt import Receipt
from wacrmd.domain.recipient import STAGE, RecipientState, RecipientStatus, recipient_state
from wacrmd.domain.recipient_transitions import RECIPIENT, status_event
from wacrmd.store import optouts, recipient_history, status_events
from wacrmd.store.database import Tx
from wacrmd.store.recipient_history import ReportedStatus
from wacrmd.store.recipients import ERASED_PREFIX
from wacrmd.store.rows import RowMapper


@dataclass(slots=True)
class _Row:
    """A recipient while receipts are applied to it."""

    id: int
    broadcast_id: int
    uuid: str
    account_id: str
    number_id: str
    to: str
    status: RecipientStatus
    attempt: int
    failed_attempt: int
    wamid: str | None
    wa_id: str | None
    user_id: str | None
    sent_at: Millis | None
    delivered_at: Millis | None
    read_at: Millis | None
    replied_at: Millis | None
    failed_at: Millis | None
    error_code: int | None
    error_title: str | None
    error_details: str | None
    ids_changed: bool = field(default=False, init=False)
    changed: bool = field(default=False, init=False)


_ROW = RowMapper(
    _Row,
    {"uuid": "b.uuid", "account_id": "b.account_id", "number_id": "b.number_id", "to": 'r."to"'},
    table="r",
)
_SELECT = f"SELECT {_ROW.columns} FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id"


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure that changed its recipient."""

    receipt: Receipt
    broadcast_id: int
    recipient_id: int


@dataclass(slots=True)
class Applied:
    """What a batch of receipts did."""

    broadcasts: set[int] = field(default_factory=set)
    applied: int = 0
    repeated: int = 0
    unmatched: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    """How many messages newly reached each status."""
    failed: list[Failure] = field(default_factory=list)

    def add_applied(self, row: _Row, receipt: Receipt, before: RecipientState) -> None:
        """Count a receipt that changed its recipient."""
        self.broadcasts.add(row.broadcast_id)
        self.applied += 1
        # `sent` of an attempt in flight is not counted here: it is counted with the result of the attempt.
        if receipt.status is not RecipientStatus.SENT or before is not RecipientState.SENDING:
            self.statuses[receipt.status] = self.statuses.get(receipt.status, 0) + 1
        if receipt.status is RecipientStatus.FAILED:
            self.failed.append(Failure(receipt, row.broadcast_id, row.id))

    def add(self, other: "Applied") -> None:
        """Count what another batch did as well."""
        self.broadcasts |= other.broadcasts
        self.applied += other.applied
        self.repeated += other.repeated
        self.unmatched += other.unmatched
        self.failed += other.failed
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
    by_id, by_wamid = _rows(tx, receipts)
    named: list[str] = []
    reported: list[ReportedStatus] = []
    unmatched: list[Receipt] = []
    for receipt in receipts:
        row, attempt = _match(receipt, by_id, by_wamid)
        if row is None:
            unmatched.append(receipt)
            done.unmatched += 1
            continue
        event = status_event(
            receipt.status, attempt=attempt, newest_attempt=row.attempt, failed_attempt=row.failed_attempt
        )
        before = recipient_state(row.status, error_code=row.error_code, wamid=row.wamid)
        if RECIPIENT.of(event).after is not None and _set_ids(row, receipt):
            by_wamid[receipt.wamid] = row
            named.append(receipt.wamid)
        state = RECIPIENT.after(before, event)
        if state is None:
            done.repeated += 1
            continue
        error = _keepable_error(row, receipt)
        _move(row, receipt, state, error)
        reported.append(ReportedStatus(row.id, receipt.at, receipt.status, attempt, error))
        done.add_applied(row, receipt, before)
    rows = {row.id: row for row in (*by_id.values(), *by_wamid.values())}
    _write(
        tx, [row for row in rows.values() if row.changed], [row for row in rows.values() if row.ids_changed]
    )
    done.broadcasts |= {row.broadcast_id for row in rows.values() if row.ids_changed}
    recipient_history.add_statuses(tx, reported)
    if unmatched:
        _keep_unmatched(tx, unmatched, now)
    status_events.emit(tx, [row.id for row in rows.values() if row.changed], now)
    if named:
        done.add(apply_unmatched(tx, named, now))
    return done


def _keep_unmatched(tx: Tx, receipts: list[Receipt], now: Millis) -> None:
    """Store receipts of messages whose id is not known (yet)."""
    tx.executemany(
        "INSERT OR IGNORE INTO unmatched_status (number_id, wamid, status, at, error, received_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                each.number_id,
                each.wamid,
                each.status,
                each.at,
                recipient_history.error_detail(each.error),
                now,
            )
            for each in receipts
        ],
    )


def apply_unmatched(tx: Tx, wamids: list[str], now: Millis) -> Applied:
    """Apply the receipts that were stored for these message ids, which are recorded now."""
    rows = tx.execute(
        "SELECT number_id, wamid, status, at, error FROM unmatched_status"
        " WHERE wamid IN (SELECT value FROM json_each(?))"
        " ORDER BY at, id",
        (json.dumps(wamids),),
    ).fetchall()
    if not rows:
        return Applied()
    receipts = [
        Receipt(number_id, wamid, RecipientStatus(status), at, error=recipient_history.stored_error(error))
        for number_id, wamid, status, at, error in rows
    ]
    tx.executemany("DELETE FROM unmatched_status WHERE wamid = ?", {(receipt.wamid,) for receipt in receipts})
    return apply(tx, receipts, now)


def _rows(tx: Tx, receipts: list[Receipt]) -> tuple[dict[int, _Row], dict[str, _Row]]:
    """The recipients that the receipts may be about, by id and by message id; one object for each recipient."""
    tokens = [parse_callback_token(receipt.callback) for receipt in receipts if receipt.callback]
    ids = {token[1] for token in tokens if token}
    by_id: dict[int, _Row] = {}
    if ids:
        for values in tx.execute(
            f"{_SELECT} WHERE r.id IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),)
        ):
            row = _ROW.record(values)
            by_id[row.id] = row
    known = {row.wamid for row in by_id.values()}
    wamids = {receipt.wamid for receipt in receipts} - known
    by_wamid: dict[str, _Row] = {row.wamid: row for row in by_id.values() if row.wamid}
    if wamids:
        for values in tx.execute(
            f"{_SELECT} WHERE r.wamid IN (SELECT value FROM json_each(?))", (json.dumps(list(wamids)),)
        ):
            found = _ROW.record(values)
            if found.wamid:
                by_wamid[found.wamid] = by_id.get(found.id, found)
    return by_id, by_wamid


def _match(receipt: Receipt, by_id: dict[int, _Row], by_wamid: dict[str, _Row]) -> tuple[_Row | None, int]:
    """The recipient of a receipt, and its attempt."""
    token = parse_callback_token(receipt.callback) if receipt.callback else None
    if token is not None:
        uuid, recipient_id, attempt = token
        row = by_id.get(recipient_id)
        if (
            row is not None
            and row.uuid == uuid
            and row.number_id == receipt.number_id
            and attempt <= row.attempt
        ):
            return row, attempt
    row = by_wamid.get(receipt.wamid)
    if row is not None and row.number_id == receipt.number_id:
        return row, row.attempt
    return None, 0


def _set_ids(row: _Row, receipt: Receipt) -> bool:
    """Set Meta's ids of the message and the person; True if the message's id is new.

    Nothing is set for an erased person, because a status may come days after the erasure.
    """
    if row.to.startswith(ERASED_PREFIX):
        return False
    if row.wa_id is None and receipt.wa_id:
        row.wa_id, row.ids_changed = receipt.wa_id, True
    if row.user_id is None and receipt.user_id:
        row.user_id, row.ids_changed = receipt.user_id, True
    if row.wamid is not None or not receipt.wamid:
        return False
    row.wamid, row.ids_changed = receipt.wamid, True
    return True


def _keepable_error(row: _Row, receipt: Receipt) -> MetaError | None:
    """Meta's reason; of an erased person without the details, which may name them."""
    erased = row.to.startswith(ERASED_PREFIX)
    return replace(receipt.error, details=None) if receipt.error and erased else receipt.error


def _move(row: _Row, receipt: Receipt, state: RecipientState, error: MetaError | None) -> None:
    """Set the row's new state, with its times and the error."""
    row.status, row.changed = state.status, True
    if state is RecipientState.FAILED:
        row.failed_at = receipt.at
        row.error_code = error.code if error else None
        row.error_title = error.title if error else "Meta gave no reason"
        row.error_details = error.details if error else None
        return
    row.failed_at = row.error_code = row.error_title = row.error_details = None
    if row.sent_at is None:
        row.sent_at, row.ids_changed = receipt.at, True
    stage = STAGE[receipt.status]
    if stage >= STAGE[RecipientStatus.DELIVERED] and row.delivered_at is None:
        row.delivered_at = receipt.at
    if stage >= STAGE[RecipientStatus.READ] and row.read_at is None:
        row.read_at = receipt.at
    if stage >= STAGE[RecipientStatus.REPLIED] and row.replied_at is None:
        row.replied_at = receipt.at


def _write(tx: Tx, changed: list[_Row], ids_changed: list[_Row]) -> None:
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
            for row in changed
        ],
    )
    tx.executemany(
        "UPDATE OR IGNORE recipient SET wamid = ?, wa_id = ?, user_id = ?, sent_at = ? WHERE id = ?",
        [(row.wamid, row.wa_id, row.user_id, row.sent_at, row.id) for row in ids_changed],
    )
    optouts.link(
        tx,
        [
            (row.account_id, row.to, row.user_id)
            for row in ids_changed
            if row.user_id and row.to.startswith("+")
        ],
    )
