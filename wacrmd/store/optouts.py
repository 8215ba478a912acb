"""The suppression list: the opt-outs of each account."""

import json
from collections.abc import Iterable

from wacrmd.clock import SECOND, Millis
from wacrmd.domain.address import phone_and_user_id
from wacrmd.domain.optout import OptOut
from wacrmd.domain.page import MAX_ID
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.store import outbox, revisions
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper
from wacrmd.views.events import OptInData, OptOutData

FORMER_HOLDER = "An earlier holder of this phone number opted out; the number has another user id since"
"""The detail of an opt-out that a phone number keeps when it gets another holder."""

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

    If the person opted in again after `at`, nothing changes, because Meta may repeat an old opt-out days later. Who says it
    again keeps the first opt-out, but an opt-in from before `at` lifts it no more.
    `phone` and `user_id` are shown for the person. `now` is the present time if that is not `at`; `broadcast_id` is
    the broadcast that the opt-out answers. Phones that have another holder since keep the opt-out (`hand_on`).
    """
    by_phone = phone is not None and user_id is None
    if phone is None and user_id is None:
        phone, user_id = _known_names(tx, person_id)
    added = tx.execute(
        "INSERT INTO optout"
        " (account_id, person_id, phone, user_id, source, detail, at, said_at, broadcast_id, by_phone)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9) ON CONFLICT (person_id) DO UPDATE SET lifted_at = NULL,"
        " source = ?5, detail = ?6, at = ?7, said_at = ?7, broadcast_id = ?8, by_phone = ?9,"
        " phone = coalesce(phone, ?3), user_id = coalesce(user_id, ?4) WHERE lifted_at <= ?7",
        (account_id, person_id, phone, user_id, source, detail, at, broadcast_id, by_phone),
    ).rowcount
    if added:
        complete(tx, person_id)
        phone, user_id = tx.execute(
            "SELECT phone, user_id FROM optout WHERE person_id = ?", (person_id,)
        ).fetchone()
        data = OptOutData(phone=phone, user_id=user_id, source=source, detail=detail)
        outbox.add(tx, account_id, WebhookEvent.CONTACT_OPTED_OUT, data, now or at, occurred_at=at)
        if broadcast_id is not None:
            revisions.raise_for(tx, [broadcast_id])  # nobody sees it there, but statistics count it
    elif not _say_again(tx, person_id, at, by_phone=by_phone):
        return False
    for holder, phone_lost, lost_at in _later_holders(tx, person_id, at):  # the opt-out comes late
        hand_on(tx, person_id, to=holder, phone=phone_lost, lost_at=lost_at, now=now or at)
    return bool(added)


def _say_again(tx: Tx, person_id: int, at: Millis, *, by_phone: bool) -> bool:
    """Note that somebody who has opted out said so again at `at`; False if that is no news."""
    said = tx.execute(
        "UPDATE optout SET said_at = ?2, by_phone = ?3 WHERE person_id = ?1 AND lifted_at IS NULL AND said_at < ?2",
        (person_id, at, by_phone),
    )
    return bool(said.rowcount)


def name_broadcast(tx: Tx, person_id: int, at: Millis, broadcast_id: int) -> None:
    """Name the broadcast that an opt-out of this time answers, which was not known before."""
    tx.execute(
        "UPDATE optout SET broadcast_id = ?3 WHERE person_id = ?1 AND at = ?2 AND broadcast_id IS NULL",
        (person_id, at, broadcast_id),
    )
    revisions.raise_for(tx, [broadcast_id])


def hand_on(tx: Tx, person_id: int, *, to: int, phone: str, lost_at: Millis, now: Millis) -> None:
    """Opt out the next holder of a phone too, if its holder had opted out by then: the number keeps it, for both.

    What was said later by the phone alone, the next holder has said; it is not certain that nobody else did.
    """
    found = tx.execute(
        "SELECT account_id, source, detail, at, said_at, by_phone, broadcast_id FROM optout"
        " WHERE person_id = ? AND lifted_at IS NULL",
        (person_id,),
    ).fetchone()
    if found is None:
        return
    account_id, source, detail, first_at, said_at, by_phone, broadcast_id = found
    end = lost_at // SECOND * SECOND + SECOND - 1
    if by_phone and said_at > end:
        at = said_at
    elif first_at <= end:
        at = said_at if said_at <= lost_at else first_at
        detail, broadcast_id = FORMER_HOLDER, None
    else:
        return
    add(
        tx,
        account_id=account_id,
        person_id=to,
        phone=phone,
        user_id=None,
        source=source,
        detail=detail,
        at=at,
        now=now,
        broadcast_id=broadcast_id,
    )


def _later_holders(tx: Tx, person_id: int, at: Millis) -> list[tuple[int, str, Millis]]:
    """Who has a phone now that this person had `at`, the phone, and when it was lost."""
    return tx.execute(
        "SELECT h.person_id, h.address, l.until FROM person_address l CROSS JOIN person_address h"
        " ON h.account_id = l.account_id AND h.address = l.address AND h.until IS NULL"
        " WHERE l.person_id = ?1 AND l.until >= ?2 AND h.person_id != ?1",
        (person_id, at),
    ).fetchall()


def complete(tx: Tx, person_id: int) -> None:
    """Show the person's phone and user id in their opt-out, if they are known."""
    for column in ("phone", "user_id"):
        tx.execute(
            f"UPDATE optout SET {column} = (SELECT address FROM person_address WHERE person_id = ?1 AND kind = ?2"
            f" AND until IS NULL ORDER BY former_since IS NOT NULL, id LIMIT 1) WHERE person_id = ?1 AND {column} IS NULL",
            (person_id, column),
        )


def _known_names(tx: Tx, person_id: int) -> tuple[str | None, str | None]:
    """A phone and a user id of the person; the parent id only of somebody who has no other one."""
    found = dict(
        tx.execute(
            "SELECT kind, address FROM person_address WHERE person_id = ? AND until IS NULL"
            " ORDER BY former_since IS NULL, id DESC",
            (person_id,),
        ).fetchall()
    )
    return found.get("phone"), found.get("user_id") or found.get("parent_user_id")


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
        "UPDATE optout SET lifted_at = max(?1, said_at) WHERE person_id = ?2 AND lifted_at IS NULL AND (?3 OR said_at <= ?1)"
        " RETURNING phone, user_id",
        (at, person_id, int(include_newer)),
    ).fetchone()
    if row is None:
        return False
    data = OptInData(phone=row[0], user_id=row[1], source=source)
    outbox.add(tx, account_id, WebhookEvent.CONTACT_OPTED_IN, data, now or at, occurred_at=at)
    return True


def note_opt_in(
    tx: Tx,
    *,
    account_id: str,
    person_id: int,
    phone: str | None,
    user_id: str | None,
    source: str,
    at: Millis,
) -> None:
    """Remember that a person who has not opted out wants messages: an older stop may still come. Emits nothing."""
    if phone is None and user_id is None:
        phone, user_id = _known_names(tx, person_id)
    tx.execute(
        "INSERT INTO optout (account_id, person_id, phone, user_id, source, at, said_at, lifted_at)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?6) ON CONFLICT (person_id) DO UPDATE SET lifted_at = ?6"
        " WHERE lifted_at < ?6",
        (account_id, person_id, phone, user_id, source, at),
    )


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


def page(
    tx: Tx,
    *,
    account_id: str | None,
    source: str | None = None,
    after: tuple[Millis, int] | None,
    limit: int,
) -> list[OptOut]:
    """Opt-outs of one account or of all after the position, newest first; only those of a source if that is given."""
    at, after_id = after or (MAX_ID, 0)
    of_source, values = ("", ()) if source is None else (" AND o.source = ?", (source,))
    # Account by account: within one, an index has this order.
    found = [
        _ROW.record(row)
        for each in _account_ids(tx, account_id)
        for row in tx.execute(
            f"{_SELECT} WHERE o.account_id = ?{of_source} AND o.lifted_at IS NULL AND (o.at, o.id) < (?, ?)"
            " ORDER BY o.at DESC, o.id DESC LIMIT ?",
            (each, *values, at, after_id, limit),
        )
    ]
    return sorted(found, key=lambda optout: (optout.at, optout.id), reverse=True)[:limit]


def beginning(tx: Tx, *, account_id: str, phone: str, source: str | None, limit: int) -> list[OptOut]:
    """Opt-outs of an account whose phone begins so, in the order of the numbers."""
    rows = tx.execute(
        f"{_SELECT} WHERE o.account_id = ?1 AND o.phone >= ?2 AND o.phone < ?2 || ':' AND o.lifted_at IS NULL"
        " AND (?3 IS NULL OR o.source = ?3) ORDER BY o.phone LIMIT ?4",
        (account_id, phone, source, limit),
    )
    return [_ROW.record(row) for row in rows]


def _account_ids(tx: Tx, account_id: str | None) -> list[str]:
    return [account_id] if account_id else [row[0] for row in tx.execute("SELECT id FROM account")]
