"""A CSV file of people: which column has the addresses. It is known, or named by the caller, and never guessed. Pure.

The number of a customer may look like the phone number of somebody else. So a header must name the phone column with a
usual name, and a file without a header must leave no doubt.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from wacrmd.domain.address import normalize_address, read_address
from wacrmd.domain.column_names import columns_named, is_generic_name, is_phone_name, same_name
from wacrmd.domain.country_codes import CodeColumns, CodeProblem
from wacrmd.domain.csv_export import text_within, unescape_formula
from wacrmd.domain.csv_file import CsvReader, Row
from wacrmd.domain.phone import Reading
from wacrmd.domain.text_file import CsvError
from wacrmd.errors import counted

TO = "to"
"""The name of a recipient's address in the API. In a log of messages it may be the business's own number."""

EXPORT_BEGINS = ("id", TO, "status", "whatsapp_message_id", "error_code")
"""How the header of an export of recipients begins."""

REASON = "rejected_because"
"""The column with which a file of rejected lines says why; it is ignored when that file is read."""
HOW_READ = "how_it_was_read"
"""The same of lines that are not rejected, and of which something is to say."""
REASONS = (REASON, HOW_READ)

MAX_NAMES_SHOWN = 12
MAX_NAME_SHOWN = 40

_NUMBER = re.compile(r"[\s'\"=]*[+(]?[0-9][0-9\s.,/()\-]*+(?:[eE][+\-]?[0-9]+)?[\s'\"]*+")
_MIN_DIGITS = 7
_NOTE = re.compile(r"(?:(?![^\W\d_])[^0-9+(])*+[^\W\d_][^0-9+(]*+(?<=\s)[+(0-9]")
"""A word before a number."""
_JSON = re.compile(r'\s*(?:\[\s*(?:[\[{"]|\Z)|\{\s*(?:"|\Z))')

_HOW = "name it with --column NAME, or --column N for column N"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file: their names, none without a header, and the place of the addresses.

    `address` is None where the header has no such column and the caller needs none. With `needs_plus` the column's name
    does not say that its numbers are phones.
    """

    names: list[str]
    address: int | None
    needs_plus: bool = False
    chosen: bool = False
    """Whether the caller named the column."""

    @property
    def reason(self) -> int | None:
        """The place of the reasons in a file of rejected lines."""
        return next(iter(columns_named(self.names, REASONS)), None)

    @property
    def before_address(self) -> int:
        """How many columns of the file itself stand before the one of addresses."""
        return (self.address or 0) - (self.reason == 0)


class PeopleFile:
    """The rows of a file of people.

    `own_names` are the caller's names for the column of addresses, which win over other names. `column` is the name or the
    number of the column, if it was given, or `place` its place in the row, from 0. `others` are names of columns that are
    enough without one of addresses. `escaped`: its cells are as `escape_formula` writes them, as those of rejected lines.
    Raises CsvError for a file whose column of addresses is not certain.
    """

    def __init__(
        self,
        lines: Iterable[str],
        *,
        column: str | None = None,
        place: int | None = None,
        own_names: Sequence[str] = (),
        others: Sequence[str] = (),
        escaped: bool = False,
    ) -> None:
        def is_known(cells: list[str]) -> bool:
            return bool(columns_named(cells, [*own_names, *others])) or any(map(is_phone_name, cells))

        self.reader = CsvReader(lines, is_known=is_known)
        self._rows = iter(self.reader)
        first = next(self._rows, None)
        if first is None:
            raise CsvError("the file is empty: expected a header, such as phone, and a line for each person")
        refuse_json(first)
        self.first = first
        cells = [" ".join(cell.split()) for cell in without_empty_end(first.cells)]
        find = _Finder(self.first.line, cells, own_names, others)
        if place is not None:
            self.columns = find.at(place)
        else:
            self.columns = find.chosen(column) if column is not None else find.certain()
        names, at = self.columns.names, self.columns.address
        self.codes = CodeColumns(names if at is not None else [], at or 0)
        self._widths = (len(cells), len(first.cells))
        self._last: tuple[list[str], str | CodeProblem] = ([], "")
        self.has_header = bool(self.columns.names)
        self._is_escaped = escaped or self.columns.reason is not None
        self.reader.is_row, self.reader.width = self._is_row, len(cells)

    def __iter__(self) -> Iterator[Row]:
        """The rows of people. Raises CsvError where the first of them shows that the column is not certain."""
        checked = not self.columns.needs_plus
        for row in self._rows if self.has_header else chain([self.first], self._rows):
            if not checked and (address := self.address(row.cells)):
                if not is_international(address):
                    raise CsvError(
                        f"line {row.line}: {address[:MAX_NAME_SHOWN]} may be the number of a customer, because its "
                        f"column is called {self.address_name}; {_HOW}"
                    )
                checked = True
            yield row

    def text(self, cell: str) -> str:
        """The text of a cell: without what keeps it from being a formula, in a file that wacrmd has written."""
        return unescape_formula(cell) if self._is_escaped else text_within(cell)

    @property
    def address_name(self) -> str:
        """The name of the column of addresses, for a sentence."""
        at, names = self.columns.address, self.columns.names
        return names[at][:MAX_NAME_SHOWN] if at is not None and names else "phone"

    def problem(self, row: Row) -> str | None:
        """Why the row cannot be read, or its address not be trusted; None if there is no such reason."""
        if row.problem is not None:
            return row.problem
        if row.is_stray and len(row.cells) not in self._widths:
            return f"has a stray quote, and {self._counted(row)}: correct the quotes"
        if self.has_header and self._is_narrowed(row):
            return f"has a separator within quotes, and {self._counted(row)}: are the quotes right?"
        if self.codes and isinstance(joined := self._joined(row.cells), CodeProblem):
            return joined.reason
        if not self.columns.needs_plus:
            return None
        address = self.address(row.cells)
        if not address or is_international(address):
            return None
        name = self.address_name
        return f"{address[:MAX_NAME_SHOWN]} may be the number of a customer: in column {name} a phone number needs its +"

    def address(self, cells: list[str]) -> str:
        """The address in a row, with the country code that stands in a column of its own; empty if there is none."""
        joined = self._joined(cells)
        return self._written(cells) if isinstance(joined, CodeProblem) else joined

    def _joined(self, cells: list[str]) -> str | CodeProblem:
        if cells is not self._last[0]:  # of each row it is asked twice
            written = self._written(cells)
            self._last = cells, self.codes.joined(written, cells) if self.codes else written
        return self._last[1]

    def _written(self, cells: list[str]) -> str:
        """The cell of the address, without the quotes that enclose no cell."""
        at = self.columns.address
        return unescape_formula(cells[at]).strip('"').strip() if at is not None and at < len(cells) else ""

    def _counted(self, row: Row) -> str:
        named, written = self._widths
        return f"{counted(len(row.cells), 'cell')} where the first line has {named if len(row.cells) < named else written}"

    def _is_narrowed(self, row: Row) -> bool:
        """Whether wrong quotes may have made one cell of two: a separator is within quotes, and there are too few cells.

        Programs write all of the empty cells at the end of a row, or none of them. Then only a quote at the separator tells.
        """
        count, (named, written) = len(row.cells), self._widths
        if count >= written or '"' not in row.text:
            return False
        within = self.reader.delimiter
        signs = (within,) if count != named else (f'"{within}', f'{within}"')
        return any(sign in cell for sign in signs for cell in row.cells)

    def _is_row(self, cells: list[str]) -> bool:
        """Whether a line within a cell is a row of its own, and not one of a note, as `Tel. +49 …` is."""
        if len(cells) != self._widths[0]:
            cells = ["" if _NOTE.match(cell) else cell for cell in cells]
        return looks_like_data(self._written(cells)) or any(
            is_international(cell.strip('"')) for cell in cells
        )


def refuse_json(first: Row) -> None:
    """Raise CsvError if a file that begins with this row is JSON."""
    if _JSON.match(first.text):
        raise CsvError(f"line {first.line}: the file is JSON: save it as CSV, with a header such as phone")


def without_empty_end(cells: list[str]) -> list[str]:
    """The cells without the empty ones at the end, which spreadsheets write."""
    end = len(cells)
    while end and not cells[end - 1]:
        end -= 1
    return cells[:end]


def shown(names: Sequence[str]) -> str:
    """Names of columns, for a sentence."""
    listed = [f"{name[:MAX_NAME_SHOWN]}" or "(no name)" for name in names[:MAX_NAMES_SHOWN]]
    more = f" and {len(names) - MAX_NAMES_SHOWN} more" if len(names) > MAX_NAMES_SHOWN else ""
    return ", ".join(listed) + more


def looks_like_data(cell: str) -> bool:
    """Whether a cell is an address or a number, and no name of a column."""
    if normalize_address(cell) is not None:
        return True
    digits = sum(char.isdigit() for char in cell)
    return (digits >= _MIN_DIGITS and _NUMBER.fullmatch(cell) is not None) or _is_rounded(cell)


def _is_rounded(cell: str) -> bool:
    """Whether a spreadsheet has written a number with an exponent, such as 4.91512E+11."""
    return bool(re.fullmatch(r"[\s'\"=]*[0-9]+[.,]?[0-9]*[eE]\+?[0-9]+[\s'\"]*", cell))


def is_international(cell: str) -> bool:
    """Whether a cell is a user id, or a phone number that says its country."""
    found = read_address(cell)
    return isinstance(found, str) or (isinstance(found, Reading) and found.digits is None)


@dataclass(frozen=True, slots=True)
class _Finder:
    """Finds the column of addresses by the first row."""

    line: int
    cells: list[str]
    own_names: Sequence[str]
    others: Sequence[str]

    def chosen(self, column: str) -> Columns:
        """The column that the caller named."""
        wanted = same_name(column)
        named = [at for at, cell in enumerate(self.cells) if same_name(cell) == wanted]
        place = self._place(column)
        if place is not None and self._is_data(place):
            return Columns([], place, chosen=True)
        if len(named) > 1:
            raise self._refusal(f"{len(named)} columns are called {column}: say --column N for column N")
        if named and place is not None and place not in named:
            raise self._refusal(self._two_meanings(column, place, named[0]))
        if named or place is not None:
            return Columns(self.cells, named[0] if named else place, chosen=True)
        if column.isascii() and column.isdecimal() and int(column):
            raise self._refusal(
                f"there is no column {column}, the first line has {len(self.cells)}: {shown(self.cells)}"
            )
        raise self._refusal(f"there is no column {column!r}, found: {shown(self.cells)}")

    def at(self, place: int) -> Columns:
        """The column at this place of the row."""
        if place >= len(self.cells):
            raise self._refusal(
                f"there is no column {place + 1}, the first line has {len(self.cells)}: {shown(self.cells)}"
            )
        return Columns([] if self._is_data(place) else self.cells, place, chosen=True)

    def _place(self, column: str) -> int | None:
        """The place of column N of the file itself, None if it has none."""
        if not (column.isascii() and column.isdecimal() and int(column)):
            return None
        at = int(column) - 1 + self._is_after_reason
        return at if at < len(self.cells) else None

    @property
    def _is_after_reason(self) -> bool:
        return bool(self.cells) and same_name(self.cells[0]) in REASONS

    def _is_data(self, at: int) -> bool:
        return looks_like_data(self.cells[at]) or any(map(is_international, self.cells))

    def _two_meanings(self, column: str, place: int, named: int) -> str:
        """Why a number that is a name and a place says nothing, and what to write for each of the two columns."""
        ways = "; ".join(self._certainly(at) for at in (place, named))
        return f"--column {column} may be column {column} or the one called {column}: {ways}"

    def _certainly(self, at: int) -> str:
        """How the caller can name a column so that no other one can be meant."""
        name, number = self.cells[at], str(at + 1 - self._is_after_reason)
        names = [same_name(cell) for cell in self.cells]
        if name and not name.isdecimal() and names.count(same_name(name)) == 1:
            return f"for column {number} write --column '{name[:MAX_NAME_SHOWN]}'"
        if number not in names or names.index(number) == at:
            return f"for the one called {name[:MAX_NAME_SHOWN] or '(no name)'} write --column {number}"
        return f"for column {number} rename it in the file, its name and its number are also those of others"

    def certain(self) -> Columns:
        """The column that leaves no doubt."""
        international = [at for at, cell in enumerate(self.cells) if is_international(cell)]
        if international or any(map(looks_like_data, self.cells)):
            return self._without_header(international)
        own = columns_named(self.cells, self.own_names)
        if len(own) == 1:
            return Columns(self.cells, own[0])
        if len(own) > 1:
            raise self._refusal(f"several columns may have the phone numbers ({self._names(own)}): {_HOW}")
        if tuple(self.cells[: len(EXPORT_BEGINS)]) == EXPORT_BEGINS:
            return Columns(self.cells, EXPORT_BEGINS.index(TO))
        phones = [at for at, cell in enumerate(self.cells) if is_phone_name(cell) or same_name(cell) == TO]
        if len(phones) > 1:
            raise self._refusal(f"several columns may have the phone numbers ({self._names(phones)}): {_HOW}")
        if phones and same_name(self.cells[phones[0]]) == TO:
            raise self._refusal(
                f"column {self.cells[phones[0]]} may have the business's own number, as in a log of messages, "
                f"found: {shown(self.cells)}; {_HOW}"
            )
        if phones:
            return Columns(self.cells, phones[0])
        generic = [at for at, cell in enumerate(self.cells) if is_generic_name(cell)]
        if len(generic) == 1:
            return Columns(self.cells, generic[0], needs_plus=True)
        if columns_named(self.cells, self.others):
            return Columns(self.cells, None)
        raise self._refusal(f"no column is known as one of phone numbers, found: {shown(self.cells)}; {_HOW}")

    def _without_header(self, international: list[int]) -> Columns:
        if len(self.cells) == 1:
            return Columns([], 0)
        if len(international) == 1:
            return Columns([], international[0])
        raise self._refusal(
            "there is no header, and it is not certain which column has the phone numbers, "
            f"found: {shown(self.cells)}; {_HOW}"
        )

    def _names(self, places: Sequence[int]) -> str:
        return shown([self.cells[at] for at in places])

    def _refusal(self, message: str) -> CsvError:
        return CsvError(f"line {self.line}: {message}")
