"""Recipients from a CSV file: a column of phone numbers, and one column for each parameter of the template. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wacrmd.domain.csv_file import Row
from wacrmd.domain.people_file import EXPORT_BEGINS, MAX_NAME_SHOWN, TO, PeopleFile, without_empty_end
from wacrmd.domain.placeholders import number_of
from wacrmd.domain.rejected_file import RejectedFormat
from wacrmd.domain.text_file import CsvError, decode_lines
from wacrmd.errors import counted

_ROUNDED = re.compile(r"[0-9]+(?:[.,][0-9]*)?[eE]\+?[0-9]+", re.ASCII)
"""A phone number that a spreadsheet has turned into a number with an exponent, such as 1.41556E+10."""


@dataclass(frozen=True, slots=True)
class FileRecipient:
    """One recipient, and the line of the file on which it begins; `params` are in the template's order."""

    line: int
    to: str
    params: list[str]
    text: str = ""
    """The row as it stands in the file."""


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A line that cannot be used, and why."""

    line: int
    to: str
    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class RecipientFile:
    """What a file holds: the names of the parameters in the template's order, good rows, and bad ones."""

    columns: list[str]
    rows: list[FileRecipient]
    rejected: list[RejectedLine]
    numbered: bool
    """Whether the columns are called 1, 2 … or {{1}}, {{2}} …"""
    rejected_format: RejectedFormat


def read_recipients(pieces: Iterable[bytes], *, column: str | None = None) -> RecipientFile:
    """The recipients in a file, given in pieces of any size; `column` names the one with the phone numbers.

    Raises CsvError for a file that cannot be used.
    """
    file = PeopleFile(decode_lines(pieces), column=column, own_names=(TO,))
    header = _Header.read(file)
    good: list[FileRecipient] = []
    rejected: list[RejectedLine] = []
    for row in file:
        read = header.recipient(row)
        if isinstance(read, RejectedLine):
            rejected.append(read)
        else:
            good.append(read)
    return RecipientFile(header.params, good, rejected, header.numbered, RejectedFormat(file))


@dataclass(frozen=True, slots=True)
class _Header:
    """The columns of the file; `order` has the places of the parameters in the template's order."""

    file: PeopleFile
    names: list[str]
    order: list[int]
    numbered: bool
    index: int | None = None
    """The place of a first column without a name, which has only the numbers of the rows."""

    @classmethod
    def read(cls, file: PeopleFile) -> "_Header":
        """The header of the file; raises CsvError for one that cannot be used."""
        names, line = file.columns.names, file.first.line
        if not names:
            names = without_empty_end(file.first.cells)
            if len(names) > 1:
                raise CsvError(
                    f"line {line}: expected a header with a column called to and the names of the parameters"
                )
            return cls(file, names, [], numbered=False)
        ignored = {file.columns.address, file.columns.reason, *file.codes.taken}
        if tuple(names[: len(EXPORT_BEGINS)]) == EXPORT_BEGINS:  # its other columns are no parameters
            return cls(file, names, [], numbered=False)
        places = [place for place in range(len(names)) if place not in ignored]
        params = [names[place] for place in places]
        first = int(file.columns.reason == 0)
        index = first if first in places and not names[first] else None
        if index is not None:  # running numbers, as pandas writes them
            places, params = places[1:], params[1:]
        if "" in params:
            at = next(place for place in places if not names[place])
            raise CsvError(f"line {line}: column {at + 1} has no name")
        if len(set(params)) != len(params):
            twice = next(name for name in params if params.count(name) > 1)
            raise CsvError(f"line {line}: two columns are called {twice}")
        numbers = {place: number for place in places if (number := number_of(names[place])) is not None}
        if not numbers or len(numbers) != len(params):
            return cls(file, names, places, numbered=False, index=index)
        if sorted(numbers.values()) != list(range(1, len(params) + 1)):
            expected = f"expected the columns 1 to {len(params)}, found {', '.join(params)}"
            raise CsvError(f"line {line}: {expected}")
        return cls(file, names, sorted(places, key=numbers.__getitem__), numbered=True, index=index)

    @property
    def params(self) -> list[str]:
        """The names of the parameters in the template's order."""
        return [self.names[place] for place in self.order]

    def recipient(self, row: Row) -> FileRecipient | RejectedLine:
        """The recipient in a row, or why the row cannot be used."""
        to, name = self.file.address(row.cells), self.file.address_name
        for reason in self._reasons(row, to, name):
            return RejectedLine(row.line, to, reason, row.text)
        return FileRecipient(
            row.line, to, [self.file.text(row.cells[place]) for place in self.order], row.text
        )

    def _reasons(self, row: Row, to: str, name: str) -> Iterator[str]:
        """Why the row cannot be used, the first reason first; nothing for a good row."""
        yield from row_problems(self.file, self.names, row)
        if not to:
            yield f"has no number in column {name}"
        if is_rounded(to):
            yield f"is a number that a spreadsheet has rounded; format column {name} as text"
        if self.index is not None and not row.cells[self.index].isdecimal():
            yield f"has {row.cells[self.index][:MAX_NAME_SHOWN] or 'nothing'} in column 1, which has no name"
        yield from cell_problems(self.file, self.names, row, self.order)


def row_problems(file: PeopleFile, names: list[str], row: Row) -> Iterator[str]:
    """Why the cells of a row cannot be told apart, or its address not be trusted; at most one reason."""
    if (problem := file.problem(row)) is not None:
        yield problem
        return
    cells = row.cells
    if not any(cells[len(names) :]):
        cells = cells[: len(names)]  # spreadsheets write empty cells beyond the last column
    if len(cells) != len(names):
        found, expected = (len(each) - (file.columns.reason is not None) for each in (cells, names))
        yield f"has {counted(found, 'column')}, expected {expected}"


def cell_problems(file: PeopleFile, names: Sequence[str], row: Row, places: Iterable[int]) -> Iterator[str]:
    """Why the cells of a row at these places can fill no placeholder."""
    for place in places:
        if not file.text(row.cells[place]):
            yield f"has nothing in column {names[place]}, and Meta takes no empty parameter"
        if "\ufffd" in row.cells[place]:
            yield f"has the character \ufffd in column {names[place]}: a program has damaged it before"


def is_rounded(to: str) -> bool:
    """Whether a spreadsheet has turned a phone number into one with an exponent."""
    return _ROUNDED.fullmatch(to) is not None
