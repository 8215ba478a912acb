"""A CSV file whose rows are added to those of another one: each is written in the columns and the way of that one. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from wacrmd.domain.column_names import columns_named, is_phone_name, same_name
from wacrmd.domain.csv_export import csv_lines, escape_cell
from wacrmd.domain.csv_file import CsvReader, Row
from wacrmd.domain.draft import FileMapping
from wacrmd.domain.mapped_file import HEAD_LINES, FileHead, read_head
from wacrmd.domain.people_file import REASONS, PeopleFile
from wacrmd.domain.text_file import CsvError
from wacrmd.errors import counted

NO_PHONE = "say first which column of the list has the phone numbers"


def added_lines(before: Sequence[str], mapping: FileMapping, lines: Iterable[str]) -> Iterator[str]:
    """The rows of a file as lines of the one that begins with `before`, and whose columns mean what `mapping` says.

    Columns go by their names; of a list without names, by their places. A column of reasons, and one that the list does not
    have, are left out. A row that cannot be read becomes one that the check rejects. Raises CsvError for a file without a
    column that is needed.
    """
    if mapping.phone is None:
        raise CsvError(NO_PHONE)
    list_head, source = read_head(before), iter(lines)
    begin = list(islice(source, HEAD_LINES))
    places = _places(list_head, read_head(begin), mapping)
    phone = places[mapping.phone - 1]
    if phone is None:
        raise CsvError(_lacking(list_head, mapping.phone))
    file = PeopleFile(chain(begin, source), place=phone)
    width = len(read_head(begin).columns)
    delimiter = CsvReader(before, is_known=lambda cells: any(map(is_phone_name, cells))).delimiter
    is_escaped = bool(_reasons(list_head))
    for row in file:
        yield csv_lines([_cells(file, row, places, width, is_escaped=is_escaped)], delimiter)


def _cells(
    file: PeopleFile, row: Row, places: Sequence[int | None], width: int, *, is_escaped: bool
) -> list[str]:
    if row.problem is not None:
        return [row.text.strip()]  # too few cells, whatever they are
    read = [file.text(cell) for cell in row.cells]
    found = [read[at] if at is not None and at < len(read) else "" for at in places]
    found += read[width:] if any(read[width:]) else []  # too many cells stay too many
    return [escape_cell(each) for each in found] if is_escaped else found


def _places(list_head: FileHead, head: FileHead, mapping: FileMapping) -> list[int | None]:
    """For each column of the list its place in the file, from 0; None: it has none."""
    reasons = _reasons(head)
    if not list_head.has_header:
        others = [at for at in range(len(head.columns)) if at not in reasons]
        if len(others) != len(list_head.columns):
            raise CsvError(
                f"it has {counted(len(others), 'column')}, and the list has {len(list_head.columns)}: the list has no names"
                " of columns, by which they could be found"
            )
        return list(others)
    by_name = {same_name(each.name): each.number - 1 for each in reversed(head.columns) if head.has_header}
    own = _reasons(list_head)
    places = [
        None if at in own else by_name.get(same_name(each.name)) for at, each in enumerate(list_head.columns)
    ]
    needed = [mapping.phone, *(fill.column for fill in mapping.fills.values())]
    for number in needed:
        if number is not None and places[number - 1] is None:
            raise CsvError(_lacking(list_head, number))
    return places


def _lacking(list_head: FileHead, number: int) -> str:
    name = list_head.columns[number - 1].name
    return f"it has no column {name}, which is needed: its first line must have the names of the columns of the list"


def _reasons(head: FileHead) -> list[int]:
    return columns_named([each.name for each in head.columns], REASONS) if head.has_header else []
