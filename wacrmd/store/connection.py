"""Connections to the database file: one that writes durably, and ones that only read."""

import sqlite3
import stat
from contextlib import suppress
from pathlib import Path

BUSY_TIMEOUT_MS = 10_000
"""How long a statement waits while another connection, Huey's or another program's, holds a lock."""
WRITER_CACHE_KIB = 16 * 1024
READER_CACHE_KIB = 4 * 1024
"""The page cache of one connection. Larger ones help little: the system's page cache serves all connections."""
WAL_LIMIT_BYTES = 64 * 1024 * 1024
"""The write-ahead log is truncated to this size after a checkpoint."""


def open_writer(path: Path) -> sqlite3.Connection:
    """A connection that writes durably and overwrites what it deletes.

    WAL with `synchronous=FULL`: an attempt must survive a power failure. `secure_delete`: the data of an erased
    person must be gone from the file; Debian's SQLite has it on by default, other builds have not.
    """
    connection = sqlite3.connect(path, check_same_thread=False, cached_statements=256)
    return _configured(
        connection,
        "auto_vacuum = INCREMENTAL",
        "journal_mode = WAL",
        "synchronous = FULL",
        "secure_delete = ON",
        f"journal_size_limit = {WAL_LIMIT_BYTES}",
        f"cache_size = -{WRITER_CACHE_KIB}",
    )


def open_reader(path: Path, *, is_cut_off: bool = False) -> sqlite3.Connection:
    """A connection that can only read; with `is_cut_off` also a file whose end is missing. Raises sqlite3.Error."""
    with suppress(OSError):
        if not stat.S_ISREG(path.stat().st_mode):
            raise sqlite3.OperationalError("it is no plain file")  # SQLite would wait for a writer of a pipe
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False, cached_statements=256)
    cut_off = (
        ["writable_schema = ON"] if is_cut_off else []
    )  # SQLite compares the file's size only without it
    return _configured(connection, *cut_off, f"cache_size = -{READER_CACHE_KIB}")


def _configured(connection: sqlite3.Connection, *pragmas: str) -> sqlite3.Connection:
    """The connection with these settings and those that all connections have, without implicit transactions."""
    common = (f"busy_timeout = {BUSY_TIMEOUT_MS}", "foreign_keys = ON", "temp_store = MEMORY")
    try:
        connection.isolation_level = None
        for pragma in (*pragmas, *common):
            connection.execute(f"PRAGMA {pragma}")
    except UnicodeDecodeError as error:
        connection.close()
        raise broken_schema(error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def broken_schema(error: UnicodeDecodeError) -> sqlite3.DatabaseError:
    """The error that Python could not decode: it quotes a text of the schema, which is broken."""
    found = sqlite3.DatabaseError(error.object.decode(errors="replace"))
    found.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return found
