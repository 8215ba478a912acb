"""Meta's events about accounts, numbers and templates, stored for people who investigate a problem."""

import json

from wacrmd.clock import Millis
from wacrmd.store.database import Tx


def add(tx: Tx, field: str, subject: str | None, detail: object, received_at: Millis) -> None:
    """Store one event: the webhook's field, the phone number id or business account id, and Meta's own JSON."""
    try:
        text = json.dumps(detail, ensure_ascii=False)
    except RecursionError:  # it could be read, but not be written again
        text = json.dumps({"ignored": "nested too deeply"})
    tx.execute(
        "INSERT INTO account_event (field, subject, detail, received_at) VALUES (?, ?, ?, ?)",
        (field, subject, text, received_at),
    )
