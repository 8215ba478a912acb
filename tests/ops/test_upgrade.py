"""An upgrade migrates the file of every released version, keeps a copy, and succeeds completely or not at all."""

import sqlite3
import stat
from pathlib import Path

import pytest

from tests.support.clock import ManualClock, ShiftClock
from tests.support.site import site
from wacrmd.errors import DatabaseUnusableError
from wacrmd.store import migrate
from wacrmd.store.database import Database

pytestmark = pytest.mark.anyio

RELEASED = sorted(Path(__file__).parent.glob("schema-*.sql"))


def load(dump: Path, target: Path) -> Path:
    """A database file made from a dump."""
    with sqlite3.connect(target) as connection:
        connection.executescript(dump.read_text())
    connection.close()
    return target


def schema(path: Path) -> set[str]:
    """The SQL of all tables and indexes."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
        )
        found = {" ".join(sql.split()) for (sql,) in rows}
    connection.close()
    return found


async def opened(path: Path, *, copy: bool = True) -> None:
    async with Database.open(path, ManualClock(), copy_before_migration=copy):
        pass


def test_there_is_a_dump_of_every_schema() -> None:
    assert [int(file.stem[-4:]) for file in RELEASED] == [version for version, _ in migrate.migrations()]


@pytest.mark.parametrize("released", RELEASED, ids=lambda file: file.stem)
async def test_a_released_schema_is_migrated_to_the_newest(released: Path, tmp_path: Path) -> None:
    """If this fails after a change of a migration that was released: add a new migration instead."""
    old, new = load(released, tmp_path / "old.db"), tmp_path / "new" / "wacrmd.db"
    new.parent.mkdir()
    await opened(old)
    async with site(new.parent):
        pass
    assert schema(old) == schema(new)


@pytest.mark.parametrize("released", RELEASED, ids=lambda file: file.stem)
async def test_the_daemon_works_with_a_released_file(released: Path, tmp_path: Path) -> None:
    load(released, tmp_path / "wacrmd.db")
    with sqlite3.connect(tmp_path / "wacrmd.db") as connection:
        # Encrypted with a key that does not exist any more; the upgrade concerns the other columns.
        connection.execute("DELETE FROM setting WHERE key = 'key_fingerprint'")
        connection.execute("DELETE FROM app_secret")
        connection.execute(
            "UPDATE number SET removed_at = 1, is_default = 0, phone_number_id = 'old', access_token = x''"
        )
    connection.close()
    (tmp_path / "wacrmd.db.key").write_text("A" * 43 + "=")
    (tmp_path / "wacrmd.db.key").chmod(0o600)
    async with site(tmp_path, clock=ShiftClock()) as here:
        listed = await here.admin("broadcast.list")
        shown = {one["name"]: one for one in listed}
        assert shown["A finished one"]["status"] == "sent"
        assert shown["A finished one"]["total_recipients"] == 12
        assert shown["A waiting one"]["pending_count"] == 5
        assert (await here.admin("check-db"))["problems"] == []


@pytest.fixture
def next_schema(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """The migrations and one more."""
    known = migrate.migrations()
    version = known[-1][0] + 1
    more = [
        *known,
        (version, "CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT;\nINSERT INTO extra VALUES (7);\n"),
    ]
    monkeypatch.setattr(migrate, "migrations", lambda: more)
    return more


async def test_a_copy_is_made_before_a_migration(tmp_path: Path, next_schema: list[tuple[int, str]]) -> None:
    path = load(RELEASED[-1], tmp_path / "wacrmd.db")
    before, version = schema(path), next_schema[-1][0]
    await opened(path)
    copy = tmp_path / f"wacrmd.db.before-schema-{version}"
    assert schema(copy) == before
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert any("extra" in sql for sql in schema(path) - before)
    await opened(path)  # now there is nothing to migrate
    assert schema(copy) == before


async def test_the_copy_can_be_switched_off(tmp_path: Path, next_schema: list[tuple[int, str]]) -> None:
    path = load(RELEASED[-1], tmp_path / "wacrmd.db")
    await opened(path, copy=False)
    assert not (tmp_path / f"wacrmd.db.before-schema-{next_schema[-1][0]}").exists()
    assert any("extra" in sql for sql in schema(path))


async def test_a_migration_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, next_schema: list[tuple[int, str]]
) -> None:
    next_schema[-1] = (
        next_schema[-1][0],
        "CREATE TABLE extra (id INTEGER);\nINSERT INTO nowhere VALUES (1);\n",
    )
    path = load(RELEASED[-1], tmp_path / "wacrmd.db")
    before = schema(path)
    with pytest.raises(DatabaseUnusableError, match="no such table: nowhere"):
        await opened(path)
    assert schema(path) == before


async def test_a_newer_file_is_refused_and_not_changed(tmp_path: Path) -> None:
    path = load(RELEASED[-1], tmp_path / "wacrmd.db")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DatabaseUnusableError, match=r"has schema 99, this wacrmd knows up to \d+: install"):
        await opened(path)
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)
    connection.close()
    assert len(before) == path.stat().st_size
