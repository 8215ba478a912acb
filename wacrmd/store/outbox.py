"""The outbox of webhooks to local apps: a delivery is stored in the transaction of the change that it reports."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from uuid import uuid4

from wacrmd.clock import Millis
from wacrmd.domain.page import MAX_ID
from wacrmd.domain.webhook_delivery import Delivery, DeliveryAttempt, DeliveryStatus, DueDelivery
from wacrmd.domain.webhook_event import WebhookEvent
from wacrmd.store.database import Tx
from wacrmd.store.rows import RowMapper
from wacrmd.views.events import Envelope, EventData
from wacrmd.views.json import to_json

MAX_DELETED_ROWS = 250
"""Deliveries that one call deletes at most: about 10 ms of the writer's time."""


_ROW = RowMapper(Delivery)


def subscribed_events(tx: Tx, account_id: str) -> frozenset[str]:
    """The events that active endpoints of the account are subscribed to; an event of another kind need not be built."""
    rows = tx.execute(
        "SELECT events FROM webhook_endpoint WHERE account_id = ? AND is_active = 1", (account_id,)
    )
    return frozenset(event for (events,) in rows for event in json.loads(events))


def has_subscribers(tx: Tx) -> bool:
    """Whether any account has an active endpoint; if not, the sender skips all work on events."""
    return tx.execute("SELECT 1 FROM webhook_endpoint WHERE is_active = 1 LIMIT 1").fetchone() is not None


def add(
    tx: Tx,
    account_id: str,
    event: WebhookEvent,
    data: EventData,
    now: Millis,
    *,
    occurred_at: Millis | None = None,
) -> int:
    """Store a delivery for each active endpoint of the account that is subscribed to the event; how many.

    `occurred_at` is the time of the event if that is not `now`.
    """
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


def due(
    tx: Tx,
    *,
    now: Millis,
    limit: int,
    limits: Mapping[str, int] | None = None,
    in_flight: Mapping[str, Collection[int]] | None = None,
) -> dict[str, list[DueDelivery]]:
    """The due deliveries of each active endpoint, oldest first, except those `in_flight` (row ids by endpoint id).

    Up to `limit`, or to that in `limits` for an endpoint: one that may start none costs no read, and one with thousands
    of due deliveries does not delay the others. An endpoint without any has an empty list.
    """
    endpoints = tx.execute(
        "SELECT id, url, secret, failing_since IS NOT NULL FROM webhook_endpoint WHERE is_active = 1"
    ).fetchall()
    limits, in_flight = limits or {}, in_flight or {}
    found: dict[str, list[DueDelivery]] = {}
    for endpoint_id, url, secret, is_failing in endpoints:
        found[endpoint_id] = []
        if not (most := limits.get(endpoint_id, limit)):
            continue
        rows = tx.execute(
            "SELECT id, event, event_id, body, attempts, queued_at FROM webhook_delivery"
            " WHERE endpoint_id = ? AND status = 'pending' AND next_attempt_at <= ?"
            " AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY next_attempt_at, id LIMIT ?",
            (endpoint_id, now, json.dumps(list(in_flight.get(endpoint_id, ()))), most),
        )
        failing = bool(is_failing)
        found[endpoint_id] = [
            DueDelivery(row_id, endpoint_id, url, secret, event, event_id, body, attempts, queued_at, failing)
            for row_id, event, event_id, body, attempts, queued_at in rows
        ]
    return found


def record_attempt(
    tx: Tx, delivery_id: int, attempt: DeliveryAttempt, *, next_attempt_at: Millis | None, now: Millis
) -> None:
    """Record an attempt: delivered if it has no error, else pending until the next one, or failed."""
    if attempt.error is None:
        status = DeliveryStatus.DELIVERED
    else:
        status = DeliveryStatus.FAILED if next_attempt_at is None else DeliveryStatus.PENDING
    tx.execute(
        "UPDATE webhook_delivery SET status = ?1, attempts = attempts + 1, tries = json_insert(tries, '$[#]', json(?2)),"
        " next_attempt_at = coalesce(?3, next_attempt_at),"
        " delivered_at = CASE WHEN ?1 = 'delivered' THEN ?4 ELSE delivered_at END WHERE id = ?5",
        (status, json.dumps(asdict(attempt), ensure_ascii=False), next_attempt_at, now, delivery_id),
    )


def fail_pending(tx: Tx, endpoint_id: str) -> int:
    """Fail the pending deliveries of an endpoint that was disabled; how many. Each can be resent."""
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


def requeue(tx: Tx, delivery_id: int, now: Millis) -> None:
    """Make a delivery due now. It keeps its earlier attempts, and the event its id and its body."""
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
    """Deliveries of an endpoint after the position, newest first."""
    at, row_id = after or (MAX_ID, 0)
    # Status by status: within one, the index has this order.
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
    """The delivery with this uuid, if it is of this endpoint (None: of any)."""
    row = tx.execute(
        f"SELECT {_ROW.columns} FROM webhook_delivery WHERE uuid = ?1 AND (?2 IS NULL OR endpoint_id = ?2)",
        (delivery_uuid, endpoint_id),
    ).fetchone()
    return _ROW.record(row) if row else None
