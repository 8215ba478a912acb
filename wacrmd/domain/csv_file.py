"""CSV files as people and spreadsheets save them: separator, quotes, rows with their line numbers. Pure.

This is the only reader of CSV. people_file.py says which column has the addresses; recipient_file.py and optout_file.py
say what the other columns mean.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from wacrmd.domain.text_file import split_lines

DELIMITERS = ",;\t|"
"""Characters that may separate two cells, in the order of preference."""

MAX_CELL = 32_767
"""Characters of a cell of several lines at most, as in Excel: a quote that opens a longer one is a stray quote."""
MAX_ROW = 4 * MAX_CELL
"""Characters of a row of several lines at most."""

_BYTE_ORDER_MARK = "\ufeff"
_SEP_LINE = re.compile(r'\s*"?sep=(?:"([^"\w])"|([^"\w]))"?(.*)', re.IGNORECASE)
"""The line by which Excel is told the separator: `sep=;`, quoted or with empty cells after it by some programs."""

_AFTER_SEP = DELIMITERS + '" '

_UNCLEAR = (
    "a quote opens on line {} and closes on line {}, and the lines between look like rows: correct the quotes"
)
_BEGIN = re.compile(r"[ \t]*")
_OPEN = re.compile(r'"[^"]*(?:""[^"]*)*\Z')
"""A quote that is not closed."""
_PAIRED = re.compile(r'[^"]*(?:""[^"]*)*')
"""A line within a quoted cell that does not close it."""


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row, without spaces around them; `line` is where the row begins, counted from 1.

    `text` is the row as it stands in the file. `problem` says why it cannot be read; then it has no cells. With `is_stray`
    a quote at an end of a cell encloses nothing: a separator within its text may have made two cells of one.
    """

    line: int
    cells: list[str]
    text: str
    problem: str | None = None
    is_stray: bool = False


class CsvReader:
    r"""The rows of a file, read as they are asked for.

    The separator is the one that a `sep=` line names. Otherwise it is the candidate with which `is_known` knows the first
    row, or else the one that gives it the most cells.

    A quoted cell may hold separators, line breaks, and quotes as `""`. A quote that does not enclose a whole cell is
    part of the text, and never hides the lines below it: if those are rows by `is_row`, they are read as rows.
    """

    def __init__(
        self, lines: Iterable[str], *, is_known: Callable[[list[str]], bool] = lambda _: False
    ) -> None:
        self._source = enumerate(lines, start=1)
        self._waiting: deque[tuple[int, str]] = deque()
        self.is_row: Callable[[list[str]], bool] = lambda _: False
        """Whether a line that may be within a cell is a row of its own; set it once the columns are known."""
        self.width = 0
        """How many cells a row has, as far as it is known."""
        self._unclear_until, self._unclear = 0, ""
        self._stray_until = (
            0  # the open quotes up to this line enclose no cell: to look again would take ages
        )
        self.sep_line: str | None = None
        self.delimiter = DELIMITERS[0]
        first = self._next_with_text()
        if first is None:
            return
        if (named := _SEP_LINE.fullmatch(first[1].strip("\r\n"))) and not named[3].strip(_AFTER_SEP):
            self.sep_line, self.delimiter = first[1], named[1] or named[2]
            return
        self._waiting.appendleft(first)
        self.delimiter = self._best_delimiter(is_known)

    def __iter__(self) -> Iterator[Row]:
        """All rows that hold anything."""
        while (row := self._next_row()) is not None:
            if row.problem is not None or any(row.cells):
                yield row

    def _best_delimiter(self, is_known: Callable[[list[str]], bool]) -> str:
        """The separator of the first row, which is read once with each candidate."""
        scores: list[tuple[bool, bool, int]] = []
        for delimiter in DELIMITERS:
            self.delimiter, self._stray_until = delimiter, 0
            row = self._next_row()
            if row is not None:
                self._put_back(list(enumerate(split_lines(row.text), start=row.line)))
            cells = row.cells if row is not None else []
            scores.append((is_known(cells), not any(cell.startswith('"') for cell in cells), len(cells)))
        self._stray_until = 0
        return DELIMITERS[scores.index(max(scores))]

    def _next_with_text(self) -> tuple[int, str] | None:
        while (found := self._next_line()) is not None:
            text = found[1].removeprefix(_BYTE_ORDER_MARK)
            if text.strip():
                return found[0], text
        return None

    def _next_line(self) -> tuple[int, str] | None:
        return self._waiting.popleft() if self._waiting else next(self._source, None)

    def _put_back(self, lines: list[tuple[int, str]]) -> None:
        self._waiting.extendleft(reversed(lines))

    def _next_row(self) -> Row | None:
        found = self._next_line()
        if found is None:
            return None
        number, line = found
        if number <= self._unclear_until:
            return Row(number, [], line, self._unclear)
        if '"' not in line:
            return Row(number, [cell.strip() for cell in line.split(self.delimiter)], line)
        split = _split(line, self.delimiter)
        alone = Row(number, split.cells, line, is_stray=split.is_stray)
        if split.open_at is None or number <= self._stray_until:
            return alone
        return self._row_of_lines(alone, split.open_at)

    def _row_of_lines(self, alone: Row, open_at: int) -> Row:
        """The row that begins on a line with a quote that is open at its end; `alone` is that line for itself."""
        taken, within = self._lines_until_closed(alone.text, open_at)
        if not taken:
            return alone
        lines = [line for _, line in taken]
        text = alone.text + "".join(lines)
        split = _split(text, self.delimiter)
        # What stands outside of the quotes, on the first and on the last line, belongs to the row, whatever it looks like.
        before = len(_split(alone.text[:open_at], self.delimiter).cells) - 1
        enclosed = [[""] * before + alone.cells[before:]]
        enclosed += [_split(line, self.delimiter).cells for line in (*lines[:-1], lines[-1][:within])]
        if not any(map(self.is_row, enclosed)) and not self._is_too_wide(split.cells):
            return Row(alone.line, split.cells, text, is_stray=split.is_stray)
        self._put_back(taken)
        rows = [_split(line, self.delimiter).cells for line in lines]
        if all(self.is_row(row) and len(row) == len(alone.cells) for row in rows):
            return alone
        self._unclear_until = taken[-1][0]
        self._unclear = _UNCLEAR.format(alone.line, self._unclear_until)
        return Row(alone.line, [], alone.text, self._unclear)

    def _is_too_wide(self, cells: list[str]) -> bool:
        return bool(self.width) and any(cells[self.width :])

    def _lines_until_closed(self, first: str, open_at: int) -> tuple[list[tuple[int, str]], int]:
        """The lines after the first one up to the end of the row, and where on the last one the quote closes.

        None, if the quote encloses no cell.
        """
        taken: list[tuple[int, str]] = []
        cell, cell_size, row_size = [first[open_at:]], len(first) - open_at, len(first)
        while cell_size <= MAX_CELL and row_size <= MAX_ROW:
            following = self._next_line()
            if following is None:
                break
            taken.append(following)
            line = following[1]
            cell.append(line)
            cell_size, row_size = cell_size + len(line), row_size + len(line)
            if _PAIRED.fullmatch(line):  # only this line is looked at: a cell may have thousands
                continue
            text = "".join(cell)
            closed = _quoted(self.delimiter).match(text)
            if closed is None:
                self._stray_until = following[0] - 1
                self._put_back(taken)
                return [], 0
            rest = text[closed.end() :]
            again = _split(rest, self.delimiter).open_at
            if again is None:
                return taken, len(line) - len(rest)
            cell, cell_size = [rest[again:]], len(rest) - again
        self._stray_until = taken[-1][0] if taken else 0
        self._put_back(taken)
        return [], 0


class _Split(NamedTuple):
    """The cells of a text, and where a quote begins that is open at its end; None if there is none."""

    cells: list[str]
    open_at: int | None
    is_stray: bool


def _split(text: str, delimiter: str) -> _Split:
    """The cells of a row. A quote that does not enclose a whole cell is a part of the cell."""
    quoted = _quoted(delimiter)
    cells: list[str] = []
    at, open_at, is_stray = 0, None, False
    while True:
        if enclosed := quoted.match(text, at):
            cells.append(enclosed[1].replace('""', '"').strip())
            end = enclosed.end()
        else:
            end = text.find(delimiter, at)
            end = len(text) if end < 0 else end
            cells.append(text[at:end].strip())
            is_stray = is_stray or cells[-1].startswith('"') or cells[-1].endswith('"')
            if open_at is None and (begin := _BEGIN.match(text, at)) and _OPEN.match(text, begin.end()):
                open_at = begin.end()
        if not text.startswith(delimiter, end):
            return _Split(cells, open_at, is_stray)
        at = end + 1


@cache
def _quoted(delimiter: str) -> re.Pattern[str]:
    """A cell within quotes, with spaces around it."""
    space = " " if delimiter == "\t" else "[ \\t]"
    return re.compile(rf'{space}*"([^"]*(?:""[^"]*)*)"{space}*(?={re.escape(delimiter)}|[\r\n]*\Z)')
