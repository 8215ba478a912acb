"""The audit log: who changed what over the admin socket."""

import json
from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.fields import JsonObject
from wacrmd.store.database import Tx


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change made over the admin socket, or refused there."""

    at: Millis
    uid: int
    user: str | None
    pid: int | None
    method: str
    params: JsonObject
    result: str
    calls: int = 1
    """How many calls it stands for: those that were denied are summed up."""


_COLUMNS = "at, uid, user, pid, method, params, result, calls"


def add(tx: Tx, entry: AuditEntry) -> None:
    """Write one entry."""
    tx.execute(
        f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.at,
            entry.uid,
            entry.user,
            entry.pid,
            entry.method,
            json.dumps(entry.params, ensure_ascii=False),
            entry.result,
            entry.calls,
        ),
    )


def since(tx: Tx, start: Millis, limit: int) -> list[AuditEntry]:
    """The entries from a time on, oldest first; the newest `limit` of them at most."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM audit WHERE at >= ? ORDER BY at DESC, id DESC LIMIT ?", (start, limit)
    ).fetchall()
    return [
        AuditEntry(at, uid, user, pid, method, json.loads(params), result, calls)
        for at, uid, user, pid, method, params, result, calls in reversed(rows)
    ]
