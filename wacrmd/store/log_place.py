"""Where the write-ahead log of a database is: beside the path that was used last, which need not be the one used now.

After a kill it has the newest writes, such as attempts: without it messages would be sent twice. SQLite finds it by the
path, with symbolic links resolved. So it does not by a hard link, by a mount of the file alone, or if only that was moved.
"""

import sqlite3
from contextlib import suppress
from pathlib import Path

from wacrmd.errors import DatabaseContentError
from wacrmd.store.outage import is_damage

_KEY = "last_path"


def check_log(connection: sqlite3.Connection, path: Path) -> None:
    """Raise DatabaseContentError if the newest writes are in a log beside another path."""
    used = _used(connection, path)
    if used is None or used == path.resolve():
        return
    log = Path(f"{used}-wal")
    with suppress(OSError):  # it is not there, or not for this user
        if log.stat().st_size > 0 and _is_log_of(used, path):
            raise DatabaseContentError(
                f"the newest writes of {path} are in {log}, because it was last used as {used}: move that file to"
                f" {path.resolve()}-wal, or start with the path that was used"
            )


def _is_log_of(used: Path, path: Path) -> bool:
    """Whether a log beside `used` is of the file at `path`: nothing has that name any more, or the file itself has it."""
    try:
        return used.samefile(path)
    except FileNotFoundError:
        return True


def remember_path(connection: sqlite3.Connection, path: Path) -> None:
    """Say in the file itself by which path it is used now."""
    if _used(connection, path) == path.resolve():
        return
    value = f"{path.stat().st_ino} {path.resolve()}"
    try:
        connection.execute("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", (_KEY, value))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # by another path only the file can be read
    except sqlite3.Error as error:
        if not is_damage(error):
            raise


def _used(connection: sqlite3.Connection, path: Path) -> Path | None:
    """The path by which this file was last used; None for a new file, or a copy, which has another inode."""
    try:
        if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'setting'").fetchone() is None:
            return None
        row = connection.execute("SELECT value FROM setting WHERE key = ?", (_KEY,)).fetchone()
    except sqlite3.Error as error:
        if is_damage(error):
            return None  # the daemon starts and says so
        raise
    inode, _, used = row[0].partition(" ") if row else ("", "", "")
    return Path(used) if inode == str(path.stat().st_ino) else None
