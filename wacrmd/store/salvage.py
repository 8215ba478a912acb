"""Reads what can be read of a broken database file into a new one, table by table, and says which rows are lost."""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from wacrmd.domain.broadcast import BroadcastStatus
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.store.leaf_pages import LeafPages

_SKIPPED_IDS = 1_000_000
"""How many ids are left out if nobody knows which ones were given: each is used for one row only, for ever."""

Row = tuple[Any, ...]
T = TypeVar("T", int, str)


@dataclass(slots=True)
class Lost:
    """What could not be read. A table that is not named in `rows` is complete."""

    rows: dict[str, int | None] = field(default_factory=dict)
    """How many rows of a table are lost; None if nobody knows."""
    optouts: dict[int, int] = field(default_factory=dict)
    """The person of each lost opt-out whose index can be read."""
    broadcasts: dict[int, str] = field(default_factory=dict)
    """The UUID of each lost broadcast whose index can be read."""
    sent: list[int] = field(default_factory=list)
    """Recipients whose row says that they wait, while an index says that they do not: the row is an old one."""

    def add(self, table: str, count: int | None) -> None:
        """So many rows of a table are lost, or nobody knows how many."""
        known = self.rows.get(table, 0)
        if count != 0:
            self.rows[table] = None if known is None or count is None else known + count


def salvage(
    old: sqlite3.Connection, new: sqlite3.Connection, broken: Collection[str], leaves: LeafPages | None
) -> Lost:
    """Copy the rows of the tables of `new`, which are empty; `broken` are tables that a check has named.

    Nothing is taken from an index but the keys that it has: with them, rows behind a broken page are found, and others are
    known to be lost.
    """
    lost = Lost()
    for table, sql in new.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite^_%' ESCAPE '^'"
    ).fetchall():
        copy = _Copy(old, new, table, has_rowid="WITHOUT ROWID" not in sql, is_suspect=table in broken)
        count = copy.run(leaves)
        if table == "optout":
            lost.optouts = copy.known("person_id", "sqlite_autoindex_optout_1", int)
        if table == "broadcast":
            lost.broadcasts = copy.known("uuid", "sqlite_autoindex_broadcast_1", str)
        lost.add(table, count)
    _drop_strays(new, lost)
    waiting = {RecipientStatus.PENDING}
    lost.sent = _outdated(old, new, "recipient", "recipient_count", {*waiting}, {*RecipientStatus} - waiting)
    lost.add("recipient", len(lost.sent))
    moving = {BroadcastStatus.SCHEDULED, BroadcastStatus.SENDING}
    held = _outdated(old, new, "broadcast", "broadcast_status", {*moving}, {*BroadcastStatus} - moving)
    lost.add("broadcast", len(held))
    _continue_ids(old, new)
    return lost


class _Reading:
    """The rows of a statement as far as they can be read."""

    def __init__(self, connection: sqlite3.Connection, statement: str, *parameters: object) -> None:
        self._arguments = connection, statement, parameters
        self.is_broken = False

    def __iter__(self) -> Iterator[Row]:
        connection, statement, parameters = self._arguments
        try:
            yield from connection.execute(statement, parameters)
        except sqlite3.DatabaseError:  # also for a text that is not UTF-8
            self.is_broken = True


class _Copy:
    """One table, from the old file to the new one."""

    def __init__(
        self,
        old: sqlite3.Connection,
        new: sqlite3.Connection,
        table: str,
        *,
        has_rowid: bool,
        is_suspect: bool,
    ) -> None:
        self._old, self._new, self._table, self._has_rowid = old, new, table, has_rowid
        described = new.execute(f'PRAGMA table_info("{table}")').fetchall()
        columns = [name for _, name, *_ in described]
        keys = [name for _, name, *_, place in sorted(described, key=lambda each: each[5]) if place]
        if has_rowid:
            is_alias = any(kind == "INTEGER" and place for _, _, kind, _, _, place in described)
            keys = keys if is_alias and len(keys) == 1 else ["rowid"]
            columns = list(dict.fromkeys([*keys, *columns]))
        self._keys = keys
        self._is_key = " AND ".join(f'"{each}" = ?' for each in keys)
        self._at = [columns.index(each) for each in keys]
        names = ", ".join(f'"{each}"' for each in columns)
        self._select = f'SELECT {names} FROM "{table}" NOT INDEXED'
        values = ", ".join("?" * len(columns))
        self._insert = f'INSERT OR IGNORE INTO "{table}" ({names}) VALUES ({values})'
        self._width = len(columns)
        self._is_suspect = is_suspect
        self._lost_keys = set[Row]()

    def run(self, leaves: LeafPages | None) -> int | None:
        """Copy what can be read; how many rows are lost, None if nobody knows."""
        is_broken = self._is_suspect | self._copy_from_both_ends()
        is_confirmed = False
        names = ", ".join(f'"{each}"' for each in self._keys)
        for index, where in self._indexes():
            reading = _Reading(self._old, f'SELECT {names} FROM "{self._table}" INDEXED BY "{index}"{where}')
            self._lost_keys.update(each for each in reading if not self._has(each))
            is_confirmed |= not (reading.is_broken or where)
        for each in list(self._lost_keys):
            found = _Reading(self._old, f"{self._select} WHERE {self._is_key}", *each)
            if any(self._put(row) for row in found):
                self._lost_keys.discard(each)
        if self._has_rowid and self._lost_keys and leaves is not None:
            self._copy_from(leaves)
        return len(self._lost_keys) or (0 if is_confirmed or not is_broken else None)

    def known(self, column: str, index: str, kind: type[T]) -> dict[int, T]:
        """What an index has of the lost rows, by their ids."""
        reading = _Reading(self._old, f'SELECT id, {column} FROM "{self._table}" INDEXED BY {index}')
        found = {row_id: value for row_id, value in reading if (row_id,) in self._lost_keys}
        return {row_id: value for row_id, value in found.items() if isinstance(value, kind)}

    def _copy_from_both_ends(self) -> bool:
        """Copy the rows before the first broken page and those after the last one; whether there is one."""
        is_broken = self._copy_in_order("", lambda key, last: key > last)
        if is_broken:
            self._copy_in_order(" DESC", lambda key, last: key < last)
        return is_broken

    def _copy_in_order(self, direction: str, follows: Callable[[Row, Row], bool]) -> bool:
        """Copy rows by their key up to one that cannot be read, or is in the wrong place; whether there was one."""
        order = ", ".join(f'"{each}"{direction}' for each in self._keys)
        reading = _Reading(self._old, f"{self._select} ORDER BY {order}")
        last: Row | None = None
        is_broken = False
        for row in reading:
            key = tuple(row[each] for each in self._at)
            with suppress(TypeError):
                if last is not None and not follows(key, last):
                    return True
            last = key
            if not self._put(row):
                is_broken = True
                if direction:
                    break  # the other end is reached
        return is_broken or reading.is_broken

    def _copy_from(self, leaves: LeafPages) -> None:
        """Copy lost rows from leaf pages to which no page leads any more."""
        (root,) = self._old.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (self._table,)
        ).fetchone()
        for rowid, values in leaves.rows(root):
            if (rowid,) in self._lost_keys:
                # The key is stored as NULL where it is a column, and not at all where it is not.
                row = [rowid, *values] if self._keys == ["rowid"] else [rowid, *values[1:]]
                if len(row) == self._width and self._put(row):
                    self._lost_keys.discard((rowid,))

    def _put(self, row: Sequence[Any]) -> bool:
        """Store a row; False for one that the schema does not allow, or that is there.

        Nor one of a broken table with zeros in a text: a disk has put them there.
        """
        if self._is_suspect and any(isinstance(each, str) and "\0" in each for each in row):
            return False
        try:
            return self._new.execute(self._insert, row).rowcount > 0
        except sqlite3.IntegrityError:  # a value of another type; a full disk is another error
            return False

    def _has(self, key: Row) -> bool:
        found = self._new.execute(f'SELECT 1 FROM "{self._table}" WHERE {self._is_key}', key)
        return found.fetchone() is not None

    def _indexes(self) -> list[tuple[str, str]]:
        """Each index, and the condition of those that have no entry for some rows."""
        rows = self._old.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?", (self._table,)
        )
        return [(name, "".join((sql or "").partition(" WHERE ")[1:])) for name, sql in rows]


def _drop_strays(new: sqlite3.Connection, lost: Lost) -> None:
    """Rows that refer to nothing, though nothing is lost there, are broken themselves."""
    for table, rowid, parent, _ in new.execute("PRAGMA foreign_key_check").fetchall():
        if parent not in lost.rows:
            new.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (rowid,))
            lost.add(table, 1)


def _outdated(
    old: sqlite3.Connection, new: sqlite3.Connection, table: str, index: str, first: set[str], later: set[str]
) -> list[int]:
    """Ids of rows with a first status, while the index has a later one: a disk has forgotten to write the page."""
    entries = _Reading(old, f"SELECT id, status FROM {table} INDEXED BY {index}")
    row = f"SELECT status FROM {table} WHERE id = ?"
    return [
        each
        for each, status in entries
        if status in later and (new.execute(row, (each,)).fetchone() or (None,))[0] in first
    ]


def _continue_ids(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """No id of a deleted row, or of a lost one, is given again."""
    reading = _Reading(old, "SELECT name, seq FROM sqlite_sequence")
    given = [(seq, name) for name, seq in reading if isinstance(seq, int)]
    for (table,) in new.execute("SELECT name FROM sqlite_schema WHERE sql LIKE '%AUTOINCREMENT%'").fetchall():
        new.execute(
            "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, 0 WHERE NOT EXISTS"
            " (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
            (table,),
        )
    new.executemany("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", given)
    if reading.is_broken:
        new.execute("UPDATE sqlite_sequence SET seq = seq + ?", (_SKIPPED_IDS,))
