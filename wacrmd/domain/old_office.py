"""An old Office file (.doc, .xls, .ppt): which of them it is. Pure.

All three have the same form, a compound file ([MS-CFB]): a file system of streams, whose directory has entries of 128 bytes
that make a tree. The names of the streams in its root say which program wrote it.
"""

BEGIN = bytes.fromhex("d0cf11e0a1b11ae1")
"""The first bytes of each."""
DIRECTORY_BYTES = 64 * 1024
"""So much of the directory is looked at, if it is in one piece: 512 entries."""

_ENTRY = 128
_NAME_SIZE, _LEFT, _RIGHT, _CHILD = 64, 68, 72, 76
"""Where in an entry these are; the first is of 2 bytes, the others, numbers of entries, of 4."""
_SHIFTS = (9, 12)
"""Sectors have 512 or 4096 bytes."""
_STREAMS = {
    "worddocument": "doc",
    "workbook": "xls",
    "book": "xls",
    "powerpoint document": "ppt",
}


def directory_at(head: bytes) -> int | None:
    """Where in the file its directory begins, by its first bytes; None if it is none of these files."""
    shift, sector = int.from_bytes(head[30:32], "little"), int.from_bytes(head[48:52], "little")
    if not head.startswith(BEGIN) or len(head) < _CHILD or shift not in _SHIFTS:
        return None
    return (sector + 1) << shift


def kind_of(directory: bytes) -> str | None:
    """`doc`, `xls` or `ppt`, by the streams in the root; None if they do not say it. Files inside of it do not count."""
    found, seen = set[str](), set[int]()
    waiting = [_number(directory, 0, _CHILD)]
    while waiting:
        entry = waiting.pop()
        if entry in seen or (entry + 1) * _ENTRY > len(directory):
            continue
        seen.add(entry)
        waiting += [_number(directory, entry, _LEFT), _number(directory, entry, _RIGHT)]
        if (kind := _STREAMS.get(_name(directory, entry))) is not None:
            found.add(kind)
    return found.pop() if len(found) == 1 else None


def _number(directory: bytes, entry: int, place: int) -> int:
    at = entry * _ENTRY + place
    return int.from_bytes(directory[at : at + 4], "little")


def _name(directory: bytes, entry: int) -> str:
    at = entry * _ENTRY
    size = int.from_bytes(
        directory[at + _NAME_SIZE : at + _NAME_SIZE + 2], "little"
    )  # with a zero at its end
    return directory[at : at + max(0, min(size, _NAME_SIZE) - 2)].decode("utf-16-le", "replace").lower()
