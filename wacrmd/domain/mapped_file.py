"""A CSV file whose columns a person has given a meaning: which one has the phones, and which fill what. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Annotated

from wacrmd.domain.column_names import columns_named, is_phone_name, same_name
from wacrmd.domain.csv_export import text_within, unescape_formula
from wacrmd.domain.csv_file import CsvReader, Row
from wacrmd.domain.draft import BODY, FileMapping, Fill
from wacrmd.domain.people_file import REASONS, TO, PeopleFile, looks_like_data, refuse_json, without_empty_end
from wacrmd.domain.placeholders import number_of
from wacrmd.domain.recipient_file import RejectedLine, cell_problems, is_rounded, row_problems
from wacrmd.domain.rejected_file import RejectedFormat
from wacrmd.domain.text_file import CsvError
from wacrmd.errors import counted
from wacrmd.fields import Doc

SAMPLES = 5
"""Values of each column that are shown to a person who says what it means."""
MAX_SAMPLE = 200
MAX_COLUMNS = 500
HEAD_LINES = 200

_HOW = "; name it with --column NAME, or --column N for column N"


@dataclass(frozen=True, slots=True)
class FileRow:
    """One person of a file: the line, the address as it is written, and a value for each placeholder."""

    line: int
    to: str
    values: Mapping[str, str]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileColumn:
    """A column of a file, for a person who says what it means."""

    number: Annotated[int, Doc("its number, from 1")]
    name: Annotated[str, Doc("its name; `Column 2` without a header")]
    samples: Annotated[list[str], Doc("its first values")]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHead:
    """The beginning of a file."""

    columns: Annotated[list[FileColumn], Doc("its columns")]
    has_header: Annotated[bool, Doc("whether its first row has the names of the columns")]
    phone: Annotated[int | None, Doc("number of the column that certainly has the phone numbers")]
    unclear: Annotated[str | None, Doc("why it is not certain which column has them")]


class MappedFile:
    """The rows of a file by its mapping; `columns` are the placeholders with the places of their columns, from 0.

    Raises CsvError for a file that cannot be used, or whose column of phone numbers is not certain.
    """

    def __init__(self, lines: Iterable[str], mapping: FileMapping, *, for_staff: bool = False) -> None:
        place = mapping.phone - 1 if mapping.phone is not None else None
        self._file = PeopleFile(lines, place=place, own_names=() if place is not None else (TO,))
        self._names = self._file.columns.names or _numbered(self._file.first.cells)
        self._places = {
            name: fill.column - 1 for name, fill in mapping.fills.items() if fill.column is not None
        }
        for at in self._places.values():
            if at >= len(self._names):
                raise CsvError(
                    f"there is no column {at + 1}: the file has {counted(len(self._names), 'column')}"
                )
        self.rejected_format = RejectedFormat(self._file, for_staff=for_staff)

    def __iter__(self) -> Iterator[FileRow | RejectedLine]:
        """Each row, or why it cannot be used."""
        for row in self._file:
            to = self._file.address(row.cells)
            for reason in self._reasons(row, to):
                yield RejectedLine(row.line, to, reason, row.text)
                break
            else:
                values = {name: self._file.text(row.cells[at]) for name, at in self._places.items()}
                yield FileRow(row.line, to, values, row.text)

    def _reasons(self, row: Row, to: str) -> Iterator[str]:
        yield from row_problems(self._file, self._names, row)
        if not to:
            yield f"has no number in column {self._file.address_name}"
        if is_rounded(to):
            yield (
                f"is a number that a spreadsheet has rounded; format column {self._file.address_name} as text"
            )
        yield from cell_problems(self._file, self._names, row, self._places.values())


def read_head(lines: Iterable[str]) -> FileHead:
    """The columns at the beginning of a file, also where it is not certain which has the phones.

    Raises CsvError for a file that has none.
    """
    begin = list(islice(lines, HEAD_LINES))
    reader = CsvReader(begin, is_known=lambda cells: any(map(is_phone_name, cells)))
    read = list(islice((each for each in reader if each.problem is None), SAMPLES + 1))
    if not read or not without_empty_end(read[0].cells):
        raise CsvError("the file is empty: expected a header, such as phone, and a line for each person")
    refuse_json(read[0])
    rows = [row.cells for row in read]
    phone = unclear = None
    try:
        found = PeopleFile(begin, own_names=(TO,))
        list(islice(found, SAMPLES))  # the first rows may show that the column is not certain
        phone = None if found.columns.address is None else found.columns.address + 1
    except CsvError as error:
        unclear = str(error).removesuffix(_HOW[2:]).rstrip("; :")
    names = without_empty_end(rows[0])
    if len(names) > MAX_COLUMNS:
        raise CsvError(f"the file has {len(names)} columns, expected at most {MAX_COLUMNS}")
    has_header = not any(map(looks_like_data, names))
    samples = rows[1:] if has_header else rows
    text_of = unescape_formula if has_header and columns_named(names, REASONS) else text_within
    shown = [" ".join(name.split())[:MAX_SAMPLE] for name in names] if has_header else _numbered(names)
    return FileHead(
        columns=[
            FileColumn(
                number=at + 1,
                name=name or f"Column {at + 1}",
                samples=[text_of(row[at])[:MAX_SAMPLE] for row in samples[:SAMPLES] if at < len(row)],
            )
            for at, name in enumerate(shown)
        ],
        has_header=has_header,
        phone=phone,
        unclear=unclear,
    )


def suggest_mapping(
    head: FileHead, placeholders: Sequence[str] | None, before: FileMapping | None = None
) -> FileMapping:
    """What the columns probably mean; what a person has said about the same columns before stays.

    `placeholders` are those of the template; None if it is not known.
    """
    names = [column.name for column in head.columns] if head.has_header else []
    moved = _moved(before, names) if before is not None else None
    if moved is not None and 0 < _last_column(moved) <= len(head.columns):
        return moved
    mapping = FileMapping(
        phone=head.phone,
        fills=_suggested_fills(head, placeholders),
        country=before.country if before is not None else None,
        names=names,
    )
    if before is not None:  # a fixed text fits every file
        kept = {name: fill for name, fill in before.fills.items() if fill.value is not None}
        mapping.fills.update(kept)
    return mapping


def _suggested_fills(head: FileHead, placeholders: Sequence[str] | None) -> dict[str, Fill]:
    others = [column for column in head.columns if column.number != head.phone]
    numbered = {number: column for column in others if (number := number_of(column.name)) is not None}
    if placeholders is None:
        if numbered and sorted(numbered) == list(range(1, len(others) + 1)):
            return {f"{BODY}{number}": Fill(column=numbered[number].number) for number in sorted(numbered)}
        return {f"{BODY}{at}": Fill(column=each.number) for at, each in enumerate(others, start=1)}
    fills: dict[str, Fill] = {}
    by_name = {same_name(column.name): column for column in others}
    for name in placeholders:
        key = name.removeprefix(BODY)
        if key.isdecimal() and int(key) in numbered:
            fills[name] = Fill(column=numbered[int(key)].number)
        elif (column := by_name.get(same_name(key))) is not None:
            fills[name] = Fill(column=column.number)
    if not fills and len(placeholders) == len(others):
        return {name: Fill(column=each.number) for name, each in zip(placeholders, others, strict=True)}
    return fills


def _moved(before: FileMapping, names: list[str]) -> FileMapping | None:
    """The same mapping for these columns; None if they are others. A column of reasons before them may come or go.

    So a file of lines that were left out needs no new mapping.
    """
    own, own_before = _without_reason(names), _without_reason(before.names)
    if own != own_before:
        return None
    by = len(names) - len(before.names)
    fills = {
        name: replace(fill, column=fill.column and max(fill.column + by, 1))
        for name, fill in before.fills.items()
    }
    return replace(before, phone=before.phone and max(before.phone + by, 1), fills=fills, names=names)


def _without_reason(names: list[str]) -> list[str]:
    return names[1:] if columns_named(names[:1], REASONS) else names


def _last_column(mapping: FileMapping) -> int:
    return max([mapping.phone or 0, *(fill.column or 0 for fill in mapping.fills.values())])


def _numbered(cells: Sequence[str]) -> list[str]:
    return [f"Column {at}" for at in range(1, len(cells) + 1)]
