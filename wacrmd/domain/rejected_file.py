"""A file of rejected lines, each as it was with the reason before it; it can be corrected and read again. Pure.

No cell of it runs as a formula in a spreadsheet. Whoever reads it gets each value back, by `PeopleFile.text`.
"""

import re

from wacrmd.domain.csv_export import csv_lines, escape_cell, escape_cells, escape_formula, text_within
from wacrmd.domain.csv_file import CsvReader, Row
from wacrmd.domain.people_file import REASON, PeopleFile
from wacrmd.domain.plain_words import plainly
from wacrmd.domain.text_file import split_lines

_MARK = "\ufeff"


_READABLE = ",;"
"""Separators of a file that a spreadsheet opens by itself, in one country or another."""
_FOR_STAFF = ";"
"""The one in place of others: numbers and sentences have it more seldom than a comma."""


class RejectedFormat:
    """Writes the rejected lines of one file with its separator. The reason comes first: a line may have too many cells.

    `for_staff`: for somebody who opens it in a spreadsheet. The reasons are in plain words, and a table that was pasted,
    whose cells tabs separate, becomes a file that opens as one.
    """

    def __init__(self, file: PeopleFile, *, for_staff: bool = False) -> None:
        self._file = file
        self._read = self._delimiter = file.reader.delimiter
        self._for_staff, self._has_sep_line = for_staff, file.reader.sep_line is not None
        if for_staff and not self._has_sep_line and self._read not in _READABLE:
            self._delimiter, self._has_sep_line = _FOR_STAFF, True

    def head(self, *, mark: bool = False, reason: str = REASON) -> str:
        """The beginning of the file: what tells a spreadsheet how to read it, and a header.

        `mark`: whether the file that was read had the mark of UTF-8. `reason` is the name of the column with the
        reasons, one of `REASONS`.
        """
        file = self._file
        header = self._defused(file.first.text) if file.has_header else self._made_header()
        return (
            (_MARK if mark or self._for_staff else "")
            + (f"sep={self._delimiter}\r\n" if self._has_sep_line else "")
            + f"{reason}{self._delimiter}{_ended(header)}"
        )

    def line(self, text: str, reason: str) -> str:
        """One rejected row."""
        quoted = escape_formula(plainly(reason) if self._for_staff else reason).replace('"', '""')
        return f'"{quoted}"{self._delimiter}{_ended(self._defused(text))}'

    def _made_header(self) -> str:
        """The header of a file that has none."""
        at, count = self._file.columns.address, len(self._file.first.cells)
        names = ["phone" if place == at else f"column_{place + 1}" for place in range(count)]
        return csv_lines([names], self._delimiter)

    def _defused(self, text: str) -> str:
        """A row without the reason of before, and without formulas; where nothing is to change, as it is."""
        text = self._without_reason(text)
        reader = CsvReader([f"sep={self._read}\n", *split_lines(text)])
        reader.is_row = self._file.reader.is_row
        rows = list(reader)
        if len(rows) != 1 or self._is_doubtful(rows[0]):  # it can only be corrected by hand
            return escape_cells(text.replace(self._read, self._delimiter), self._delimiter)
        cells = rows[0].cells
        defused = [
            cell if text_within(cell) != cell else escape_cell(self._file.text(cell)) for cell in cells
        ]
        if defused == cells and self._read == self._delimiter:
            return text
        return csv_lines([defused], self._delimiter)

    def _is_doubtful(self, row: Row) -> bool:
        """Whether the cells of a row may be others. Written anew with another separator, they would seem to be right."""
        if row.problem is not None or self._read == self._delimiter:
            return row.problem is not None
        return row.is_stray or any(self._read in cell for cell in row.cells)

    def _without_reason(self, text: str) -> str:
        """A row without the reason for which it was rejected before."""
        if self._file.columns.reason != 0:
            return text
        delimiter = re.escape(self._read)
        return re.sub(
            rf'\A\s*(?:"[^"]*(?:""[^"]*)*"|[^{delimiter}"]*)\s*(?:{delimiter}|(?=[\r\n]*\Z))', "", text
        )


def _ended(text: str) -> str:
    return text if text.endswith(("\n", "\r")) else f"{text}\r\n"
