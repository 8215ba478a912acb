"""How wide a text is on a terminal, and its lines where it is too wide."""

import unicodedata
from collections.abc import Iterator

_WIDE = "WF"
"""East Asian widths (UAX 11) of characters that take two columns."""
_NO_WIDTH = ("Mn", "Me", "Cf")
"""Categories of characters that take none: marks on the one before, joiners, variants."""


def width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.category(one) in _NO_WIDTH else 1 + _is_wide(one) for one in text)


def folded(text: str, room: int, *, whole: bool = False) -> Iterator[str]:
    """The lines of a text, broken between words where that is possible.

    With `whole`, other words are broken only beside characters that take two columns, whose scripts have no spaces: a
    path or a command that does not fit can still be copied.
    """
    line, taken = "", 0
    for word in text.split(" "):
        columns = width(word)
        if line and taken + 1 + columns > room:
            yield line
            line, taken = "", 0
        taken += bool(line) + columns
        line += (" " if line else "") + word
        if taken > room:
            *full, line = _broken(line, room, whole=whole)
            yield from full
            taken = width(line)
    yield line


def _broken(line: str, room: int, *, whole: bool) -> Iterator[str]:
    """The parts of a line that is too wide: each broken where the room ends, or at the next place after it."""
    begin = place = columns = columns_at_place = 0
    before_is_wide = False
    for at, character in enumerate(line):
        is_wide = _is_wide(character)
        if at > begin and (not whole or before_is_wide or is_wide):
            place, columns_at_place = at, columns
        columns += width(character)
        if columns > room and place > begin:
            yield line[begin:place]
            begin, columns = place, columns - columns_at_place
        before_is_wide = is_wide
    yield line[begin:]


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in _WIDE
