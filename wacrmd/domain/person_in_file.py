"""Finds one person in the text of a file, however their number is written there, and takes their rows out. Pure."""

import re
from collections.abc import Iterable, Sequence

from wacrmd.domain.address import read_address
from wacrmd.domain.csv_export import unescape_formula
from wacrmd.domain.csv_file import DELIMITERS, CsvReader, Row
from wacrmd.domain.people_file import is_international
from wacrmd.domain.person import identity
from wacrmd.domain.phone import Reading
from wacrmd.domain.phone_text import Unreadable
from wacrmd.domain.text_file import split_lines

_LAST_DIGITS = 6
"""So many digits at the end are the same in each form of a number: with and without its country code, old and new."""
_MIN_DIGITS = 7
_NO_DIGIT = re.compile(r"\D+")
_SEPARATOR = re.compile(rf"[{re.escape(DELIMITERS)}\r\n]")


class PersonFinder:
    """Knows a person by all of their addresses; numbers without `+` are of `country` first."""

    def __init__(self, addresses: Iterable[str], country: str | None = None) -> None:
        self._addresses = {identity(each) for each in addresses} | set(addresses)
        self._country = country
        self._digits = {_digits(each) for each in self._addresses if _is_phone(each)}
        self._ends = {each[-_LAST_DIGITS:] for each in self._digits}
        self._user_ids = [each.casefold() for each in self._addresses if not _is_phone(each)]

    def may_be_in(self, text: str) -> bool:
        """Whether a text may name the person: False for nearly all, at a hundredth of the cost of `is_in`."""
        digits = _digits(text)
        if any(end in digits for end in self._ends):
            return True
        folded = text.casefold() if self._user_ids else ""
        return any(each in folded for each in self._user_ids)

    def is_in(self, cells: Sequence[str]) -> bool:
        """Whether one of these cells is an address of the person."""
        return any(self._is(cell) for cell in cells if cell and self.may_be_in(cell))

    def _is(self, cell: str) -> bool:
        written = unescape_formula(cell).strip("'\" ")
        found = read_address(written, self._country)
        if isinstance(
            found, Unreadable
        ):  # perhaps a part of a number, whose country stands in another column
            digits = _digits(written).lstrip("0")
            return len(digits) >= _MIN_DIGITS and any(each.endswith(digits) for each in self._digits)
        if isinstance(found, Reading):
            names = {found.phone, found.other, identity(found.phone)}
            return bool(names & self._addresses) or self._is_national(written)
        return found in self._addresses or identity(found) in self._addresses

    def _is_national(self, written: str) -> bool:
        """Whether a number that is written without a country is the person's without theirs."""
        digits = _digits(written).lstrip("0")
        has_country = written.lstrip().startswith(("+", "00"))
        return (
            not has_country
            and len(digits) >= _MIN_DIGITS
            and any(each.endswith(digits) for each in self._digits)
        )


def lines_about(lines: Sequence[str], finder: PersonFinder) -> list[Row]:
    """The rows of a CSV file that name the person.

    The columns are not known here, so that the check may read a row with another separator or other quotes. What stands
    between any two separators counts as well, and a line with an address is a row, even if a quote seems to enclose it.
    """
    reader = CsvReader(lines)
    reader.is_row = lambda cells: finder.is_in(cells) or any(map(is_international, cells))
    return [
        row
        for row in reader
        if finder.may_be_in(row.text)
        and (finder.is_in(row.cells) or finder.is_in(_SEPARATOR.split(row.text)))
    ]


def blanked(lines: Sequence[str], rows: Iterable[Row]) -> list[str]:
    """The lines without these rows: empty ones in their place, so that the others keep their numbers."""
    kept = list(lines)
    for row in rows:
        first = row.line - 1
        for at in range(first, first + max(1, len(split_lines(row.text)))):
            kept[at] = kept[at][len(kept[at].rstrip("\r\n")) :]
    return kept


def _is_phone(address: str) -> bool:
    return address.lstrip("+").isdecimal()


def _digits(text: str) -> str:
    """The digits of a text, in any script, as ASCII."""
    digits = _NO_DIGIT.sub("", text)
    return digits if digits.isascii() else "".join(str(int(each)) for each in digits)
