"""Recipients from a CSV file: a header with `to`, and one column for each parameter of the template. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from wacrmd.domain.csv_file import CsvError, CsvReader, columns_named, decode_lines
from wacrmd.domain.placeholders import number_of

TO = "to"
_ROUNDED = re.compile(r"[0-9][.,][0-9]+[eE]\+?[0-9]+")
"""A phone number that a spreadsheet has turned into a number with an exponent, such as 1.41556E+10."""

MAX_NAMES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class FileRecipient:
    """One recipient, and the line of the file on which it begins; `params` are in the template's order."""

    line: int
    to: str
    params: list[str]


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line that cannot be used, and why."""

    line: int
    to: str
    reason: str


@dataclass(frozen=True, slots=True)
class RecipientFile:
    """What a file holds: the names of the parameters in the template's order, good rows, and bad ones."""

    columns: list[str]
    rows: list[FileRecipient]
    rejected: list[RejectedLine]
    numbered: bool
    """Whether the columns are called 1, 2 … or {{1}}, {{2}} …"""


def read_recipients(pieces: Iterable[bytes]) -> RecipientFile:
    """The recipients in a file, given in pieces of any size; raises CsvError for a file that cannot be used."""
    rows = iter(CsvReader(decode_lines(pieces)))
    first = next(rows, None)
    if first is None:
        raise CsvError("the file is empty: expected a header row such as to,name")
    header = _Header.read(first.line, first.cells)
    good: list[FileRecipient] = []
    rejected: list[RejectedLine] = []
    for row in rows:
        read = header.recipient(row.line, row.cells)
        if isinstance(read, RejectedLine):
            rejected.append(read)
        else:
            good.append(read)
    return RecipientFile(header.params, good, rejected, header.numbered)


@dataclass(frozen=True, slots=True)
class _Header:
    """The places of `to` and of the parameters in each row; `order` has the places in the template's order."""

    names: list[str]
    to: int
    order: list[int]
    numbered: bool

    @classmethod
    def read(cls, line: int, names: list[str]) -> "_Header":
        """The header in these cells; raises CsvError for one that cannot be used."""
        found = columns_named(names, [TO])
        if len(found) != 1:
            shown = ", ".join(name or "(no name)" for name in names[:MAX_NAMES_SHOWN])
            raise CsvError(f"line {line}: expected one column called to, found: {shown}")
        places = [place for place in range(len(names)) if place != found[0]]
        params = [names[place] for place in places]
        if "" in params:
            raise CsvError(f"line {line}: column {names.index('') + 1} has no name")
        if len(set(params)) != len(params):
            twice = next(name for name in params if params.count(name) > 1)
            raise CsvError(f"line {line}: two columns are called {twice}")
        numbers = {place: number for place in places if (number := number_of(names[place])) is not None}
        if not numbers or len(numbers) != len(params):
            return cls(names, found[0], places, numbered=False)
        if sorted(numbers.values()) != list(range(1, len(params) + 1)):
            expected = f"expected the columns 1 to {len(params)}, found {', '.join(params)}"
            raise CsvError(f"line {line}: {expected}")
        return cls(names, found[0], sorted(places, key=numbers.__getitem__), numbered=True)

    @property
    def params(self) -> list[str]:
        """The names of the parameters in the template's order."""
        return [self.names[place] for place in self.order]

    def recipient(self, line: int, cells: list[str]) -> FileRecipient | RejectedLine:
        """The recipient in a row, or why the row cannot be used."""
        to = cells[self.to] if self.to < len(cells) else ""
        if not any(cells[len(self.names) :]):
            cells = cells[: len(self.names)]  # spreadsheets write empty cells beyond the last column
        if len(cells) != len(self.names):
            return RejectedLine(line, to, f"has {len(cells)} columns, expected {len(self.names)}")
        if not to:
            return RejectedLine(line, "", "has no number in column to")
        if _ROUNDED.fullmatch(to):
            reason = "is a number that a spreadsheet has rounded; format column to as text"
            return RejectedLine(line, to, reason)
        params = [cells[place] for place in self.order]
        if "" in params:
            empty = self.params[params.index("")]
            reason = f"has nothing in column {empty}, and Meta takes no empty parameter"
            return RejectedLine(line, to, reason)
        return FileRecipient(line, to, params)
