"""A quick look for damage in the file, beside all other work and with an end."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from wacrmd.store.database import open_reader

_LOOK_EVERY = 100_000
"""Instructions of SQLite's machine between two looks at the clock."""


def quick_check(path: Path, within_s: float) -> list[str] | None:
    """What is damaged, nothing for a sound file; None when it took longer than `within_s`.

    Runs in the caller's thread, on a connection of its own. Raises sqlite3.Error for a file that cannot be read.
    """
    deadline = time.monotonic() + within_s
    with closing(open_reader(path)) as connection:
        connection.set_progress_handler(lambda: int(time.monotonic() > deadline), _LOOK_EVERY)
        try:
            found = [str(line) for (line,) in connection.execute("PRAGMA quick_check(20)")]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return None
            raise
    return [] if found == ["ok"] else found
