"""The outbox of webhooks for local apps: a row is written with the change that it tells of, or not at all."""

import json
from collections.abc import Mapping
from uuid import uuid4

import orjson

from wacrmd.clock import Millis, iso
from wacrmd.store.database import Tx


def wanted(tx: Tx, account_id: str) -> frozenset[str]:
    """The events that an active endpoint of the account listens to; empty for most accounts, so ask first."""
    rows = tx.execute(
        "SELECT events FROM webhook_endpoint WHERE account_id = ? AND is_active = 1", (account_id,)
    )
    return frozenset(event for (events,) in rows for event in json.loads(events))


def put(tx: Tx, account_id: str, event: str, data: Mapping[str, object], now: Millis) -> int:
    """Queue one event to each endpoint of the account that listens to it; returns how many."""
    rows = tx.execute(
        "SELECT id FROM webhook_endpoint WHERE account_id = ? AND is_active = 1"
        " AND EXISTS (SELECT 1 FROM json_each(events) WHERE value = ?)",
        (account_id, event),
    ).fetchall()
    if not rows:
        return 0
    event_id = f"evt_{uuid4().hex}"
    envelope = {
        "id": event_id,
        "event": event,
        "occurred_at": iso(now),
        "account_id": account_id,
        "data": data,
    }
    body = orjson.dumps(envelope).decode()
    tx.executemany(
        "INSERT INTO webhook_delivery (uuid, endpoint_id, event, event_id, body, next_attempt_at, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(str(uuid4()), endpoint_id, event, event_id, body, now, now) for (endpoint_id,) in rows],
    )
    return len(rows)
