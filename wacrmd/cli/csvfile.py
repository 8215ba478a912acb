"""Recipients from a CSV file: a header row, `to`, and one column for each parameter of the template. Pure."""

import csv
import io
import re
from dataclasses import dataclass

from wacrmd.domain.placeholders import number_of

_EXPONENT = re.compile(r"[0-9][.,][0-9]+[eE]\+?[0-9]+")
DELIMITERS = (",", ";", "\t", "|")


class CsvError(ValueError):
    """The file cannot be used at all; the text is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One recipient and the line of the file on which it begins."""

    line: int
    to: str
    params: list[str]


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be used, and why."""

    line: int
    to: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file holds: the parameters' columns in the template's order, good rows, and bad ones."""

    columns: list[str]
    rows: list[Row]
    faults: list[Fault]
    numbered: bool
    """Whether the columns are called 1, 2 … or {{1}}, {{2}} …"""


def parse(raw: bytes) -> Sheet:
    """The recipients in a file; raises CsvError for a file that cannot be read as such."""
    text = _text(raw)
    if not text.strip():
        raise CsvError("the file is empty: expected a header row such as to,name")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        header = [cell.strip() for cell in next(reader)]
        place, names = _columns(header)
        order, numbered = _order(names)
        rows: list[Row] = []
        faults: list[Fault] = []
        end = reader.line_num
        for cells in reader:
            line, end = end + 1, reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            fault, row = _row(line, cells, place, header, order)
            faults += [fault] if fault else []
            rows += [row] if row else []
    except csv.Error as error:
        raise CsvError(f"line {reader.line_num}: {error}") from None
    return Sheet([names[at] for at in order], rows, faults, numbered)


def _text(raw: bytes) -> str:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CsvError(f"line {line}: expected UTF-8 text; save the file as 'CSV UTF-8'") from None


def _delimiter(text: str) -> str:
    """The one that splits the header row most often; Excel writes semicolons in half of Europe."""
    head = text.lstrip().split("\n", 1)[0]
    return max(DELIMITERS, key=head.count)


def _columns(header: list[str]) -> tuple[int, list[str]]:
    """Where `to` stands, and the names of the other columns."""
    lowered = [name.lower() for name in header]
    if lowered.count("to") != 1:
        found = ", ".join(name or "(no name)" for name in header[:8])
        raise CsvError(f"line 1: expected one column called to, found: {found}")
    place = lowered.index("to")
    names = header[:place] + header[place + 1 :]
    if "" in names:
        raise CsvError(f"line 1: column {header.index('') + 1} has no name")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise CsvError(f"line 1: two columns are called {twice}")
    return place, names


def _order(names: list[str]) -> tuple[list[int], bool]:
    """The places of the parameters in the template's order; by number where all names are numbers."""
    numbers = [number for name in names if (number := number_of(name)) is not None]
    if not numbers or len(numbers) != len(names):
        return list(range(len(names))), False
    if sorted(numbers) != list(range(1, len(names) + 1)):
        raise CsvError(f"line 1: expected the columns 1 to {len(names)}, found {', '.join(names)}")
    return sorted(range(len(names)), key=numbers.__getitem__), True


def _row(
    line: int, cells: list[str], place: int, header: list[str], order: list[int]
) -> tuple[Fault | None, Row | None]:
    to = cells[place].strip() if place < len(cells) else ""
    if len(cells) > len(header) and not any(cell.strip() for cell in cells[len(header) :]):
        cells = cells[: len(header)]
    if len(cells) != len(header):
        return Fault(line, to, f"has {len(cells)} columns, expected {len(header)}"), None
    if not to:
        return Fault(line, "", "has no number in column to"), None
    if _EXPONENT.fullmatch(to):
        return Fault(line, to, "is a number that a spreadsheet has rounded; format column to as text"), None
    others = cells[:place] + cells[place + 1 :]
    names = header[:place] + header[place + 1 :]
    params = [others[at].strip() for at in order]
    empty = next((names[at] for at, value in zip(order, params, strict=True) if not value), None)
    if empty is not None:
        return Fault(line, to, f"has nothing in column {empty}, and Meta takes no empty parameter"), None
    return None, Row(line, to, params)
