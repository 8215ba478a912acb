"""CSV files as people and spreadsheets save them: separator, quotes, rows with their line numbers. Pure.

This is the only reader of CSV. people_file.py says which column has the addresses; recipient_file.py and optout_file.py
say what the other columns mean.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

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


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row, without spaces around them; `line` is where the row begins, counted from 1.

    `text` is the row as it stands in the file. `problem` says why it cannot be read; then it has no cells.
    """

    line: int
    cells: list[str]
    text: str
    problem: str | None = None


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
            return Row(number, _stripped(line.split(self.delimiter)), line)
        cells, open_at = _split(line, self.delimiter)
        if open_at is None or number <= self._stray_until:
            return Row(number, cells, line)
        return self._row_of_lines(number, line, cells, open_at)

    def _row_of_lines(self, number: int, first: str, alone: list[str], open_at: int) -> Row:
        """The row that begins on a line with a quote that is open at its end; `alone` are the line's own cells."""
        taken = self._lines_until_closed(first, open_at)
        if not taken:
            return Row(number, alone, first)
        inner = [_split(line, self.delimiter)[0] for _, line in taken]
        # The last line also has the cells behind the quote. Where both ends of a row have too few, they are one row.
        last = inner[-1] if max(len(alone), len(inner[-1])) >= self.width else []
        rows = [cells for cells in [*inner[:-1], last] if cells and self.is_row(cells)]
        if not rows:
            text = first + "".join(line for _, line in taken)
            return Row(number, _split(text, self.delimiter)[0], text)
        self._put_back(taken)
        if len(rows) == len(inner) and all(len(cells) == len(alone) for cells in rows):
            return Row(number, alone, first)
        self._unclear_until = taken[-1][0]
        self._unclear = _UNCLEAR.format(number, self._unclear_until)
        return Row(number, [], first, self._unclear)

    def _lines_until_closed(self, first: str, open_at: int) -> list[tuple[int, str]]:
        """The lines after the first one up to the end of the row; none if the quote encloses no cell."""
        taken: list[tuple[int, str]] = []
        text, start = first, open_at
        while len(text) - start <= MAX_CELL and len(text) <= MAX_ROW:
            following = self._next_line()
            if following is None:
                break
            taken.append(following)
            text += following[1]
            if '"' not in following[1] or _OPEN.match(text, start):
                continue
            closed = _quoted(self.delimiter).match(text, start)
            if closed is None:
                self._stray_until = following[0] - 1
                self._put_back(taken)
                return []
            _, again = _split(text[closed.end() :], self.delimiter)
            if again is None:
                return taken
            start = closed.end() + again
        self._stray_until = taken[-1][0] if taken else 0
        self._put_back(taken)
        return []


def _split(text: str, delimiter: str) -> tuple[list[str], int | None]:
    """The cells of a row, and where a quote begins that is open at its end; None if there is none.

    A quote that does not enclose a whole cell is a part of the cell.
    """
    quoted = _quoted(delimiter)
    cells: list[str] = []
    at, open_at = 0, None
    while True:
        if enclosed := quoted.match(text, at):
            cells.append(enclosed[1].replace('""', '"'))
            end = enclosed.end()
        else:
            end = text.find(delimiter, at)
            end = len(text) if end < 0 else end
            cells.append(text[at:end])
            if open_at is None and (begin := _BEGIN.match(text, at)) and _OPEN.match(text, begin.end()):
                open_at = begin.end()
        if not text.startswith(delimiter, end):
            return _stripped(cells), open_at
        at = end + 1


@cache
def _quoted(delimiter: str) -> re.Pattern[str]:
    """A cell within quotes, with spaces around it."""
    space = " " if delimiter == "\t" else "[ \\t]"
    return re.compile(rf'{space}*"([^"]*(?:""[^"]*)*)"{space}*(?={re.escape(delimiter)}|[\r\n]*\Z)')


def _stripped(cells: list[str]) -> list[str]:
    return [cell.strip() for cell in cells]
