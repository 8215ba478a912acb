"""The audit log: who changed what, by a command or in the dashboard."""

import json
from dataclasses import dataclass
from enum import StrEnum

from wacrmd.clock import Millis
from wacrmd.fields import JsonObject
from wacrmd.store.database import Tx


class Via(StrEnum):
    """Where somebody made a change."""

    COMMAND = "command"
    """The admin socket, or a command that works on the file."""
    DASHBOARD = "dashboard"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change, or one that was refused."""

    at: Millis
    via: Via
    uid: int | None
    """The user of the machine; None for a user of the dashboard alone."""
    user: str | None
    pid: int | None
    method: str
    params: JsonObject
    result: str
    calls: int = 1
    """How many calls it stands for: those that were denied are summed up."""


_COLUMNS = "at, via, uid, user, pid, method, params, result, calls"


def add(tx: Tx, entry: AuditEntry) -> None:
    """Write one entry."""
    tx.execute(
        f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.at,
            entry.via,
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
        AuditEntry(at, Via(via), uid, user, pid, method, json.loads(params), result, calls)
        for at, via, uid, user, pid, method, params, result, calls in reversed(rows)
    ]
