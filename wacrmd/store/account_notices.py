"""Notices of Meta's about business accounts and numbers; the newest word about each kind counts, in any order of arrival."""

import json
from collections.abc import Iterable

from wacrmd.clock import Millis
from wacrmd.domain.account_notice import AccountNotice
from wacrmd.store.database import Tx

OF_NUMBER = (
    "(SELECT json_group_array(json_object('kind', kind, 'detail', detail, 'since', since, 'until', until,"
    " 'stops_sending', json(iif(stops_sending, 'true', 'false')))) FROM account_notice"
    " WHERE waba_id = n.waba_id AND phone_number_id IN ('', n.phone_number_id) AND is_lifted = 0)"
)
"""The notices about the number `n` as a JSON array, as an expression of a SELECT."""

STATUS = "STATUS_"
"""The beginning of a kind that is the status of a number, which Meta is asked for."""

MAX_KINDS = 50
"""Kinds of notices about one number or account that are kept. Meta has fewer; whoever has an app secret may invent more."""

ACCOUNT = ""
"""In place of a phone number id: the notice is about the business account."""


def record(tx: Tx, waba_id: str, phone_number_id: str, notice: AccountNotice, at: Millis) -> bool:
    """Store a notice that Meta sent `at`; False if it is known, or older than what is known about its kind."""
    row = tx.execute(
        "SELECT detail, at, until, is_lifted FROM account_notice"
        " WHERE waba_id = ? AND phone_number_id = ? AND kind = ?",
        (waba_id, phone_number_id, notice.kind),
    ).fetchone()
    if row is not None:
        detail, known_at, until, is_lifted = row
        if at < known_at or (is_lifted and at == known_at):
            return False
        is_same = not is_lifted and (detail, until) == (notice.detail, notice.until)
        if is_same and (until is not None or at == known_at):
            return False
    tx.execute(
        "INSERT INTO account_notice (waba_id, phone_number_id, kind, detail, stops_sending, at, since, until)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (waba_id, phone_number_id, kind) DO UPDATE SET"
        " detail = excluded.detail, stops_sending = excluded.stops_sending, at = excluded.at, since = excluded.since,"
        " until = excluded.until, is_lifted = 0",
        (
            waba_id,
            phone_number_id,
            notice.kind,
            notice.detail,
            int(notice.stops_sending),
            at,
            notice.since,
            notice.until,
        ),
    )
    if row is None:
        _forget_oldest(tx, waba_id, phone_number_id)
    return True


def _forget_oldest(tx: Tx, waba_id: str, phone_number_id: str) -> None:
    """Keep `MAX_KINDS`: first those that stop sending, then the newest."""
    tx.execute(
        "DELETE FROM account_notice WHERE waba_id = ?1 AND phone_number_id = ?2 AND kind IN (SELECT kind FROM"
        " account_notice WHERE waba_id = ?1 AND phone_number_id = ?2"
        " ORDER BY (stops_sending AND NOT is_lifted) DESC, at DESC, kind LIMIT -1 OFFSET ?3)",
        (waba_id, phone_number_id, MAX_KINDS),
    )


def set_status(tx: Tx, number_id: str, status: AccountNotice | None) -> None:
    """Keep what a number's status says in place of what an earlier one said; None if it is as usual."""
    row = tx.execute("SELECT waba_id, phone_number_id FROM number WHERE id = ?", (number_id,)).fetchone()
    if row is None:
        return
    tx.execute(
        "DELETE FROM account_notice WHERE waba_id = ? AND phone_number_id = ? AND kind GLOB ? AND kind IS NOT ?",
        (*row, f"{STATUS}*", status.kind if status else None),
    )
    if status is not None:
        record(tx, row[0], row[1], status, status.since)


def lift(tx: Tx, waba_id: str, phone_number_id: str, kinds: Iterable[str], at: Millis) -> list[str]:
    """End the notices of these kinds that are not newer than `at`, also for those that come later; the kinds that held."""
    wanted = json.dumps(sorted(kinds))
    held = tx.execute(
        "SELECT kind FROM account_notice WHERE waba_id = ? AND phone_number_id = ? AND is_lifted = 0 AND at <= ?"
        " AND kind IN (SELECT value FROM json_each(?)) ORDER BY kind",
        (waba_id, phone_number_id, at, wanted),
    ).fetchall()
    tx.execute(
        "INSERT INTO account_notice (waba_id, phone_number_id, kind, detail, stops_sending, at, since, is_lifted)"
        " SELECT ?1, ?2, value, '', 0, ?3, ?3, 1 FROM json_each(?4) WHERE 1"
        " ON CONFLICT (waba_id, phone_number_id, kind) DO UPDATE SET at = ?3, is_lifted = 1 WHERE at <= ?3",
        (waba_id, phone_number_id, at, wanted),
    )
    return [kind for (kind,) in held]


def stops(tx: Tx, waba_id: str, now: Millis) -> list[AccountNotice]:
    """The notices that stop all numbers of a business account at `now`."""
    rows = tx.execute(
        "SELECT kind, detail, since, until FROM account_notice WHERE waba_id = ? AND stops_sending = 1 AND is_lifted = 0"
        " AND (until IS NULL OR until > ?) ORDER BY since",
        (waba_id, now),
    )
    return [
        AccountNotice(kind=kind, detail=detail, stops_sending=True, since=since, until=until)
        for kind, detail, since, until in rows
    ]
