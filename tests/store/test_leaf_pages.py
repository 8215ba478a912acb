"""The rows of a table are read from its leaf pages alone, whatever they hold."""

import errno
import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from wacrmd.store.leaf_pages import LeafPages

VALUES = [None, 0, 1, -1, 127, -32768, 1 << 20, -(1 << 40), (1 << 63) - 1, 1.5, "", "Ünïcode", b"", b"\0\xff"]


@pytest.mark.parametrize("page_bytes", [512, 4096, 65536])
def test_all_rows_are_found_without_the_inner_pages(tmp_path: Path, page_bytes: int) -> None:
    chance = random.Random(7)
    file = tmp_path / "file.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA page_size = {page_bytes}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        for name in ("one", "other"):
            connection.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, a, b, c)")
            connection.executemany(
                f"INSERT INTO {name} VALUES (?, ?, ?, ?)",
                [
                    (
                        chance.getrandbits(63) - (1 << 62),
                        *chance.choices(VALUES, k=2),
                        "x" * chance.choice((3, size)),
                    )
                    for size in range(0, 9000, 13)
                ],
            )
        connection.execute("DELETE FROM one WHERE id % 3 = 0")
        connection.commit()
        whole = set(connection.execute("SELECT * FROM one"))
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'one'").fetchone()
    with file.open("r+b") as opened:
        opened.seek((root - 1) * page_bytes)
        opened.write(bytes(page_bytes))
        opened.flush()
        found = list(LeafPages(opened.fileno()).rows(root))
    assert {(rowid, *values[1:]) for rowid, values in found} == whole
    assert len(found) == len(whole)


class BadSector(LeafPages):
    """A disk that cannot read some pages."""

    bad: frozenset[int] = frozenset()

    def _page(self, number: int) -> bytes:
        if number in self.bad:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super()._page(number)


def test_pages_that_the_disk_cannot_read_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "file.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA page_size = 512")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("CREATE TABLE one (id INTEGER PRIMARY KEY, a)")
        connection.executemany("INSERT INTO one (a) VALUES (?)", [("x" * 300,) for _ in range(300)])
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'one'").fetchone()
    found = {}
    for bad in (frozenset({0}), frozenset({2}), frozenset({100, 200})):
        with file.open("rb") as opened:
            leaves = BadSector(opened.fileno())
            leaves.bad = bad
            found[bad] = len(list(leaves.rows(root)))
    whole, without_map, without_leaves = found.values()
    assert whole == 300
    assert 0 < without_map < 300, "one page of the map is for 102 others"
    assert whole - without_leaves in (1, 2)


def test_what_is_broken_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "file.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("CREATE TABLE one (id INTEGER PRIMARY KEY, a)")
        connection.executemany("INSERT INTO one (a) VALUES (?)", [("x" * 3000,) for _ in range(50)])
        whole = set(connection.execute("SELECT * FROM one"))
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'one'").fetchone()
    content = bytearray(file.read_bytes())
    chance = random.Random(7)
    for _ in range(30):
        at = chance.randrange(3 * 4096, len(content) - 600)
        content[at : at + 512] = chance.randbytes(512)
    file.write_bytes(content)
    descriptor = os.open(file, os.O_RDONLY)
    try:
        found = list(LeafPages(descriptor).rows(root))
    finally:
        os.close(descriptor)
    assert len({(rowid, *values[1:]) for rowid, values in found} & whole) > 10
