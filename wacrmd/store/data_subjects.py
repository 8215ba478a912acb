"""All that the file knows of one person: found for a data-protection request, or erased for one.

Nothing is indexed by the address of a recipient (a year of data would pay for it at every send), so finding a
person reads through the tables in slices.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from wacrmd.store import recipient_history, recipients
from wacrmd.store.database import Tx

SLICE = 50_000
"""Row ids that one look goes through: some 20 ms of a reader's time."""

ERASED = "Erased at the person's request"


@dataclass(slots=True)
class DataSubject:
    """One person's addresses, and where they stand."""

    phone: str
    wa_ids: set[str] = field(default_factory=set)
    user_ids: set[str] = field(default_factory=set)
    recipients: set[int] = field(default_factory=set)

    @property
    def addresses(self) -> set[str]:
        """Every address by which the person may be named."""
        return {self.phone, *self.wa_ids, *self.user_ids}


def last_recipient(tx: Tx) -> int:
    """The newest recipient's id; 0 for none."""
    row = tx.execute("SELECT max(id) FROM recipient").fetchone()
    return row[0] or 0


def collect(tx: Tx, subject: DataSubject, account_id: str | None, first_id: int) -> None:
    """Add the recipients with ids from `first` on, `SLICE` of them, that are this subject."""
    rows = tx.execute(
        'SELECT r.id, r.wa_id, r.user_id FROM recipient r WHERE r.id >= ?1 AND r.id < ?2 AND (r."to" = ?3'
        " OR r.wa_id IN (SELECT value FROM json_each(?4)) OR r.user_id IN (SELECT value FROM json_each(?5))"
        ' OR r."to" IN (SELECT value FROM json_each(?5)))'
        " AND (?6 IS NULL OR r.broadcast_id IN (SELECT id FROM broadcast WHERE account_id = ?6))",
        (
            first_id,
            first_id + SLICE,
            subject.phone,
            json.dumps(sorted(subject.wa_ids)),
            json.dumps(sorted(subject.user_ids)),
            account_id,
        ),
    )
    for recipient_id, wa_id, user_id in rows:
        subject.recipients.add(recipient_id)
        subject.wa_ids |= {wa_id} if wa_id else set()
        subject.user_ids |= {user_id} if user_id else set()


def in_flight(tx: Tx, subject: DataSubject) -> bool:
    """Whether a message to the person is on its way now."""
    row = tx.execute(
        "SELECT 1 FROM recipient WHERE status = 'sending' AND id IN (SELECT value FROM json_each(?)) LIMIT 1",
        (json.dumps(sorted(subject.recipients)),),
    ).fetchone()
    return row is not None


def erase(
    tx: Tx, subject: DataSubject, account_id: str | None, *, forget_optout: bool
) -> tuple[dict[str, int], list[int]]:
    """Take the person out of everything; how many rows of each table, and the broadcasts concerned.

    Recipients stay as anonymous rows, so that the counts of their broadcasts stay true; who waits is cancelled.
    """
    ids = json.dumps(sorted(subject.recipients))
    touched = [
        broadcast_id
        for (broadcast_id,) in tx.execute(
            "SELECT DISTINCT broadcast_id FROM recipient WHERE id IN (SELECT value FROM json_each(?))", (ids,)
        )
    ]
    gone: dict[str, int] = {}
    tx.execute(
        "DELETE FROM unmatched_status WHERE wamid IN (SELECT wamid FROM recipient WHERE id IN"
        " (SELECT value FROM json_each(?)) AND wamid IS NOT NULL)",
        (ids,),
    )
    gone["recipient_history"] = tx.execute(
        "DELETE FROM recipient_history WHERE recipient_id IN (SELECT value FROM json_each(?))", (ids,)
    ).rowcount
    recipients.cancel_erased(tx, subject.recipients, ERASED)
    gone["recipient"] = tx.execute(
        f"UPDATE recipient SET \"to\" = '{recipients.ERASED_PREFIX}' || id, params = NULL, content = NULL,"
        " wamid = NULL, wa_id = NULL, user_id = NULL, error_details = NULL WHERE id IN (SELECT value FROM json_each(?))",
        (ids,),
    ).rowcount
    gone["inbound_message"] = tx.execute(
        f"DELETE FROM inbound_message {_INBOUND}", _addresses(subject, account_id)
    ).rowcount
    gone["webhook_delivery"] = tx.execute(
        f"DELETE FROM webhook_delivery {_DELIVERIES}", _addresses(subject, account_id)
    ).rowcount
    tx.execute(
        "DELETE FROM idempotency WHERE (?2 IS NULL OR account_id = ?2)"
        " AND EXISTS (SELECT 1 FROM json_each(?1) n WHERE instr(answer, n.value))",
        _addresses(subject, account_id),
    )
    for name in sorted(subject.addresses, key=len, reverse=True):
        tx.execute(
            "UPDATE audit SET params = replace(params, ?1, '[erased]') WHERE instr(params, ?1) AND ?2 IS NULL",
            (name, account_id),
        )
    if forget_optout:
        gone["optout"] = tx.execute(
            f"DELETE FROM optout {_OPTOUTS}", _addresses(subject, account_id)
        ).rowcount
    else:
        tx.execute(f"UPDATE optout SET detail = NULL {_OPTOUTS}", _addresses(subject, account_id))
    return gone, touched


_INBOUND = (
    "WHERE (wa_id IN (SELECT value FROM json_each(?1)) OR user_id IN (SELECT value FROM json_each(?1)))"
    " AND (?2 IS NULL OR number_id IN (SELECT id FROM number WHERE account_id = ?2))"
)
_DELIVERIES = (
    "WHERE EXISTS (SELECT 1 FROM json_each(?1) n WHERE instr(body, '\"' || n.value || '\"'))"
    " AND (?2 IS NULL OR endpoint_id IN (SELECT id FROM webhook_endpoint WHERE account_id = ?2))"
)
_OPTOUTS = (
    "WHERE (phone IN (SELECT value FROM json_each(?1)) OR user_id IN (SELECT value FROM json_each(?1)))"
    " AND (?2 IS NULL OR account_id = ?2)"
)


def _addresses(subject: DataSubject, account_id: str | None) -> tuple[str, str | None]:
    return json.dumps(sorted(subject.addresses)), account_id


def export(tx: Tx, subject: DataSubject, account_id: str | None) -> dict[str, Any]:
    """Everything that is known of the person, times in milliseconds."""
    names = _addresses(subject, account_id)
    return {
        "messages": _messages(tx, subject),
        "replies": _rows(
            tx,
            "SELECT id AS whatsapp_message_id, at, received_at, recipient_id AS in_reply_to FROM inbound_message"
            f" {_INBOUND} ORDER BY received_at",
            names,
        ),
        "optouts": _rows(
            tx,
            "SELECT (SELECT name FROM account WHERE id = optout.account_id) AS account, phone, user_id, source,"
            f" detail, at FROM optout {_OPTOUTS} ORDER BY at",
            names,
        ),
        "webhooks": _rows(
            tx,
            f"SELECT event, body, status, created_at FROM webhook_delivery {_DELIVERIES} ORDER BY id",
            names,
        ),
        "audit": _rows(
            tx,
            "SELECT at, method, params FROM audit WHERE ?2 IS NULL"
            " AND EXISTS (SELECT 1 FROM json_each(?1) n WHERE instr(params, n.value)) ORDER BY id",
            names,
        ),
    }


def _messages(tx: Tx, subject: DataSubject) -> list[dict[str, Any]]:
    rows = _rows(
        tx,
        "SELECT r.id, a.name AS account, n.phone_number_id AS number, b.uuid AS broadcast_id, b.name AS broadcast,"
        ' b.template_name, b.template_language, b.created_at, r."to", r.params, r.content, r.status,'
        " r.wamid AS whatsapp_message_id, r.wa_id, r.user_id, r.error_code, r.error_title, r.error_details,"
        " r.first_attempt_at, r.sent_at, r.delivered_at, r.read_at, r.replied_at, r.failed_at FROM recipient r"
        " JOIN broadcast b ON b.id = r.broadcast_id JOIN account a ON a.id = b.account_id"
        " JOIN number n ON n.id = b.number_id WHERE r.id IN (SELECT value FROM json_each(?)) ORDER BY r.id",
        (json.dumps(sorted(subject.recipients)),),
    )
    for row in rows:
        row["history"] = [asdict(entry) for entry in recipient_history.of_recipient(tx, row["id"])]
        for name in ("params", "content"):
            row[name] = json.loads(row[name]) if row[name] else None
    return rows


def _rows(tx: Tx, statement: str, values: tuple[object, ...]) -> list[dict[str, Any]]:
    cursor = tx.execute(statement, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
