"""Watches the writers of database files: no transaction changes what callers see of a broadcast at the same revision."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

SHOWN_OF_BROADCAST = (
    *(
        "uuid",
        "name",
        "template_name",
        "template_language",
        "status",
        "number_id",
        "created_at",
        "updated_at",
    ),
    *("scheduled_at", "started_at", "completed_at", "hold_reason", "hold_detail", "hold_since"),
)
SHOWN_OF_RECIPIENT = (
    *('"to"', "status", "wamid", "attempt", "error_code", "error_title", "error_details"),
    *("sent_at", "delivered_at", "read_at", "replied_at", "failed_at", "held", "pricing_id"),
    *("conversation_id", "conversation_origin", "conversation_expires_at"),
)


def _differs(columns: tuple[str, ...]) -> str:
    return " OR ".join(f"NEW.{each} IS NOT OLD.{each}" for each in columns)


def _trigger(event: str, broadcast_id: str, condition: str = "1") -> str:
    name = "watched_" + "_".join(event.split())
    return (
        f"CREATE TEMP TRIGGER {name} AFTER {event} WHEN {condition}"
        f" BEGIN INSERT OR IGNORE INTO watched_changes SELECT {broadcast_id}; END"
    )


WATCH = (
    "CREATE TEMP TABLE watched_changes (broadcast_id INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE watched_revisions AS SELECT id, revision FROM broadcast",
    _trigger("INSERT ON broadcast", "NEW.id"),
    _trigger("UPDATE ON broadcast", "NEW.id", _differs(SHOWN_OF_BROADCAST)),
    _trigger("INSERT ON recipient", "NEW.broadcast_id"),
    _trigger("DELETE ON recipient", "OLD.broadcast_id"),
    _trigger("UPDATE ON recipient", "NEW.broadcast_id", _differs(SHOWN_OF_RECIPIENT)),
    _trigger("INSERT ON button_reply", "NEW.broadcast_id"),
    _trigger("INSERT ON recipient_history", "broadcast_id FROM recipient WHERE id = NEW.recipient_id"),
)
UNRAISED = (
    "SELECT b.id FROM watched_changes c JOIN broadcast b ON b.id = c.broadcast_id"
    " JOIN watched_revisions r ON r.id = b.id WHERE b.revision <= r.revision"
)
REMEMBER = (
    "DELETE FROM watched_changes",
    "DELETE FROM watched_revisions",
    "INSERT INTO watched_revisions SELECT id, revision FROM broadcast",
)
"""The end of a transaction."""


class Unraised(list[str]):
    """The statements of each transaction that changed something and did not raise the revision."""

    transactions = 0
    """How many transactions that changed something were watched."""


class _Connection(sqlite3.Connection):
    """A connection whose transactions are watched, if it writes."""

    found: Unraised

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._watched = False
        self._statements: list[str] = []

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        if sql == "COMMIT" and self._watched:
            self._check()
        self._statements.append(sql)
        cursor = super().execute(sql, values)
        if sql == "BEGIN IMMEDIATE":
            self._statements.clear()
            self._watch()
        return cursor

    def executemany(self, sql: str, rows: Any, /) -> sqlite3.Cursor:
        self._statements.append(sql)
        return super().executemany(sql, rows)

    def _watch(self) -> None:
        known = "SELECT count(*) FROM main.sqlite_master WHERE name IN ('broadcast', 'recipient_history')"
        if not self._watched and super().execute(known).fetchone() == (2,):
            self._watched = True
            for statement in WATCH:
                super().execute(statement)

    def _check(self) -> None:
        unraised = super().execute(UNRAISED).fetchall()
        changed = super().execute("SELECT count(*) FROM watched_changes").fetchone()[0]
        self.found.transactions += bool(changed)
        if unraised:
            self.found.append("; ".join(each for each in self._statements if "SAVEPOINT" not in each))
        for statement in REMEMBER if changed else ():
            super().execute(statement)


@contextmanager
def watched() -> Iterator[Unraised]:
    """Watch all connections that are opened inside the block."""
    found = Unraised()
    factory = type("_Watched", (_Connection,), {"found": found})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=factory))
        yield found
