"""The audit log: who changed what, by a command or in the dashboard."""

import json
from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.domain.actor import Via
from wacrmd.fields import JsonObject
from wacrmd.store.database import Tx


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
    id: int = 0
    """0 until it is written."""


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


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries: None is any."""

    start: Millis = 0
    """Not older than this."""
    user: str | None = None
    method: str | None = None
    via: Via | None = None
    before: int | None = None
    """Only those that are older than the entry with this id."""


def find(tx: Tx, wanted: AuditFilter, limit: int) -> list[AuditEntry]:
    """Entries, oldest first; the newest `limit` of them at most."""
    given: list[tuple[str, object]] = [("at >= ?", wanted.start)]
    for column, value in (("user", wanted.user), ("method", wanted.method), ("via", wanted.via)):
        if value is not None:
            given.append((f"{column} = ?", value))
    if wanted.before is not None:
        given.append(("(at, id) < (SELECT at, id FROM audit WHERE id = ?)", wanted.before))
    rows = tx.execute(
        f"SELECT {_COLUMNS}, id FROM audit WHERE {' AND '.join(each for each, _ in given)}"
        " ORDER BY at DESC, id DESC LIMIT ?",
        (*(value for _, value in given), limit),
    ).fetchall()
    return [
        AuditEntry(at, Via(via), uid, user, pid, method, json.loads(params), result, calls, entry_id)
        for at, via, uid, user, pid, method, params, result, calls, entry_id in reversed(rows)
    ]
