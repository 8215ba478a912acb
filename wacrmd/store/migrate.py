"""Migrations: numbered SQL files that make the schema, applied in order, each in one transaction."""

import sqlite3
from importlib.resources import files
from pathlib import Path

from wacrmd.errors import DatabaseContentError

APPLICATION_ID = 0x77616372
"""`PRAGMA application_id` of wacrmd's files: the letters "wacr"."""


def migrations() -> list[tuple[int, str]]:
    """All migrations as (version, SQL), in order."""
    folder = files("wacrmd.store") / "migrations"
    found = [
        (int(entry.name[:4]), entry.read_text("utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    ]
    return sorted(found)


def schema_version(connection: sqlite3.Connection) -> int:
    """The version of the file's schema; 0 for an empty file."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def statements(script: str) -> list[str]:
    """The statements of an SQL script, one by one."""
    found, statement = [], ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            found.append(statement.strip())
            statement = ""
    if statement.strip():
        found.append(statement.strip())
    return found


def check_compatible(connection: sqlite3.Connection, path: Path) -> None:
    """Raise DatabaseContentError for a file of another program or of a newer wacrmd."""
    known = migrations()[-1][0]
    application_id: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version = schema_version(connection)
    tables: int = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application_id != APPLICATION_ID and (application_id != 0 or tables > 0):
        raise DatabaseContentError(
            f"{path} is not a database of wacrmd: set [storage] path to another file; a missing one is created"
        )
    if version > known:
        raise DatabaseContentError(
            f"{path} has schema {version}, this wacrmd knows up to {known}: install the version that wrote it, "
            "or restore the backup made before the upgrade"
        )


def migrate(
    connection: sqlite3.Connection, path: Path, *, keep_copy: bool = True, up_to: int | None = None
) -> None:
    """Apply the migrations that the file lacks, or those up to a version; with `keep_copy`, first copy it to
    `FILE.before-schema-N`.

    Raises DatabaseContentError for a file of a newer schema or of another program.
    """
    check_compatible(connection, path)
    before = schema_version(connection)
    due = [(version, script) for version, script in migrations() if before < version <= (up_to or version)]
    if before and due and keep_copy:
        copy = path.with_name(f"{path.name}.before-schema-{due[-1][0]}")
        copy.unlink(missing_ok=True)
        copy.touch(mode=0o600, exist_ok=False)
        connection.execute("VACUUM INTO ?", (str(copy),))
    for version, script in due:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {version}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite has ended it itself if the disk is full
                connection.execute("ROLLBACK")
            raise
