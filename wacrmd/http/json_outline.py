"""The outline of a JSON text: how much it holds and where it can be cut, read before any of its values is made; pure.

The values of a text can take thirty times its size in memory, and nothing else runs while they are made: a text with too
many of them must be refused before. The outline is read a chunk at a time, so that other threads get their turn.
"""

import re
from dataclasses import dataclass, field
from itertools import islice

from wacrmd.errors import WacrmdError

MAX_DEPTH = 64
"""Arrays and objects in one another; Meta's deepest, a carousel, needs 12."""

MAX_DIGITS = 1024
"""Digits of a number: as many as a parameter may have characters. Reading a number takes time by the square of them."""

OBJECT_WEIGHT = 4
ARRAY_WEIGHT = 2
"""For how many plain values an object and an array count: by their size in memory."""

FREE_WEIGHT = 100_000
"""Values that a text of any size may hold: some 6 MB."""

FREE_SHARE = 50
"""The same as a part of the most values that it may hold: where lists may be long, their items may all be short."""

BYTES_A_VALUE = 4
"""Beyond these, a text has at least so many bytes for each value: its values take no more than about 16 times its size."""

MAX_PIECE_WEIGHT = 50_000
"""Values that are made in one go, in which nothing else runs: some 10 ms."""

_CHUNK = 32 << 10
_PIECE_BYTES = 256 << 10
_PIECE_WEIGHT = 10_000
"""A piece with so many bytes or values ends with its array's next item."""
_OPENING = b"[{"
_OUTER, _SECOND = 1, 2
_ARRAY_IN_OBJECT = (ord("{"), ord("["))
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_DIGITS = re.compile(rb"[0-9]*")
_AS_ZERO = bytes(ord("0") if chr(byte) in "0123456789" else byte for byte in range(256))
_LONG = 19
"""Digits of an integer that may have more than 64 bits."""
_NUMBER = re.compile(rb"0+")
_TO_BRACKET = re.compile(rb'(?:[^][{}"]++|"[^"]*+")*+[][{}]')


class TooMuchError(WacrmdError):
    """A text holds more than its reader takes; the text says which limit and where, as "has …" or "is …"."""


@dataclass(slots=True)
class Outline:
    """What is known of a text; if that is no valid JSON, nothing that matters."""

    has_long_integer: bool = False
    cuts: list[list[int]] = field(default_factory=list)
    """Ends of items of an array in the outermost object: between two of them there are whole items. One list an array."""


def outline(text: bytes, max_weight: int) -> Outline:
    """The outline of a text that holds at most so many values, as `OBJECT_WEIGHT` and `ARRAY_WEIGHT` count them.

    Raises TooMuchError for more values, deeper nesting and longer numbers.
    """
    dense = max(FREE_WEIGHT, max_weight // FREE_SHARE, len(text) // BYTES_A_VALUE)
    reader = _Reader(text, min(max_weight, dense))
    start = 0
    while start < len(text):
        start = reader.read_chunk(start)
    return reader.finished()


class _Reader:
    """Reads a text chunk by chunk."""

    def __init__(self, text: bytes, max_weight: int) -> None:
        self._text = text
        self._max_weight = max_weight
        self._found = Outline()
        self._in_text = False
        self._depth = 0
        self._outer = self._second = 0
        """The brackets that opened the outermost value and the one in it that is open or was the last."""
        self._weight = self._cut_weight = self._last_weight = 0
        """Of all values, of those between two cuts, and of all up to the last cut."""
        self._last_cut = 0
        self._is_new_array = True

    def read_chunk(self, start: int) -> int:
        """Read the chunk that begins here; returns its end."""
        end = self._end_of_chunk(start)
        chunk = self._text[start:end]
        if b"\\" in chunk:  # the same length, without a quote that ends no text
            chunk = chunk.replace(b"\\\\", b"__").replace(b'\\"', b"__")
        parts = chunk.split(b'"')
        plain = b" ".join(parts[self._in_text :: 2])
        self._check_numbers(plain, start)
        brackets = plain.translate(None, _NO_BRACKET)
        objects, arrays = brackets.count(b"{"), brackets.count(b"[")
        self._weight += plain.count(b",") + OBJECT_WEIGHT * objects + ARRAY_WEIGHT * arrays
        if self._weight > self._max_weight:
            raise _too_many(self._max_weight, start)
        self._read_brackets(brackets, chunk, start)
        self._in_text ^= len(parts) % 2 == 0
        return end

    def finished(self) -> Outline:
        """The outline of the whole text."""
        self._check_piece(self._weight - self._cut_weight, len(self._text))
        self._found.cuts = [cuts for cuts in self._found.cuts if len(cuts) > 1]
        return self._found

    def _end_of_chunk(self, start: int) -> int:
        """Where a chunk ends that breaks no number and no escape."""
        digits = _DIGITS.match(self._text, min(start + _CHUNK, len(self._text)))
        end = digits.end() if digits else len(self._text)
        tail = self._text[start:end]
        return end + (len(tail) - len(tail.rstrip(b"\\"))) % 2

    def _check_numbers(self, plain: bytes, start: int) -> None:
        digits = plain.translate(_AS_ZERO)
        # A search for 19 digits would begin anew at each of them. This one may take 16 for many, which costs time only.
        if b"4444" not in digits.replace(b"0000", b"4"):
            return
        longest = max(map(len, _NUMBER.findall(digits)))
        self._found.has_long_integer |= longest >= _LONG
        if longest > MAX_DIGITS:
            raise TooMuchError(f"has a number of more than {MAX_DIGITS} digits behind byte {start}")

    def _read_brackets(self, brackets: bytes, chunk: bytes, start: int) -> None:
        depth = self._depth
        wanted = (
            start + len(chunk) - self._last_cut > _PIECE_BYTES
            or self._weight - self._last_weight > _PIECE_WEIGHT
        )
        for index, bracket in enumerate(brackets):
            if bracket in _OPENING:
                depth += 1
                if depth > MAX_DEPTH:
                    raise TooMuchError(
                        f"is nested too deep behind byte {start}: expected at most {MAX_DEPTH} arrays and objects in"
                        " one another"
                    )
                if depth == _OUTER:
                    self._outer = bracket
                elif depth == _SECOND:
                    self._second, self._is_new_array = bracket, True
            else:
                depth -= 1
                if wanted and depth == _SECOND and (self._outer, self._second) == _ARRAY_IN_OBJECT:
                    wanted = False
                    self._cut(start + self._end_of_bracket(chunk, index))
        self._depth = depth

    def _end_of_bracket(self, chunk: bytes, index: int) -> int:
        begin = chunk.index(b'"') + 1 if self._in_text else 0
        return next(islice(_TO_BRACKET.finditer(chunk, begin), index, None)).end()

    def _cut(self, at: int) -> None:
        if self._is_new_array:
            self._is_new_array = False
            self._found.cuts.append([])
        else:
            piece = self._weight - self._last_weight
            self._check_piece(piece, at)
            self._cut_weight += piece
        self._found.cuts[-1].append(at)
        self._last_cut, self._last_weight = at, self._weight

    def _check_piece(self, weight: int, end: int) -> None:
        if weight > MAX_PIECE_WEIGHT:
            raise _too_many(MAX_PIECE_WEIGHT, end, " in one place")


def _too_many(limit: int, at: int, where: str = "") -> TooMuchError:
    return TooMuchError(
        f"has more than {limit} values{where}, at about byte {at}: an object counts as {OBJECT_WEIGHT}, an array as"
        f" {ARRAY_WEIGHT}. Send less in one request"
    )
