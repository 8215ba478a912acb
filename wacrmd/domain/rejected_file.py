"""A file of rejected lines, each as it was with the reason before it; it can be corrected and read again. Pure.

No cell of it runs as a formula in a spreadsheet. Whoever reads it gets each value back, by `PeopleFile.text`.
"""

import re

from wacrmd.domain.csv_export import csv_lines, escape_cell, escape_cells, escape_formula, text_within
from wacrmd.domain.csv_file import CsvReader
from wacrmd.domain.people_file import REASON, PeopleFile
from wacrmd.domain.text_file import split_lines

_MARK = "\ufeff"


class RejectedFormat:
    """Writes the rejected lines of one file with its separator. The reason comes first: a line may have too many cells."""

    def __init__(self, file: PeopleFile) -> None:
        self._file = file
        self._delimiter = file.reader.delimiter

    def head(self, *, mark: bool, reason: str = REASON) -> str:
        """The beginning of the file: what told a spreadsheet how to read it, and a header.

        `reason` is the name of the column with the reasons, one of `REASONS`.
        """
        file = self._file
        header = self._defused(file.first.text) if file.has_header else self._made_header()
        return (
            (_MARK if mark else "")
            + (f"sep={self._delimiter}\r\n" if file.reader.sep_line else "")
            + f"{reason}{self._delimiter}{_ended(header)}"
        )

    def line(self, text: str, reason: str) -> str:
        """One rejected row."""
        quoted = escape_formula(reason).replace('"', '""')
        return f'"{quoted}"{self._delimiter}{_ended(self._defused(text))}'

    def _made_header(self) -> str:
        """The header of a file that has none."""
        at, count = self._file.columns.address, len(self._file.first.cells)
        names = ["phone" if place == at else f"column_{place + 1}" for place in range(count)]
        return csv_lines([names], self._delimiter)

    def _defused(self, text: str) -> str:
        """A row without the reason of before, and without formulas; where there are none, as it is."""
        text = self._without_reason(text)
        reader = CsvReader([f"sep={self._delimiter}\n", *split_lines(text)])
        reader.is_row = self._file.reader.is_row
        rows = list(reader)
        if len(rows) != 1 or rows[0].problem is not None:  # it can only be corrected by hand
            return escape_cells(text, self._delimiter)
        cells = rows[0].cells
        defused = [
            cell if text_within(cell) != cell else escape_cell(self._file.text(cell)) for cell in cells
        ]
        return text if defused == cells else csv_lines([defused], self._delimiter)

    def _without_reason(self, text: str) -> str:
        """A row without the reason for which it was rejected before."""
        if self._file.columns.reason != 0:
            return text
        delimiter = re.escape(self._delimiter)
        return re.sub(
            rf'\A\s*(?:"[^"]*(?:""[^"]*)*"|[^{delimiter}"]*)\s*(?:{delimiter}|(?=[\r\n]*\Z))', "", text
        )


def _ended(text: str) -> str:
    return text if text.endswith(("\n", "\r")) else f"{text}\r\n"
