"""A file of rejected lines, each as it was with the reason before it; it can be corrected and read again. Pure."""

import re

from wacrmd.domain.csv_export import csv_lines
from wacrmd.domain.people_file import REASON, PeopleFile

_MARK = "\ufeff"


class RejectedFormat:
    """Writes the rejected lines of one file with its separator. The reason comes first: a line may have too many cells."""

    def __init__(self, file: PeopleFile) -> None:
        self._file = file
        self._delimiter = file.reader.delimiter

    def head(self, *, mark: bool) -> str:
        """The beginning of the file: what told a spreadsheet how to read it, and a header."""
        file = self._file
        header = self._without_reason(file.first.text) if file.has_header else self._made_header()
        return (
            (_MARK if mark else "")
            + (f"sep={self._delimiter}\r\n" if file.reader.sep_line else "")
            + f"{REASON}{self._delimiter}{_ended(header)}"
        )

    def line(self, text: str, reason: str) -> str:
        """One rejected row."""
        quoted = reason.replace('"', '""')
        return f'"{quoted}"{self._delimiter}{_ended(self._without_reason(text))}'

    def _made_header(self) -> str:
        """The header of a file that has none."""
        at, count = self._file.columns.address, len(self._file.first.cells)
        return csv_lines(
            [["phone" if place == at else f"column_{place + 1}" for place in range(count)]]
        ).replace(",", self._delimiter)

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
