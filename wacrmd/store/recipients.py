"""Recipients: the rows that are the queue. How attempts change them is in attempts.py."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from wacrmd.clock import Millis
from wacrmd.domain.market import country_of
from wacrmd.domain.page import MAX_ID
from wacrmd.domain.recipient import NO_CODE, Recipient, RecipientStatus
from wacrmd.domain.recipient_transitions import RecipientEvent
from wacrmd.store import status_events
from wacrmd.store.database import Tx
from wacrmd.store.recipient_order import id_range, rows_between
from wacrmd.store.rows import RowMapper
from wacrmd.store.state_sql import after, allows

_ROW = RowMapper(
    Recipient,
    {
        "id": "r.id",
        "to": '"to"',
        "attempts": "attempt",
        **{f"pricing_{each}": f"p.{each}" for each in ("category", "type", "model", "billable")},
    },
)
_FROM = "FROM recipient r"
_PRICED = "LEFT JOIN pricing p ON p.id = r.pricing_id"
ERASED_PREFIX = "erased:"
"""The beginning of an erased recipient's address; see data_subjects.py."""
IS_ERASED = f"\"to\" LIKE '{ERASED_PREFIX}%'"
"""True for such a recipient, in SQL. Nothing that names the person may be written to it again."""

SCANNED = 200_000
"""Over so many rows an address is looked for in all of them: twice the largest broadcast that came in one piece."""

_E = RecipientEvent


def insert(tx: Tx, broadcast_id: int, rows: Iterable[tuple[int, str, str | None, str | None]]) -> None:
    """Store the recipients of a new broadcast: (person id, to, params JSON, content JSON) each, in the caller's order."""
    tx.executemany(
        'INSERT INTO recipient (broadcast_id, person_id, "to", country, params, content)'
        f" VALUES ({broadcast_id:d}, ?, ?, ?, ?, ?)",
        ((person_id, to, country_of(to), params, content) for person_id, to, params, content in rows),
    )


def cancel_pending(tx: Tx, broadcast_id: int) -> None:
    """Cancel the pending recipients of a broadcast that was cancelled."""
    tx.execute(
        f"UPDATE recipient SET status = {after(_E.BROADCAST_CANCELLED)}"
        f" WHERE broadcast_id = ? AND {allows(_E.BROADCAST_CANCELLED)}",
        (broadcast_id,),
    )


def cancel_returned(tx: Tx, broadcast_ids: Iterable[int]) -> None:
    """Cancel recipients that became pending again after an attempt, in these broadcasts: they are cancelled."""
    tx.execute(
        f"UPDATE recipient SET status = {after(_E.BROADCAST_CANCELLED)} WHERE {allows(_E.BROADCAST_CANCELLED)}"
        " AND broadcast_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(broadcast_ids)),),
    )


def cancel_erased(tx: Tx, recipient_ids: Iterable[int], reason: str) -> None:
    """Cancel those of these recipients that are pending: their person was erased."""
    tx.execute(
        f"UPDATE recipient SET status = {after(_E.ERASED)}, error_title = ?, error_code = NULL, error_details = NULL"
        f" WHERE id IN (SELECT value FROM json_each(?)) AND {allows(_E.ERASED)}",
        (reason, json.dumps(list(recipient_ids))),
    )


def lose_attempts(tx: Tx, recipient_ids: Iterable[int], reason: str) -> int:
    """Make those of these recipients that wait uncertain: what is known of their attempts is lost; how many."""
    return tx.execute(
        f"UPDATE recipient SET status = {after(_E.ATTEMPT_LOST)}, error_title = ?, error_code = NULL, error_details = NULL"
        f" WHERE id IN (SELECT value FROM json_each(?)) AND {allows(_E.ATTEMPT_LOST)}",
        (reason, json.dumps(list(recipient_ids))),
    ).rowcount


def erased_among(tx: Tx, recipient_ids: Iterable[int]) -> list[int]:
    """Those of these recipients whose person was erased."""
    rows = tx.execute(
        "SELECT id FROM recipient WHERE id IN (SELECT value FROM json_each(?)) AND person_id IS NULL",
        (json.dumps(list(recipient_ids)),),
    )
    return [recipient_id for (recipient_id,) in rows]


def give_up_uncertain(tx: Tx, broadcast_id: int, now: Millis) -> list[int]:
    """Make the uncertain recipients of a broadcast failed: a person decided that they got no message; their ids."""
    given_up = tx.execute(
        f"UPDATE recipient SET status = {after(_E.UNCERTAIN_GIVEN_UP)}, failed_at = ?"
        f" WHERE broadcast_id = ? AND {allows(_E.UNCERTAIN_GIVEN_UP)} RETURNING id",
        (now, broadcast_id),
    ).fetchall()
    ids = [recipient_id for (recipient_id,) in given_up]
    status_events.emit(tx, ids, now)
    return ids


def count_to_send(tx: Tx, broadcast_id: int) -> int:
    """How many people of a broadcast were sent to or are to be: all who were not cancelled."""
    (count,) = tx.execute(
        "SELECT count(*) FROM recipient WHERE broadcast_id = ? AND status != 'cancelled'", (broadcast_id,)
    ).fetchone()
    return int(count)


class NextAttempt(NamedTuple):
    """The next attempt of a broadcast: when, and to whom."""

    at: Millis
    to: str
    person_id: int


def next_attempt(tx: Tx, broadcast_id: int, among: str = "1") -> NextAttempt | None:
    """The next attempt of a broadcast; None if nobody is pending, or if somebody is in flight.

    `among` is a condition of SQL without values.
    """
    row = tx.execute(
        "SELECT next_attempt_at, \"to\", person_id FROM recipient WHERE broadcast_id = ?1 AND status = 'pending'"
        f" AND {among}"
        " AND NOT EXISTS (SELECT 1 FROM recipient r WHERE r.broadcast_id = ?1 AND r.status = 'sending')"
        " ORDER BY next_attempt_at, id LIMIT 1",
        (broadcast_id,),
    ).fetchone()
    return NextAttempt(*row) if row else None


def page(
    tx: Tx, broadcast_id: int, *, status: RecipientStatus | None, before: int | None, limit: int
) -> list[Recipient]:
    """Recipients of a broadcast, newest first, with ids under `before`; `pending` includes those in flight."""
    return _between(
        tx, broadcast_id, status, -1, MAX_ID if before is None else before, limit, newest_first=True
    )


def sole_of(tx: Tx, broadcast_ids: Iterable[int]) -> dict[int, Recipient]:
    """The recipient of each of these broadcasts, by the row id of the broadcast; they have one each."""
    rows = tx.execute(
        f"SELECT {_ROW.columns} {_FROM} {_PRICED} WHERE broadcast_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(broadcast_ids)),),
    )
    found = [_ROW.record(row) for row in rows]
    return {each.broadcast_id: each for each in found}


def following(
    tx: Tx, broadcast_id: int, *, status: RecipientStatus | None, after: int, limit: int
) -> list[Recipient]:
    """Recipients of a broadcast in the caller's order, with ids over `after`; for exports."""
    return _between(tx, broadcast_id, status, after, MAX_ID, limit, newest_first=False)


def _between(
    tx: Tx,
    broadcast_id: int,
    status: RecipientStatus | None,
    after: int,
    before: int,
    limit: int,
    *,
    newest_first: bool,
) -> list[Recipient]:
    """Recipients of a broadcast by id, at most `limit` of those between the two ids."""
    rows = rows_between(
        tx,
        f"SELECT {_ROW.columns} {_FROM} {_PRICED}",
        broadcast_id,
        after=after,
        before=before,
        limit=limit,
        newest_first=newest_first,
        statuses=None if status is None else _stored_as(status),
    )
    return [_ROW.record(row) for row in rows]


def _stored_as(status: RecipientStatus) -> tuple[RecipientStatus, ...]:
    """The stored statuses that callers see as this one."""
    return (status, RecipientStatus.SENDING) if status is RecipientStatus.PENDING else (status,)


def failed_with(tx: Tx, broadcast_id: int, *, code: int, before: int | None, limit: int) -> list[Recipient]:
    """Recipients that failed with this code of Meta's, or `NO_CODE`, newest first, with ids under `before`."""
    rows = tx.execute(
        f"SELECT {_ROW.columns} {_FROM} {_PRICED} WHERE r.id IN (SELECT id FROM recipient INDEXED BY recipient_failed"
        f" WHERE broadcast_id = ?1 AND status = 'failed' AND error_code IS nullif(?2, {NO_CODE}) AND id < ?3"
        " ORDER BY id DESC LIMIT ?4) ORDER BY r.id DESC",
        (broadcast_id, code, MAX_ID if before is None else before, limit),
    )
    return [_ROW.record(row) for row in rows]


def failures(tx: Tx, broadcast_id: int) -> list[tuple[int | None, str | None, int]]:
    """Why recipients of a broadcast failed: (code, title, how many) each, the most frequent first."""
    rows = tx.execute(
        "SELECT error_code, error_title, count(*) FROM recipient INDEXED BY recipient_failed"
        " WHERE broadcast_id = ? AND status = 'failed'"
        " GROUP BY error_code, error_title ORDER BY count(*) DESC, error_code",
        (broadcast_id,),
    )
    return rows.fetchall()


def uncertain(tx: Tx, limit: int = 20) -> list[tuple[str, str, int]]:
    """The newest broadcasts with uncertain recipients: (uuid, name, how many) each."""
    rows = tx.execute(
        "SELECT b.uuid, b.name, count(*) FROM recipient r INDEXED BY recipient_uncertain"
        " JOIN broadcast b ON b.id = r.broadcast_id"
        " WHERE r.status = 'uncertain' GROUP BY r.broadcast_id ORDER BY r.broadcast_id DESC LIMIT ?",
        (limit,),
    )
    return rows.fetchall()


def held_in(tx: Tx, limit: int) -> list[int]:
    """The newest broadcasts with messages that Meta holds back; their ids."""
    rows = tx.execute(
        "SELECT DISTINCT broadcast_id FROM recipient INDEXED BY recipient_held WHERE held IS NOT NULL"
        " ORDER BY broadcast_id DESC LIMIT ?",
        (limit,),
    )
    return [broadcast_id for (broadcast_id,) in rows]


def to_address(tx: Tx, broadcast_id: int, address: str) -> int | None:
    """The id of the recipient of a broadcast that has this address."""
    first, last = id_range(tx, broadcast_id)
    if last - first < SCANNED:
        row = tx.execute(
            'SELECT id FROM recipient WHERE id >= ? AND id <= ? AND +broadcast_id = ? AND "to" = ?',
            (first, last, broadcast_id, address),
        ).fetchone()
    else:
        row = tx.execute(
            'SELECT id FROM recipient INDEXED BY recipient_count WHERE broadcast_id = ? AND "to" = ?',
            (broadcast_id, address),
        ).fetchone()
    return int(row[0]) if row else None


def get(tx: Tx, broadcast_id: int, recipient_id: int) -> Recipient | None:
    """One recipient of a broadcast."""
    row = tx.execute(
        f"SELECT {_ROW.columns} {_FROM} {_PRICED} WHERE broadcast_id = ? AND r.id = ?",
        (broadcast_id, recipient_id),
    ).fetchone()
    return _ROW.record(row) if row else None


def exist(tx: Tx, broadcast_id: int) -> bool:
    """Whether a broadcast has recipients."""
    row = tx.execute("SELECT 1 FROM recipient WHERE broadcast_id = ? LIMIT 1", (broadcast_id,)).fetchone()
    return row is not None


def anybody_left(tx: Tx, broadcast_id: int) -> bool:
    """Whether anybody of a draft has not opted out."""
    row = tx.execute(
        "SELECT 1 FROM recipient r WHERE r.broadcast_id = ? AND r.status = 'pending'"
        " AND NOT EXISTS (SELECT 1 FROM optout o WHERE o.person_id = r.person_id AND o.lifted_at IS NULL) LIMIT 1",
        (broadcast_id,),
    ).fetchone()
    return row is not None


def people_in(tx: Tx, broadcast_id: int, person_ids: Iterable[int]) -> set[int]:
    """Those of these people who are recipients of the broadcast already."""
    rows = tx.execute(
        "SELECT r.person_id FROM json_each(?) j CROSS JOIN recipient r ON r.person_id = j.value AND r.broadcast_id = ?",
        (json.dumps(list(person_ids)), broadcast_id),
    )
    return {person_id for (person_id,) in rows}


def remove_of_draft(tx: Tx, broadcast_id: int, limit: int) -> list[int | None]:
    """Delete some recipients of a draft, to whom nothing was sent; the ids of the people."""
    rows = tx.execute(
        "DELETE FROM recipient WHERE id IN (SELECT r.id FROM recipient r JOIN broadcast b ON b.id = r.broadcast_id"
        " WHERE b.id = ? AND b.status = 'draft' LIMIT ?) RETURNING person_id",
        (broadcast_id, limit),
    ).fetchall()
    return [person_id for (person_id,) in rows]


class SentContent(NamedTuple):
    """What was sent to a recipient, to send it again in another broadcast."""

    id: int
    status: RecipientStatus
    error_code: int | None
    to: str
    params: str | None
    content: str | None


def to_send_again(tx: Tx, broadcast_id: int, *, after: int, limit: int) -> list[SentContent]:
    """Recipients with ids over `after`, in the caller's order, without those who were erased."""
    select = 'SELECT id, status, error_code, "to", params, content FROM recipient r'
    found: list[SentContent] = []
    while len(found) < limit:
        rows = rows_between(tx, select, broadcast_id, after=after, limit=limit - len(found))
        if not rows:
            break
        after = rows[-1][0]
        read = (SentContent(row_id, RecipientStatus(status), *rest) for row_id, status, *rest in rows)
        found += [each for each in read if not each.to.startswith(ERASED_PREFIX)]
    return found
