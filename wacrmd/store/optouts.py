"""The suppression list: the opt-outs of each account."""

import json
from collections.abc import Iterable

from wacrmd.clock import Millis
from wacrmd.domain.optout import OptOut
from wacrmd.domain.page import MAX_ID
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.store import outbox
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper
from wacrmd.views.events import OptInData, OptOutData

_ROW = RowMapper(OptOut, {"account": "a.name"}, table="o")
_SELECT = f"SELECT {_ROW.columns} FROM optout o JOIN account a ON a.id = o.account_id"


def add(
    tx: Tx,
    *,
    account_id: str,
    phone: str | None,
    user_id: str | None,
    source: str,
    detail: str | None,
    at: Millis,
    now: Millis | None = None,
) -> bool:
    """Store that a person opted out at `at`; False if that was known. Emits `contact.opted_out`.

    The person's other address, if it is known from earlier messages, is stored too: whoever opts out by user id is also
    suppressed by phone, and the other way round. If the person opted in again after `at`, nothing changes,
    because Meta may repeat an old opt-out days later. `now` is the present time if that is not `at`.
    """
    phone, user_id = _with_other_address(tx, account_id, phone, user_id)
    rows = tx.execute(
        "SELECT id, phone, user_id, lifted_at FROM optout WHERE account_id = ? AND (phone = ? OR user_id = ?)",
        (account_id, phone, user_id),
    ).fetchall()
    if any(lifted_at is not None and at < lifted_at for _, _, _, lifted_at in rows):
        return False
    is_new = not any(lifted_at is None for _, _, _, lifted_at in rows)
    has_phone = any(row[1] == phone for row in rows) or phone is None
    has_user = any(row[2] == user_id for row in rows) or user_id is None
    tx.execute(
        "UPDATE optout SET lifted_at = NULL, source = ?, detail = ?, at = ?"
        " WHERE account_id = ? AND (phone = ? OR user_id = ?) AND lifted_at IS NOT NULL",
        (source, detail, at, account_id, phone, user_id),
    )
    if not has_phone and (free := next((row[0] for row in rows if row[1] is None), None)) is not None:
        tx.execute("UPDATE optout SET phone = ? WHERE id = ?", (phone, free))
    elif not has_user and (free := next((row[0] for row in rows if row[2] is None), None)) is not None:
        tx.execute("UPDATE optout SET user_id = ? WHERE id = ?", (user_id, free))
    elif not (has_phone and has_user):
        tx.execute(
            "INSERT INTO optout (account_id, phone, user_id, source, detail, at) VALUES (?, ?, ?, ?, ?, ?)",
            (
                account_id,
                None if has_phone else phone,
                None if has_user else user_id,
                source,
                detail,
                at,
            ),
        )
    if is_new:
        data = OptOutData(phone=phone, user_id=user_id, source=source, detail=detail)
        outbox.add(tx, account_id, WebhookEvent.CONTACT_OPTED_OUT, data, now or at, occurred_at=at)
    return is_new


def add_recipient(
    tx: Tx, recipient_id: int, *, source: str, detail: str | None, at: Millis, now: Millis
) -> None:
    """Store that a recipient opted out, by the address that the message was sent to."""
    account_id, to = tx.execute(
        'SELECT b.account_id, r."to" FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id WHERE r.id = ?',
        (recipient_id,),
    ).fetchone()
    phone = to if to.startswith("+") else None
    add(
        tx,
        account_id=account_id,
        phone=phone,
        user_id=None if phone else to,
        source=source,
        detail=detail,
        at=at,
        now=now,
    )


def remove(
    tx: Tx,
    *,
    account_id: str,
    phone: str | None = None,
    user_id: str | None = None,
    source: str,
    at: Millis,
    now: Millis | None = None,
    include_newer: bool = False,
) -> bool:
    """Store that a person opted in again at `at`; False if there was no opt-out. Emits `contact.opted_in`.

    An opt-out after `at` is kept, because Meta's webhooks come in any order, unless `include_newer`.
    """
    phone, user_id = _with_other_address(tx, account_id, phone, user_id)
    rows = tx.execute(
        "UPDATE optout SET lifted_at = max(?1, at) WHERE account_id = ?2 AND (phone = ?3 OR user_id = ?4)"
        " AND lifted_at IS NULL AND (?5 OR at <= ?1) RETURNING phone, user_id",
        (at, account_id, phone, user_id, int(include_newer)),
    ).fetchall()
    if not rows:
        return False
    data = OptInData(
        phone=phone or next((row[0] for row in rows if row[0]), None),
        user_id=user_id or next((row[1] for row in rows if row[1]), None),
        source=source,
    )
    outbox.add(tx, account_id, WebhookEvent.CONTACT_OPTED_IN, data, now or at, occurred_at=at)
    return True


def _with_other_address(
    tx: Tx, account_id: str, phone: str | None, user_id: str | None
) -> tuple[str | None, str | None]:
    """Phone and user id of a person of whom one is given; the other one if messages of the account contain it."""
    if phone is None and user_id is not None:
        row = tx.execute(
            'SELECT r."to" FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id'
            " WHERE r.user_id = ? AND b.account_id = ? AND r.\"to\" GLOB '+*' ORDER BY r.id DESC LIMIT 1",
            (user_id, account_id),
        ).fetchone()
        return (row[0] if row else None), user_id
    if user_id is None and phone is not None:
        row = tx.execute(
            "SELECT r.user_id FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id"
            " WHERE r.wa_id = ? AND b.account_id = ? AND r.user_id IS NOT NULL ORDER BY r.id DESC LIMIT 1",
            (phone.removeprefix("+"), account_id),
        ).fetchone()
        return phone, (row[0] if row else None)
    return phone, user_id


def link(tx: Tx, people: Iterable[tuple[str, str, str]]) -> None:
    """Store that phones and user ids belong to the same people: (account id, phone, user id) each.

    Whoever opted out by one of the two is suppressed by the other as well from now on.
    """
    if tx.execute("SELECT 1 FROM optout LIMIT 1").fetchone() is None:
        return
    for account_id, phone, user_id in people:
        tx.execute(
            "UPDATE OR IGNORE optout SET phone = ? WHERE account_id = ? AND user_id = ? AND phone IS NULL",
            (phone, account_id, user_id),
        )
        tx.execute(
            "UPDATE OR IGNORE optout SET user_id = ? WHERE account_id = ? AND phone = ? AND user_id IS NULL",
            (user_id, account_id, phone),
        )


def among(tx: Tx, account_id: str, addresses: Iterable[str]) -> set[str]:
    """The addresses (phones or user ids) among these that have opted out."""
    rows = tx.execute(
        "SELECT j.value FROM json_each(?2) j WHERE EXISTS (SELECT 1 FROM optout o WHERE o.account_id = ?1"
        " AND o.phone = j.value AND o.lifted_at IS NULL) OR EXISTS (SELECT 1 FROM optout o WHERE o.account_id = ?1"
        " AND o.user_id = j.value AND o.lifted_at IS NULL)",
        (account_id, json.dumps(list(addresses))),
    )
    return {address for (address,) in rows}


def find(tx: Tx, account_id: str, *, phone: str | None = None, user_id: str | None = None) -> OptOut | None:
    """The opt-out of a phone or a user id."""
    row = tx.execute(
        f"{_SELECT} WHERE o.account_id = ? AND (o.phone = ? OR o.user_id = ?) AND o.lifted_at IS NULL LIMIT 1",
        (account_id, phone, user_id),
    ).fetchone()
    return _ROW.record(row) if row else None


def page(tx: Tx, *, account_id: str | None, after: tuple[Millis, int] | None, limit: int) -> list[OptOut]:
    """Opt-outs of one account or of all after the position, newest first."""
    at, after_id = after or (MAX_ID, 0)
    account_ids = [account_id] if account_id else [row[0] for row in tx.execute("SELECT id FROM account")]
    # Account by account: within one, the index has this order.
    found = [
        _ROW.record(row)
        for each in account_ids
        for row in tx.execute(
            f"{_SELECT} WHERE o.account_id = ? AND o.lifted_at IS NULL AND (o.at, o.id) < (?, ?)"
            " ORDER BY o.at DESC, o.id DESC LIMIT ?",
            (each, at, after_id, limit),
        )
    ]
    return sorted(found, key=lambda optout: (optout.at, optout.id), reverse=True)[:limit]
