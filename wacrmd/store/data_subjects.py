"""All data about one person in the file: found and erased for data-protection requests.

There is no index on the address of a recipient or on the text of a webhook or an audit entry: each send would
pay for it. To find a person, these tables are read in slices on a reader. The transaction that erases reads only
the rows that were added since.
"""

import json
import re
from dataclasses import asdict, dataclass, field
from typing import Protocol
from uuid import uuid4

from wacrmd.domain.page import MAX_ID
from wacrmd.domain.person import identity
from wacrmd.fields import JsonObject
from wacrmd.store import recipient_history, recipients
from wacrmd.store.database import Tx

SLICE = 50_000
"""Row ids that one call of a collector should read: about 20 ms of a reader's time."""

ERASED = "Erased at the person's request"
"""The error title of a recipient that was pending when its person was erased."""

REMOVED = "[erased]"
"""Stands for the person in text that is kept."""

_LEFT_IN_WAL = "erased_content_left_in_wal"


@dataclass(slots=True)
class DataSubject:
    """One person, in one account or in all: their addresses, and the ids of the rows that name them."""

    address: str
    account_id: str | None
    people: set[int] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)
    """Every address by which the person may be named, in each form in which it is stored."""
    recipients: set[int] = field(default_factory=set)
    deliveries: set[int] = field(default_factory=set)
    audit_entries: set[int] = field(default_factory=set)
    collected_to: dict[str, int] = field(default_factory=dict)
    """The last row id of each table that was read."""


def find(tx: Tx, subject: DataSubject) -> None:
    """Find the person's rows that have an index: who they are, by which addresses, and their recipients."""
    rows = tx.execute(
        "SELECT person_id FROM account a CROSS JOIN person_address p ON p.account_id = a.id AND p.address = ?1"
        " AND p.until IS NULL WHERE ?2 IS NULL OR a.id = ?2",
        (identity(subject.address), subject.account_id),
    )
    subject.people = {person_id for (person_id,) in rows}
    people = _ids(subject.people)
    found = {subject.address, identity(subject.address)}
    found |= {
        address
        for (address,) in tx.execute(
            "SELECT address FROM person_address WHERE person_id IN (SELECT value FROM json_each(?))",
            (people,),
        )
    }
    for recipient_id, *addresses in tx.execute(
        'SELECT id, "to", wa_id, user_id, parent_user_id FROM recipient'
        " WHERE person_id IN (SELECT value FROM json_each(?))",
        (people,),
    ):
        subject.recipients.add(recipient_id)
        found |= set(filter(None, addresses))
    for addresses in tx.execute(
        "SELECT wa_id, user_id FROM inbound_message WHERE person_id IN (SELECT value FROM json_each(?1))"
        " UNION SELECT phone, user_id FROM optout WHERE person_id IN (SELECT value FROM json_each(?1))",
        (people,),
    ):
        found |= set(filter(None, addresses))
    subject.addresses = found | {address[1:] for address in found if address.startswith("+")}


def collect_deliveries(tx: Tx, subject: DataSubject, after: int, to: int) -> None:
    """Add the deliveries of outbound webhooks that name the person."""
    rows = tx.execute(
        "SELECT id FROM webhook_delivery WHERE id > ?1 AND id <= ?2"
        " AND EXISTS (SELECT 1 FROM json_each(?3) n WHERE instr(body, '\"' || n.value || '\"'))"
        " AND (?4 IS NULL OR endpoint_id IN (SELECT id FROM webhook_endpoint WHERE account_id = ?4))",
        (after, to, *_addresses(subject)),
    )
    subject.deliveries |= {delivery_id for (delivery_id,) in rows}


def collect_audit_entries(tx: Tx, subject: DataSubject, after: int, to: int) -> None:
    """Add the audit entries that name the person; none for one account, because entries belong to none."""
    rows = tx.execute(
        "SELECT id, params FROM audit WHERE id > ?1 AND id <= ?2 AND ?4 IS NULL"
        " AND EXISTS (SELECT 1 FROM json_each(?3) n WHERE instr(params, n.value))",
        (after, to, *_addresses(subject)),
    )
    names_person = _naming(subject).search  # not as digits within a longer number
    subject.audit_entries |= {entry_id for entry_id, params in rows if names_person(params)}


class Collector(Protocol):
    """Reads a part of a table."""

    def __call__(self, tx: Tx, subject: DataSubject, after: int, to: int) -> None:
        """Add what names the person in the rows with ids over `after` and up to `to`."""


COLLECTORS: dict[str, Collector] = {
    "webhook_delivery": collect_deliveries,
    "audit": collect_audit_entries,
}
"""The collector of each table that has no index on people."""


def newest_ids(tx: Tx) -> dict[str, int]:
    """The newest row id of each table that has a collector; 0 for an empty one."""
    return {
        table: tx.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0] for table in COLLECTORS
    }


def collect_newer(tx: Tx, subject: DataSubject) -> None:
    """Add the rows that were written since the tables were read."""
    find(tx, subject)
    for table, collect in COLLECTORS.items():
        collect(tx, subject, subject.collected_to.get(table, 0), MAX_ID)


def in_flight(tx: Tx, subject: DataSubject) -> bool:
    """Whether a message to the person is in flight."""
    row = tx.execute(
        "SELECT 1 FROM recipient WHERE status = 'sending' AND id IN (SELECT value FROM json_each(?)) LIMIT 1",
        (_ids(subject.recipients),),
    ).fetchone()
    return row is not None


def erase(tx: Tx, subject: DataSubject, *, forget_optout: bool) -> tuple[dict[str, int], list[int]]:
    """Erase the person from all tables; returns the rows by table, and the broadcasts concerned.

    Recipients stay as anonymous rows, so that the counts of their broadcasts stay true; a pending one is
    cancelled. The writer overwrites in the file what is erased; the write-ahead log keeps older content until it
    is emptied: see `left_in_wal`.
    """
    ids = _ids(subject.recipients)
    touched = [
        broadcast_id
        for (broadcast_id,) in tx.execute(
            "SELECT DISTINCT broadcast_id FROM recipient WHERE id IN (SELECT value FROM json_each(?))",
            (ids,),
        )
    ]
    erased: dict[str, int] = {}
    tx.execute(
        "DELETE FROM unmatched_status WHERE wamid IN (SELECT wamid FROM recipient WHERE id IN"
        " (SELECT value FROM json_each(?1)) AND wamid IS NOT NULL"
        " UNION ALL SELECT wamid FROM other_message WHERE recipient_id IN (SELECT value FROM json_each(?1)))",
        (ids,),
    )
    tx.execute(
        "DELETE FROM other_message WHERE recipient_id IN (SELECT value FROM json_each(?))", (ids,)
    )  # Meta's ids have the phone number in them
    erased["recipient_history"] = tx.execute(
        "DELETE FROM recipient_history WHERE recipient_id IN (SELECT value FROM json_each(?))", (ids,)
    ).rowcount
    recipients.cancel_erased(tx, subject.recipients, ERASED)
    erased["recipient"] = tx.execute(
        f"UPDATE recipient SET \"to\" = '{recipients.ERASED_PREFIX}' || id, params = NULL, content = NULL,"
        f" wamid = iif(wamid IS NULL, NULL, '{recipients.ERASED_PREFIX}' || id), wa_id = NULL, user_id = NULL,"
        " parent_user_id = NULL, person_id = NULL, error_details = NULL,"
        " conversation_id = NULL, conversation_origin = NULL, conversation_expires_at = NULL"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (ids,),
    ).rowcount
    people = (_ids(subject.people),)
    erased["inbound_message"] = tx.execute(f"DELETE FROM inbound_message {_OF_PEOPLE}", people).rowcount
    erased["webhook_delivery"] = tx.execute(
        "DELETE FROM webhook_delivery WHERE id IN (SELECT value FROM json_each(?))",
        (_ids(subject.deliveries),),
    ).rowcount
    _erase_in_answers(tx, subject)
    _erase_in_audit(tx, subject)
    no_longer_needed = "" if forget_optout else " AND lifted_at IS NOT NULL"
    erased["optout"] = tx.execute(f"DELETE FROM optout {_OF_PEOPLE}{no_longer_needed}", people).rowcount
    tx.execute(f"UPDATE optout SET detail = NULL {_OF_PEOPLE}", people)
    tx.execute(f"DELETE FROM person_event {_OF_PEOPLE}", people)
    # Whoever has opted out stays known by their addresses: nothing else keeps them from the next broadcast.
    erased["person_address"] = tx.execute(
        f"DELETE FROM person_address {_OF_PEOPLE} AND person_id NOT IN (SELECT person_id FROM optout)", people
    ).rowcount
    tx.execute(
        "DELETE FROM person WHERE id IN (SELECT value FROM json_each(?))"
        " AND id NOT IN (SELECT person_id FROM optout)",
        people,
    )
    tx.execute(
        "INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)",
        (_LEFT_IN_WAL, uuid4().hex),  # another value each time: see `emptied_wal`
    )
    return erased, touched


def _erase_in_answers(tx: Tx, subject: DataSubject) -> None:
    """Take the person out of stored first answers. The answers stay: a repeated request must not send again."""
    answers = tx.execute(
        "SELECT account_id, key, answer FROM idempotency WHERE (?2 IS NULL OR account_id = ?2)"
        " AND EXISTS (SELECT 1 FROM json_each(?1) n WHERE instr(answer, n.value))",
        _addresses(subject),
    ).fetchall()
    naming = _naming(subject)
    tx.executemany(
        "UPDATE idempotency SET answer = ? WHERE account_id = ? AND key = ?",
        [(_without(naming, answer), account_id, key) for account_id, key, answer in answers],
    )


def _without(naming: re.Pattern[str], stored: str) -> str:
    """A first answer without the person, also where a warning has the number as it was written."""
    answer = json.loads(naming.sub(REMOVED, stored))
    for warning in answer.get("warnings", ()):
        if warning["sent_as"] == REMOVED:
            warning["to"] = warning["message"] = REMOVED
    return json.dumps(answer, ensure_ascii=False)


def _erase_in_audit(tx: Tx, subject: DataSubject) -> None:
    """Take the person out of the parameters of audited calls, with what was written about them."""
    naming = _naming(subject)
    for entry_id in sorted(subject.audit_entries):
        (stored,) = tx.execute("SELECT params FROM audit WHERE id = ?", (entry_id,)).fetchone()
        params = json.loads(naming.sub(REMOVED, stored))
        if "detail" in params:
            params["detail"] = REMOVED
        tx.execute(
            "UPDATE audit SET params = ? WHERE id = ?", (json.dumps(params, ensure_ascii=False), entry_id)
        )


def _naming(subject: DataSubject) -> re.Pattern[str]:
    """Matches each address of the person where it is not a part of a longer one."""
    addresses = sorted(subject.addresses, key=len, reverse=True)
    return re.compile(rf"(?<![\w+])(?:{'|'.join(map(re.escape, addresses))})(?!\w)", re.ASCII)


def left_in_wal(tx: Tx) -> str | None:
    """The newest erasure whose content may still be in the write-ahead log; None when the log is clean."""
    row = tx.execute("SELECT value FROM setting WHERE key = ?", (_LEFT_IN_WAL,)).fetchone()
    return row[0] if row else None


def emptied_wal(tx: Tx, erasure: str) -> None:
    """Note that the log was emptied after this erasure; a newer one still waits for that."""
    tx.execute("DELETE FROM setting WHERE key = ? AND value = ?", (_LEFT_IN_WAL, erasure))


_OF_PEOPLE = "WHERE person_id IN (SELECT value FROM json_each(?1))"


def _ids(ids: set[int]) -> str:
    return json.dumps(sorted(ids))


def _addresses(subject: DataSubject) -> tuple[str, str | None]:
    return json.dumps(sorted(subject.addresses)), subject.account_id


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSubjectRows:
    """All rows about a person, as stored; times are in milliseconds."""

    addresses: list[JsonObject]
    changes: list[JsonObject]
    messages: list[JsonObject]
    replies: list[JsonObject]
    optouts: list[JsonObject]
    webhooks: list[JsonObject]
    audit: list[JsonObject]


def export(tx: Tx, subject: DataSubject) -> DataSubjectRows:
    """All data about the person; times are in milliseconds."""
    people = (_ids(subject.people),)
    return DataSubjectRows(
        addresses=_rows(
            tx,
            "SELECT (SELECT name FROM account WHERE id = account_id) AS account, address, kind, since AS known_at,"
            f" until AS lost_at, former_since FROM person_address {_OF_PEOPLE} ORDER BY id",
            people,
        ),
        changes=_rows(tx, f"SELECT at, event, detail FROM person_event {_OF_PEOPLE} ORDER BY id", people),
        messages=_messages(tx, subject),
        replies=_rows(
            tx,
            "SELECT id AS whatsapp_message_id, wa_id, user_id, button, at, received_at, recipient_id AS in_reply_to"
            f" FROM inbound_message {_OF_PEOPLE} ORDER BY received_at",
            people,
        ),
        optouts=_rows(
            tx,
            "SELECT (SELECT name FROM account WHERE id = optout.account_id) AS account, phone, user_id, source,"
            f" detail, at, lifted_at FROM optout {_OF_PEOPLE} ORDER BY at",
            people,
        ),
        webhooks=_rows(
            tx,
            "SELECT event, body, status, created_at FROM webhook_delivery"
            " WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (_ids(subject.deliveries),),
        ),
        audit=_rows(
            tx,
            "SELECT at, method, params FROM audit WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (_ids(subject.audit_entries),),
        ),
    )


def _messages(tx: Tx, subject: DataSubject) -> list[JsonObject]:
    rows = _rows(
        tx,
        "SELECT r.id, a.name AS account, n.phone_number_id AS number, b.uuid AS broadcast_id, b.name AS broadcast,"
        ' b.template_name, b.template_language, b.created_at, r."to", r.country, r.params, r.content, r.status,'
        " r.wamid AS whatsapp_message_id, r.wa_id, r.user_id, r.parent_user_id, r.error_code, r.error_title,"
        " r.error_details, r.held, p.category AS pricing_category, p.type AS pricing_type, p.model AS pricing_model,"
        " p.billable AS pricing_billable, r.conversation_id, r.conversation_origin, r.conversation_expires_at,"
        " r.first_attempt_at, r.sent_at, r.delivered_at, r.read_at, r.replied_at, r.failed_at FROM recipient r"
        " JOIN broadcast b ON b.id = r.broadcast_id JOIN account a ON a.id = b.account_id"
        " JOIN number n ON n.id = b.number_id LEFT JOIN pricing p ON p.id = r.pricing_id"
        " WHERE r.id IN (SELECT value FROM json_each(?)) ORDER BY r.id",
        (_ids(subject.recipients),),
    )
    for row in rows:
        row["buttons"] = [
            button
            for (button,) in tx.execute(
                "SELECT button FROM button_reply WHERE recipient_id = ?1"
                " AND broadcast_id = (SELECT broadcast_id FROM recipient WHERE id = ?1) ORDER BY button",
                (row["id"],),
            )
        ]
        row["other_whatsapp_message_ids"] = [
            wamid
            for (wamid,) in tx.execute(
                "SELECT o.wamid FROM other_message o JOIN recipient r ON r.id = o.recipient_id"
                " WHERE o.recipient_id = ? AND r.wamid IS NOT o.wamid ORDER BY o.attempt",
                (row["id"],),
            )
        ]
        row["history"] = [asdict(entry) for entry in recipient_history.of_recipient(tx, row["id"])]
        for name in ("params", "content"):
            row[name] = json.loads(row[name]) if row[name] else None
    return rows


def _rows(tx: Tx, statement: str, values: tuple[object, ...]) -> list[JsonObject]:
    cursor = tx.execute(statement, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
