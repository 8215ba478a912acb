"""Meta's events about accounts, numbers and templates, stored for people who investigate a problem."""

import orjson

from wacrmd.clock import Millis
from wacrmd.store.database import Tx

MAX_BYTES = 64 * 1024
"""Of an event that is kept as it is; a real one has some kilobytes at most."""


def add(tx: Tx, field: str, subject: str | None, detail: object, received_at: Millis) -> None:
    """Store one event: the webhook's field, the phone number id or business account id, and Meta's own JSON."""
    tx.execute(
        "INSERT INTO account_event (field, subject, detail, received_at) VALUES (?, ?, ?, ?)",
        (field, subject, _json(detail), received_at),
    )


def _json(detail: object) -> str:
    try:
        text = orjson.dumps(detail)
    except TypeError:  # it could be read, but not be written again
        text = b'{"ignored":"nested too deeply"}'
    if len(text) > MAX_BYTES:
        text = b'{"ignored":"larger than %d KiB"}' % (MAX_BYTES >> 10)
    return text.decode()
