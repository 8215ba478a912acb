"""What is only written down to be read by people: Meta's notices, and who changed what."""

import json
from dataclasses import dataclass
from typing import Any

from wacrmd.clock import Millis
from wacrmd.store.database import Tx


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change made over the admin socket, or refused there."""

    at: Millis
    uid: int
    user: str | None
    pid: int | None
    method: str
    params: dict[str, Any]
    result: str


def note(tx: Tx, field: str, subject: str | None, detail: object, at: Millis) -> None:
    """Keep something that Meta told about an account, a number or a template."""
    tx.execute(
        "INSERT INTO notice (field, subject, detail, at) VALUES (?, ?, ?, ?)",
        (field, subject, json.dumps(detail, ensure_ascii=False), at),
    )


def notices(tx: Tx, limit: int = 20) -> list[dict[str, Any]]:
    """The newest notices."""
    rows = tx.execute("SELECT field, subject, detail, at FROM notice ORDER BY id DESC LIMIT ?", (limit,))
    return [
        {"field": field, "subject": subject, "detail": json.loads(detail), "at": at}
        for field, subject, detail, at in rows
    ]


def audit(tx: Tx, entry: AuditEntry) -> None:
    """Write an entry of the audit log."""
    tx.execute(
        "INSERT INTO audit (at, uid, user, pid, method, params, result) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            entry.at,
            entry.uid,
            entry.user,
            entry.pid,
            entry.method,
            json.dumps(entry.params, ensure_ascii=False),
            entry.result,
        ),
    )


def audit_since(tx: Tx, since: Millis, limit: int) -> list[AuditEntry]:
    """The audit log from a time on, oldest first; the newest `limit` entries at most."""
    columns = ("at", "uid", "user", "pid", "method", "params", "result")
    rows = tx.execute(
        "SELECT at, uid, user, pid, method, params, result FROM audit WHERE at >= ? ORDER BY id DESC LIMIT ?",
        (since, limit),
    ).fetchall()
    return [
        AuditEntry(**dict(zip(columns, row, strict=True)) | {"params": json.loads(row[5])})
        for row in reversed(rows)
    ]


def history(tx: Tx, recipient_id: int) -> list[dict[str, Any]]:
    """Every attempt and status of a recipient, oldest first."""
    rows = tx.execute(
        "SELECT at, kind, attempt, detail FROM history WHERE recipient_id = ? ORDER BY at, id",
        (recipient_id,),
    )
    return [
        {"at": at, "kind": kind, "attempt": attempt, "detail": json.loads(detail) if detail else None}
        for at, kind, attempt, detail in rows
    ]
