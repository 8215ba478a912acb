"""How wide a text is on a terminal, and its lines where it is too wide."""

import unicodedata
from collections.abc import Iterator, Sequence

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
    line = ""
    for word in text.split(" "):
        if line and width(line) + 1 + width(word) > room:
            yield line
            line = ""
        line += (" " if line else "") + word
        while width(line) > room and (cut := _cut(line, room, whole=whole)):
            yield line[:cut]
            line = line[cut:]
    yield line


def _cut(line: str, room: int, *, whole: bool) -> int:
    """Where to break a line that is too wide, at the end of the room or the next place after it; 0 for nowhere."""
    places: Sequence[int] = range(1, len(line))
    if whole:
        places = [at for at in places if _is_wide(line[at - 1]) or _is_wide(line[at])]
    fitting = [at for at in places if width(line[:at]) <= room]
    return fitting[-1] if fitting else next(iter(places), 0)


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in _WIDE
