"""Every SQL statement that this process runs, on whichever connection: its plan, its work, and who runs it."""

import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

INSTRUCTIONS_PER_TICK = 500
EXPLAINED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "REPLACE")


@dataclass
class Statement:
    """One SQL statement with placeholders: the values of its first run, its caller, and the work of its longest run.

    The work is in instructions of SQLite's virtual machine.
    """

    sql: str
    values: Any
    functions: set[str] = field(default_factory=set)
    """Who ran it, as `module.function`."""
    lines: set[tuple[str, int]] = field(default_factory=set)
    """Where that is, as (file, line)."""
    work: int = 0
    _ticks: int = 0

    def begin(self, caller: FrameType) -> None:
        """A run begins."""
        code = caller.f_code
        self.functions.add(f"{Path(code.co_filename).stem}.{code.co_qualname.split('.<locals>')[0]}")
        self.lines.add((code.co_filename, caller.f_lineno))
        self._ticks = 0

    def tick(self) -> None:
        """The run has done some more work."""
        self._ticks += 1
        self.work = max(self.work, self._ticks * INSTRUCTIONS_PER_TICK)

    def plan(self, connection: sqlite3.Connection) -> list[str]:
        """How SQLite runs it, a line for each step; empty for PRAGMA, BEGIN and the like.

        With placeholders, because from a literal value SQLite may conclude that a condition always holds.
        """
        if not self.sql.lstrip().upper().startswith(EXPLAINED):
            return []
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {self.sql}", self.values)]


Recording = dict[str, Statement]
"""Statements by their text."""


class _Connection(sqlite3.Connection):
    """A connection that records its statements."""

    recording: Recording

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._running: Statement | None = None
        self.set_progress_handler(self._tick, INSTRUCTIONS_PER_TICK)

    def _tick(self) -> int:
        if self._running is not None:
            self._running.tick()
        return 0

    def note(self, sql: str, values: Any, caller: FrameType) -> None:
        self._running = self.recording.setdefault(sql, Statement(sql, values))
        self._running.begin(caller)

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _Cursor)

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        self.note(sql, values, sys._getframe(1))
        return super().execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Any], /) -> sqlite3.Cursor:
        every = list(rows)
        if every:
            self.note(sql, every[0], sys._getframe(1))
        return super().executemany(sql, every)


class _Cursor(sqlite3.Cursor):
    """A cursor that records its statements; those of `Connection.execute` are made without `cursor()`."""

    connection: _Connection

    def execute(self, sql: str, values: Any = (), /) -> "_Cursor":
        self.connection.note(sql, values, sys._getframe(1))
        super().execute(sql, values)
        return self


@contextmanager
def recorded() -> Iterator[Recording]:
    """Record the statements of all connections that are opened inside the block."""
    recording: Recording = {}
    factory = type("_Recorded", (_Connection,), {"recording": recording})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=factory))
        yield recording
