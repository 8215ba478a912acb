"""A CSV file of opt-outs: its columns, and how a long file is sent in parts. Pure.

Each line is a row of its own, so that a quote that is never closed cannot hide the people in the lines below it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wacrmd.domain.csv_file import CsvReader, columns_named

DELIMITERS = ",;\t"
PHONE_NAMES = ("phone", "to", "number", "phone_number", "whatsapp")
USER_ID_NAMES = ("user_id", "bsuid")
DETAIL_NAMES = ("detail", "reason", "note")


@dataclass(frozen=True, slots=True)
class Columns:
    """The places of the columns in an opt-out file; None for a column that it does not have."""

    phone: int | None
    user_id: int | None
    detail: int | None


WITHOUT_HEADER = Columns(phone=0, user_id=None, detail=None)
"""A file without a header has phone numbers, or user ids, in its first column."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file, which begins with a header. A line of it is line `number + shift` of the file."""

    text: str
    shift: int


def open_reader(lines: Iterable[str]) -> CsvReader:
    """The rows of an opt-out file."""
    return CsvReader(lines, delimiters=DELIMITERS, quotes_span_lines=False)


def columns_of(first_row: list[str]) -> Columns | None:
    """The columns that a header names; None if the first row is a person and no header."""

    def place(names: Iterable[str]) -> int | None:
        return next(iter(columns_named(first_row, names)), None)

    columns = Columns(place(PHONE_NAMES), place(USER_ID_NAMES), place(DETAIL_NAMES))
    return None if columns.phone is None and columns.user_id is None else columns


def parts_of(lines: Iterable[str], max_bytes: int) -> Iterator[Part]:
    """The file in parts of about `max_bytes`, each of which can be read alone; none for a file without text."""
    source = iter(lines)
    part = list(_until_text(source))
    if not part or not part[-1].strip():
        return
    header = _header_for_parts(part[-1])
    number, shift, size = len(part), 0, _size(part)
    for line in source:
        if size >= max_bytes:
            yield Part("".join(part), shift)
            part, size = [header], 0
            shift = number - 1  # the header is a line of the part, but none of the file at this place
        part.append(line)
        number, size = number + 1, size + _size([line])
    yield Part("".join(part), shift)


def _until_text(source: Iterator[str]) -> Iterator[str]:
    """The lines up to the first one that is not blank, which is the last of them."""
    for line in source:
        yield line
        if line.strip():
            return


def _header_for_parts(first_line: str) -> str:
    """The header of the file. A file without one gets one with its delimiter, so that each part is read with the same."""
    reader = open_reader([first_line])
    row = next(iter(reader), None)
    if row is None or columns_of(row.cells) is None:
        return f"{PHONE_NAMES[0]}{reader.delimiter}\n"
    return first_line


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode()) for line in lines)
