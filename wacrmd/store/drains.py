"""The drain that is stored in the file, and the mark of a file that was handed over to a copy."""

import json

from wacrmd.clock import Millis
from wacrmd.domain.drain import Drain, HandOver
from wacrmd.store.database import Tx

_DRAIN, _HANDED_OVER_AT = "drain", "copy_handed_over_at"


def stored(tx: Tx) -> Drain | None:
    """The drain that outlasts a restart; None if there is none."""
    row = tx.execute("SELECT value FROM setting WHERE key = ?", (_DRAIN,)).fetchone()
    if row is None:
        return None
    found = json.loads(row[0])
    handed_over = HandOver(**found["handed_over"]) if found["handed_over"] else None
    return Drain(found["since"], for_good=True, handed_over=handed_over)


def store(tx: Tx, drain: Drain) -> None:
    """Keep a drain over restarts."""
    copy = drain.handed_over
    value = {"since": drain.since, "handed_over": {"file": copy.file, "at": copy.at} if copy else None}
    tx.execute("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", (_DRAIN, json.dumps(value)))


def remove(tx: Tx) -> None:
    """End the stored drain; one that was handed over may send again too."""
    tx.execute("DELETE FROM setting WHERE key = ?", (_DRAIN,))


def make_heir(tx: Tx, at: Millis) -> None:
    """In the copy that a database is handed over to: it is not drained, and knows when it became the one that sends."""
    remove(tx)
    tx.execute("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", (_HANDED_OVER_AT, str(at)))


def take_heirship(tx: Tx) -> Millis | None:
    """When the database was handed over to this copy, told once; None for an ordinary backup."""
    row = tx.execute("DELETE FROM setting WHERE key = ? RETURNING value", (_HANDED_OVER_AT,)).fetchone()
    return int(row[0]) if row else None
