"""Rows of a table whose inner pages are broken: read from its leaf pages, which the map of pages still assigns to it.

A file with `auto_vacuum` has that map: the parent of each page. What is read here is described in SQLite's "Database File
Format" (sqlite.org/fileformat2.html): pages, cells, records, and "Pointer Map or Ptrmap Pages".
"""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

_ROOT, _CHILD = 1, 5
"""Types of entries in the map: the root page of a table or index, and a page below another one."""
_LEAF = 13
_MAX_DEPTH = 20
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_CONSTANTS = {0: None, 8: 0, 9: 1}
_DOUBLE = 7
_FIRST_TEXT = 12
"""Types of values from here on are blobs, and texts if they are odd."""


class LeafPages:
    """The leaf pages of the tables of a file that has no write-ahead log; `descriptor` is of the file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        header = os.pread(descriptor, 100, 0)
        size = int.from_bytes(header[16:18], "big")
        self._page_bytes = 65536 if size == 1 else size
        self._usable = self._page_bytes - header[20]
        has_map = any(header[52:56])
        self._count = os.fstat(descriptor).st_size // self._page_bytes if has_map else 0
        self._parents: dict[int, int] = {}

    def rows(self, root: int) -> Iterator[tuple[int, list[Any]]]:
        """Rowid and values of each row of the table with this root page that can be read, in no order."""
        self._parents = self._parents or dict(self._map())
        for page in self._parents:
            if not self._is_below(page, root):
                continue
            with suppress(IndexError, ValueError, struct.error, OSError):  # this one is broken too
                yield from self._rows_of(self._page(page))

    def _page(self, number: int) -> bytes:
        return os.pread(self._descriptor, self._page_bytes, (number - 1) * self._page_bytes)

    def _map(self) -> Iterator[tuple[int, int]]:
        """Each page of a table or index with its parent, 0 for a root page."""
        entries = self._usable // 5
        reserved = (1 << 30) // self._page_bytes + 1  # for locks: has no content, and is no page of the map
        start = 2
        while start <= self._count:
            place = start + (start == reserved)
            try:
                page = self._page(place)
            except OSError:  # the disk cannot read it
                page = bytes(self._page_bytes)
            for number in range(place + 1, min(start + entries, self._count) + 1):
                kind, parent = struct.unpack_from(">BI", page, 5 * (number - place - 1))
                if kind in (_ROOT, _CHILD):
                    yield number, parent
            start += entries + 1

    def _is_below(self, page: int, root: int) -> bool:
        for _ in range(_MAX_DEPTH):
            if page == root:
                return True
            page = self._parents.get(page, 0)
        return False

    def _rows_of(self, page: bytes) -> Iterator[tuple[int, list[Any]]]:
        if page[0] != _LEAF:
            return
        for cell in struct.unpack_from(f">{int.from_bytes(page[3:5], 'big')}H", page, 8):
            size, at = _varint(page, cell)
            rowid, at = _varint(page, at)
            yield rowid - (rowid >> 63 << 64), _values(self._payload(page, at, size))

    def _payload(self, page: bytes, at: int, size: int) -> bytes:
        """The content of a cell, of which the end may be on other pages."""
        limit, least = self._usable - 35, (self._usable - 12) * 32 // 255 - 23
        if size <= limit:
            return _piece(page, at, size)
        local = least + (size - least) % (self._usable - 4)
        local = local if local <= limit else least
        pieces, left = [_piece(page, at, local)], size - local
        (following,) = struct.unpack_from(">I", page, at + local)
        while left > 0:
            page = self._page(following)
            (following,) = struct.unpack_from(">I", page)
            pieces.append(_piece(page, 4, min(left, self._usable - 4)))
            left -= len(pieces[-1])
        return b"".join(pieces)


def _piece(page: bytes, at: int, size: int) -> bytes:
    if at + size > len(page):
        raise ValueError(size)
    return page[at : at + size]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    value = 0
    for place in range(at, at + 8):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:  # noqa: PLR2004 - the highest bit says that more follows
            return value, place + 1
    return value << 8 | data[at + 8], at + 9


def _values(record: bytes) -> list[Any]:
    """The values of a record. Raises ValueError, also for a text that is not UTF-8."""
    end, at = _varint(record, 0)
    body, values = end, list[Any]()
    while at < end:
        kind, at = _varint(record, at)
        value, body = _value(record, kind, body)
        values.append(value)
    return values


def _value(record: bytes, kind: int, at: int) -> tuple[Any, int]:
    if kind in _CONSTANTS:
        return _CONSTANTS[kind], at
    size = _INTEGER_BYTES.get(kind, 8) if kind < _FIRST_TEXT else (kind - _FIRST_TEXT) // 2
    piece = _piece(record, at, size)
    if kind in _INTEGER_BYTES:
        return int.from_bytes(piece, "big", signed=True), at + size
    if kind == _DOUBLE:
        return struct.unpack(">d", piece)[0], at + size
    if kind < _FIRST_TEXT:
        raise ValueError(kind)
    return (piece.decode() if kind % 2 else piece), at + size
