"""The statements of one check of a file, which ends when its time is over or nobody waits for it any more."""

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from wacrmd.store.connection import broken_schema, open_reader


class CheckEndedError(Exception):
    """The check was ended before it had seen everything."""


class CheckRun:
    """A check on its own connection, used as `with`; every other thread may `end` it.

    With `is_cut_off` also of a file whose end is missing.
    """

    def __init__(self, path: Path, within_s: float | None = None, *, is_cut_off: bool = False) -> None:
        self.path = path
        self.connection = open_reader(path, is_cut_off=is_cut_off)
        self.connection.execute("PRAGMA cell_size_check = ON")
        self._is_over = False
        self._timer = threading.Timer(within_s, self.end) if within_s is not None else None

    def __enter__(self) -> Self:
        if self._timer is not None:
            self._timer.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        with closing(self.connection):
            if self._timer is not None:
                self._timer.cancel()
                self._timer.join()

    def end(self) -> None:
        """End it: the statement that runs, and all that would follow."""
        self._is_over = True
        with suppress(sqlite3.ProgrammingError):  # it has ended already
            self.connection.interrupt()  # a progress handler is not called within one step of an integrity check

    def rows(self, statement: str, *parameters: object) -> list[Any]:
        """The rows of a statement. Raises CheckEndedError, and sqlite3.DatabaseError for a page that cannot be read."""
        rows: list[Any] = []
        failed: sqlite3.DatabaseError | None = None
        if not self._is_over:
            try:
                rows = self.connection.execute(statement, parameters).fetchall()
            except sqlite3.DatabaseError as error:
                failed = error
            except UnicodeDecodeError as error:
                failed = broken_schema(error)
        if (
            self._is_over
        ):  # what an integrity check has found is wrong then: it takes pages for lost that it has not seen
            raise CheckEndedError
        if failed is not None:
            raise failed
        return rows
