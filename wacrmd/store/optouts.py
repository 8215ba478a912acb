"""The suppression list: the opt-outs of each account."""

import json
from collections.abc import Iterable

from wacrmd.clock import Millis
from wacrmd.domain.address import phone_and_user_id
from wacrmd.domain.optout import OptOut
from wacrmd.domain.page import MAX_ID
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.store import outbox, person_merge
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper
from wacrmd.views.events import OptInData, OptOutData

_ROW = RowMapper(OptOut, {"account": "a.name", "broadcast": "b.uuid"}, table="o")
_SELECT = (
    f"SELECT {_ROW.columns} FROM optout o JOIN account a ON a.id = o.account_id"
    " LEFT JOIN broadcast b ON b.id = o.broadcast_id"
)


def add(
    tx: Tx,
    *,
    account_id: str,
    person_id: int,
    phone: str | None,
    user_id: str | None,
    source: str,
    detail: str | None,
    at: Millis,
    now: Millis | None = None,
    broadcast_id: int | None = None,
) -> bool:
    """Store that a person opted out at `at`; False if that was known. Emits `contact.opted_out`.

    If the person opted in again after `at`, nothing changes, because Meta may repeat an old opt-out days later.
    `phone` and `user_id` are shown for the person. `now` is the present time if that is not `at`; `broadcast_id` is
    the broadcast that the opt-out answers.
    """
    added = tx.execute(
        "INSERT INTO optout (account_id, person_id, phone, user_id, source, detail, at, broadcast_id)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (person_id) DO UPDATE SET lifted_at = NULL,"
        " source = ?5, detail = ?6, at = ?7, broadcast_id = ?8, phone = coalesce(phone, ?3),"
        " user_id = coalesce(user_id, ?4) WHERE lifted_at <= ?7",
        (account_id, person_id, phone, user_id, source, detail, at, broadcast_id),
    ).rowcount
    if not added:
        return False
    person_merge.complete_optout(tx, person_id)
    phone, user_id = tx.execute(
        "SELECT phone, user_id FROM optout WHERE person_id = ?", (person_id,)
    ).fetchone()
    data = OptOutData(phone=phone, user_id=user_id, source=source, detail=detail)
    outbox.add(tx, account_id, WebhookEvent.CONTACT_OPTED_OUT, data, now or at, occurred_at=at)
    return True


def add_recipient(
    tx: Tx, recipient_id: int, *, source: str, detail: str | None, at: Millis, now: Millis
) -> None:
    """Store that a recipient opted out, whose data were not erased."""
    account_id, broadcast_id, person_id, to = tx.execute(
        'SELECT b.account_id, b.id, r.person_id, r."to" FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id'
        " WHERE r.id = ?",
        (recipient_id,),
    ).fetchone()
    if person_id is None:
        return
    phone, user_id = phone_and_user_id(to)
    add(
        tx,
        account_id=account_id,
        person_id=person_id,
        phone=phone,
        user_id=user_id,
        source=source,
        detail=detail,
        at=at,
        now=now,
        broadcast_id=broadcast_id,
    )


def remove(
    tx: Tx,
    *,
    account_id: str,
    person_id: int,
    source: str,
    at: Millis,
    now: Millis | None = None,
    include_newer: bool = False,
) -> bool:
    """Store that a person opted in again at `at`; False if there was no opt-out. Emits `contact.opted_in`.

    An opt-out after `at` is kept, because Meta's webhooks come in any order, unless `include_newer`.
    """
    row = tx.execute(
        "UPDATE optout SET lifted_at = max(?1, at) WHERE person_id = ?2 AND lifted_at IS NULL AND (?3 OR at <= ?1)"
        " RETURNING phone, user_id",
        (at, person_id, int(include_newer)),
    ).fetchone()
    if row is None:
        return False
    data = OptInData(phone=row[0], user_id=row[1], source=source)
    outbox.add(tx, account_id, WebhookEvent.CONTACT_OPTED_IN, data, now or at, occurred_at=at)
    return True


def among(tx: Tx, person_ids: Iterable[int]) -> set[int]:
    """Those of these people who have opted out."""
    rows = tx.execute(
        "SELECT o.person_id FROM json_each(?) j CROSS JOIN optout o ON o.person_id = j.value AND o.lifted_at IS NULL",
        (json.dumps(list(person_ids)),),
    )
    return {person_id for (person_id,) in rows}


def find(tx: Tx, person_id: int) -> OptOut | None:
    """The opt-out of a person."""
    row = tx.execute(f"{_SELECT} WHERE o.person_id = ? AND o.lifted_at IS NULL", (person_id,)).fetchone()
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
