"""The webhook endpoints of local apps: where their events are delivered, each with its encrypted secret."""

import json

from wacrmd.clock import Millis
from wacrmd.domain.page import MAX_ID
from wacrmd.domain.webhook_endpoint import Endpoint
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper

_ROW = RowMapper(Endpoint, {"account": "a.name", "row_id": "e.rowid"}, table="e")
_SELECT = f"SELECT {_ROW.columns} FROM webhook_endpoint e JOIN account a ON a.id = e.account_id"


def add(
    tx: Tx, *, endpoint_id: str, account_id: str, url: str, events: list[str], secret: bytes, now: Millis
) -> None:
    """Store a new endpoint; `secret` is encrypted."""
    tx.execute(
        "INSERT INTO webhook_endpoint (id, account_id, url, events, secret, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (endpoint_id, account_id, url, json.dumps(events), secret, now, now),
    )


def count_of(tx: Tx, account_id: str) -> int:
    """How many endpoints an account has."""
    (count,) = tx.execute(
        "SELECT count(*) FROM webhook_endpoint WHERE account_id = ?", (account_id,)
    ).fetchone()
    return int(count)


def get(tx: Tx, endpoint_id: str, account_id: str | None = None) -> Endpoint | None:
    """The endpoint with this id, if it belongs to the account (None: to any)."""
    row = tx.execute(
        f"{_SELECT} WHERE e.id = ?1 AND (?2 IS NULL OR e.account_id = ?2)", (endpoint_id, account_id)
    ).fetchone()
    return _ROW.record(row) if row else None


def find(tx: Tx, prefix: str, account_id: str | None) -> list[Endpoint]:
    """The endpoints of one account or of all whose id begins with `prefix`; two at most, which shows ambiguity."""
    rows = tx.execute(
        f"{_SELECT} WHERE substr(e.id, 1, ?1) = ?2 AND (?3 IS NULL OR e.account_id = ?3) LIMIT 2",
        (len(prefix), prefix, account_id),
    )
    return [_ROW.record(row) for row in rows]


def page(
    tx: Tx, *, account_id: str | None, after: tuple[Millis, int] | None = None, limit: int
) -> list[Endpoint]:
    """Endpoints of one account or of all after the position, newest first."""
    at, row_id = after or (MAX_ID, 0)
    rows = tx.execute(
        f"{_SELECT} WHERE (?1 IS NULL OR e.account_id = ?1) AND (e.created_at, e.rowid) < (?2, ?3)"
        " ORDER BY e.created_at DESC, e.rowid DESC LIMIT ?4",
        (account_id, at, row_id, limit),
    )
    return [_ROW.record(row) for row in rows]


def disabled(tx: Tx) -> list[Endpoint]:
    """The endpoints that were disabled because of what they answered, the newest first."""
    rows = tx.execute(
        f"{_SELECT} WHERE NOT e.is_active AND e.disabled_reason IS NOT NULL ORDER BY e.updated_at DESC"
    )
    return [_ROW.record(row) for row in rows]


def update(
    tx: Tx,
    endpoint_id: str,
    *,
    url: str | None = None,
    events: list[str] | None = None,
    is_active: bool | None = None,
    now: Millis,
) -> None:
    """Change what is not None. Activating it, or another URL, clears `failing_since`."""
    tx.execute(
        "UPDATE webhook_endpoint SET url = coalesce(?1, url), events = coalesce(?2, events),"
        " is_active = coalesce(?3, is_active),"
        " disabled_reason = CASE WHEN ?3 = 1 THEN NULL ELSE disabled_reason END,"
        " failing_since = CASE WHEN ?3 = 1 OR ?1 != url THEN NULL ELSE failing_since END, updated_at = ?4"
        " WHERE id = ?5",
        (
            url,
            json.dumps(events) if events is not None else None,
            int(is_active) if is_active is not None else None,
            now,
            endpoint_id,
        ),
    )


def remove(tx: Tx, endpoint_id: str) -> None:
    """Delete an endpoint with its deliveries."""
    tx.execute("DELETE FROM webhook_endpoint WHERE id = ?", (endpoint_id,))


def record_success(tx: Tx, endpoint_id: str) -> None:
    """A delivery succeeded: the endpoint is not failing any more."""
    tx.execute(
        "UPDATE webhook_endpoint SET failing_since = NULL WHERE id = ? AND failing_since IS NOT NULL",
        (endpoint_id,),
    )


def record_failure(tx: Tx, endpoint_id: str, now: Millis) -> Millis | None:
    """A delivery failed: returns since when all have failed, or None if the endpoint has been deleted."""
    row = tx.execute(
        "UPDATE webhook_endpoint SET failing_since = coalesce(failing_since, ?) WHERE id = ? RETURNING failing_since",
        (now, endpoint_id),
    ).fetchone()
    return row[0] if row else None


def disable(tx: Tx, endpoint_id: str, reason: str, now: Millis) -> bool:
    """Deliver nothing to the endpoint until it is activated again; False if it was not active."""
    cursor = tx.execute(
        "UPDATE webhook_endpoint SET is_active = 0, disabled_reason = ?, updated_at = ? WHERE id = ? AND is_active = 1",
        (reason, now, endpoint_id),
    )
    return cursor.rowcount > 0
