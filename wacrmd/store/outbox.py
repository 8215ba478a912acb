"""The outbox of webhooks for local apps: a row is written with the change that it tells of, or not at all."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from wacrmd.clock import Millis
from wacrmd.domain.webhook_delivery import DeliveryStatus
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper
from wacrmd.views.events import Envelope, Event
from wacrmd.views.json import to_json
from wacrmd.views.webhooks import DeliveryFacts

MAX_DELETED_ROWS = 250
"""Deliveries that one call deletes at most: about 10 ms of the writer's time."""


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery whose time has come, with what it takes to make it."""

    id: int
    endpoint_id: str
    url: str
    secret: bytes = field(repr=False)
    event: str
    event_id: str
    body: str = field(repr=False)
    attempts: int
    queued_at: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(DeliveryFacts):
    """One event for one endpoint: where it stands, and each try with time, status or error, and duration."""

    id: int
    body: str
    next_attempt_at: Millis
    tries: list[dict[str, Any]]


_ROW = RowMapper(Delivery)


def subscribed_events(tx: Tx, account_id: str) -> frozenset[str]:
    """The events that an active endpoint of the account listens to; empty for most accounts, so ask first."""
    rows = tx.execute(
        "SELECT events FROM webhook_endpoint WHERE account_id = ? AND is_active = 1", (account_id,)
    )
    return frozenset(event for (events,) in rows for event in json.loads(events))


def has_subscribers(tx: Tx) -> bool:
    """Whether any account has an active endpoint: one look that keeps the sender's way short where none has."""
    return tx.execute("SELECT 1 FROM webhook_endpoint WHERE is_active = 1 LIMIT 1").fetchone() is not None


def add(
    tx: Tx,
    account_id: str,
    event: WebhookEvent,
    data: Event,
    now: Millis,
    *,
    occurred_at: Millis | None = None,
) -> int:
    """Queue one event, that occurred now or earlier, to each endpoint of the account that listens; how many."""
    rows = tx.execute(
        "SELECT id FROM webhook_endpoint WHERE account_id = ? AND is_active = 1"
        " AND EXISTS (SELECT 1 FROM json_each(events) WHERE value = ?)",
        (account_id, event),
    ).fetchall()
    if not rows:
        return 0
    event_id = f"evt_{uuid4().hex}"
    envelope = Envelope(
        id=event_id,
        event=event,
        occurred_at=now if occurred_at is None else occurred_at,
        account_id=account_id,
        data=data,
    )
    body = to_json(envelope).decode()
    tx.executemany(
        "INSERT INTO webhook_delivery (uuid, endpoint_id, event, event_id, body, next_attempt_at, created_at, queued_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(str(uuid4()), endpoint_id, event, event_id, body, now, now, now) for (endpoint_id,) in rows],
    )
    return len(rows)


def due(tx: Tx, *, now: Millis, room: int, busy: Iterable[int]) -> dict[str, list[Due]]:
    """Up to `room` due deliveries of each active endpoint, oldest first, without those that are `busy`.

    Endpoint by endpoint, so that one with ten thousand due deliveries hides nobody else's.
    """
    endpoints = tx.execute("SELECT id, url, secret FROM webhook_endpoint WHERE is_active = 1").fetchall()
    under_way = json.dumps(list(busy))
    found: dict[str, list[Due]] = {}
    for endpoint_id, url, secret in endpoints:
        rows = tx.execute(
            "SELECT id, event, event_id, body, attempts, queued_at FROM webhook_delivery"
            " WHERE endpoint_id = ? AND status = 'pending' AND next_attempt_at <= ?"
            " AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY next_attempt_at, id LIMIT ?",
            (endpoint_id, now, under_way, room),
        ).fetchall()
        if rows:
            found[endpoint_id] = [Due(row[0], endpoint_id, url, secret, *row[1:]) for row in rows]
    return found


def note_try(
    tx: Tx, delivery_id: int, result: Mapping[str, object], *, next_attempt_at: Millis | None, now: Millis
) -> None:
    """Keep what a try came to: delivered (`result["error"]` is None), due again, or failed for good."""
    delivered = result["error"] is None
    status = "delivered" if delivered else "failed" if next_attempt_at is None else "pending"
    tx.execute(
        "UPDATE webhook_delivery SET status = ?1, attempts = attempts + 1, tries = json_insert(tries, '$[#]', json(?2)),"
        " next_attempt_at = coalesce(?3, next_attempt_at),"
        " delivered_at = CASE WHEN ?1 = 'delivered' THEN ?4 ELSE delivered_at END WHERE id = ?5",
        (status, json.dumps(dict(result), ensure_ascii=False), next_attempt_at, now, delivery_id),
    )


def fail_pending(tx: Tx, endpoint_id: str) -> int:
    """Give up what still waits for an endpoint that was disabled; how many. Each can be asked for again."""
    cursor = tx.execute(
        "UPDATE webhook_delivery SET status = 'failed' WHERE endpoint_id = ? AND status = 'pending'",
        (endpoint_id,),
    )
    return cursor.rowcount


def delete_deliveries(tx: Tx, endpoint_id: str) -> int:
    """Delete some deliveries of an endpoint, up to `MAX_DELETED_ROWS`; how many."""
    return tx.execute(
        "DELETE FROM webhook_delivery WHERE id IN"
        " (SELECT id FROM webhook_delivery WHERE endpoint_id = ? LIMIT ?)",
        (endpoint_id, MAX_DELETED_ROWS),
    ).rowcount


def queue_again(tx: Tx, delivery_id: int, now: Millis) -> None:
    """Make a delivery due now, with all its tries before it; the event keeps its id and its body."""
    tx.execute(
        "UPDATE webhook_delivery SET status = 'pending', attempts = 0, next_attempt_at = ?1, queued_at = ?1 WHERE id = ?2",
        (now, delivery_id),
    )


def page(
    tx: Tx,
    endpoint_id: str,
    *,
    status: DeliveryStatus | None = None,
    after: tuple[Millis, int] | None = None,
    limit: int,
) -> list[Delivery]:
    """Deliveries of an endpoint, newest first, that stand after the position."""
    at, row_id = after or (2**62, 0)
    # Status by status, for the index is in this order only within one.
    found = [
        _ROW.record(row)
        for each in ([status] if status else DeliveryStatus)
        for row in tx.execute(
            f"SELECT {_ROW.columns} FROM webhook_delivery WHERE endpoint_id = ? AND status = ?"
            " AND (created_at, id) < (?, ?) ORDER BY created_at DESC, id DESC LIMIT ?",
            (endpoint_id, each, at, row_id, limit),
        )
    ]
    return sorted(found, key=lambda delivery: (delivery.created_at, delivery.id), reverse=True)[:limit]


def get(tx: Tx, endpoint_id: str | None, delivery_uuid: str) -> Delivery | None:
    """One delivery, of this endpoint if one is given."""
    row = tx.execute(
        f"SELECT {_ROW.columns} FROM webhook_delivery WHERE uuid = ?1 AND (?2 IS NULL OR endpoint_id = ?2)",
        (delivery_uuid, endpoint_id),
    ).fetchone()
    return _ROW.record(row) if row else None
