"""The history of a recipient: one row for each attempt that ended and each status that Meta reported."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from wacrmd.clock import Millis
from wacrmd.domain.attempt import MetaError
from wacrmd.domain.history import HistoryEntry
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.store.database import Tx

ATTEMPT = "attempt"


class EndedAttempt(NamedTuple):
    """An attempt that ended: what became of its recipient, and a sentence that says why."""

    recipient_id: int
    ended_at: Millis
    attempt: int
    started_at: Millis
    outcome: RecipientStatus
    note: str


class ReportedStatus(NamedTuple):
    """A status of an attempt's message that changed something."""

    recipient_id: int
    at: Millis
    status: RecipientStatus
    attempt: int
    error: MetaError | None


def add_attempts(tx: Tx, attempts: Iterable[EndedAttempt]) -> None:
    """Write attempts that ended."""
    tx.executemany(
        "INSERT INTO recipient_history (recipient_id, at, event, attempt, detail) VALUES (?, ?, ?, ?, ?)",
        [
            (each.recipient_id, each.ended_at, ATTEMPT, each.attempt, _attempt_detail(each))
            for each in attempts
        ],
    )


def add_statuses(tx: Tx, statuses: Iterable[ReportedStatus]) -> None:
    """Write statuses that changed something."""
    tx.executemany(
        "INSERT INTO recipient_history (recipient_id, at, event, attempt, detail) VALUES (?, ?, ?, ?, ?)",
        [
            (each.recipient_id, each.at, each.status, each.attempt, error_detail(each.error))
            for each in statuses
        ],
    )


def of_recipient(tx: Tx, recipient_id: int) -> list[HistoryEntry]:
    """What happened to a recipient, in the order in which it was stored.

    The order is not that of the times: Meta's are in whole seconds, so a status could come before its attempt.
    """
    rows = tx.execute(
        "SELECT at, event, attempt, detail FROM recipient_history WHERE recipient_id = ? ORDER BY id",
        (recipient_id,),
    )
    return [_entry(*row) for row in rows]


def error_detail(error: MetaError | None) -> str | None:
    """Meta's error as it is stored with a status."""
    if error is None:
        return None
    stored = {"code": error.code, "title": error.title, "details": error.details}
    return json.dumps(stored | ({"subcode": error.subcode} if error.subcode else {}), ensure_ascii=False)


def stored_error(detail: str | None) -> MetaError | None:
    """The error that `error_detail` wrote."""
    if detail is None:
        return None
    stored = json.loads(detail)
    return MetaError(stored["code"], stored["title"], stored["details"], subcode=stored.get("subcode"))


def _attempt_detail(ended: EndedAttempt) -> str:
    detail = {"started_at": ended.started_at, "outcome": ended.outcome, "note": ended.note}
    return json.dumps(detail, ensure_ascii=False)


def _entry(at: Millis, event: str, attempt: int | None, detail: str | None) -> HistoryEntry:
    if event != ATTEMPT:
        return HistoryEntry(at, event, attempt, error=stored_error(detail))
    stored = json.loads(detail or "{}")
    return HistoryEntry(at, event, attempt, stored["started_at"], stored["outcome"], stored["note"])
