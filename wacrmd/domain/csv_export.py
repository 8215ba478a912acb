"""CSV that programs and spreadsheets read right: nothing runs as a formula, and for Excel numbers stay text. Pure.

JSON lines are exact and need none of it: no spreadsheet opens them as cells.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable

EXCEL_HEAD = "\ufeffsep=,\r\n"
"""The beginning of a file for Excel: the mark by which it knows UTF-8, and the line that names the separator.

Without the line, Excel takes the separator of the country, which is a semicolon in half of the world.
"""

_FORMULA_STARTS = frozenset("=+-@|%\u2212")
_IGNORED_BEFORE = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
"""Spaces, line breaks and invisible characters, which some programs skip before a formula."""

_BREAKS = ("\t", "\r", "\n")
_CELL_ENDS = re.compile(r"([;\r\n])")
"""Where another cell begins within a text, if a program takes `;` for the separator: then no quotes are around the text."""
_QUOTES = "'\" "
"""What may stand before a formula that begins within a text."""
_CONVERTED = re.compile(r"(?=.*\d)[\d+\-.,:/() eE%$€£¥₹₩\u2212]+")
"""What Excel turns into a number, a date or a time: a phone number loses its `+` and its last digits. In any script."""

_AS_TEXT = re.compile(r'="((?:[^"]|"")*)"')


def escape_formula(text: str) -> str:
    """Text from outside as a cell that a spreadsheet does not run as a formula: with an apostrophe before it.

    Also a full-width sign, a sign after spaces or invisible characters, and what begins with a tab or a line break
    (OWASP, CSV injection). The same for each part of the text that would be a cell of its own where `;` is the separator.
    `unescape_formula` gives the text back, whatever it is.
    """
    parts = _CELL_ENDS.split(f"'{text}" if _is_formula(text.lstrip("'")) else text)
    parts[2::2] = [f"'{part}" if _is_formula(part.lstrip(_QUOTES)) else part for part in parts[2::2]]
    return "".join(parts)


def unescape_formula(cell: str) -> str:
    """The text of a cell that `escape_formula` or `excel_text` has made; another cell as it is."""
    if not cell.startswith(("'", "=")) and not _CELL_ENDS.search(cell):
        return cell  # nearly all: a large file has hundred thousands of them
    if (text := text_within(cell)) != cell:
        return text
    parts = _CELL_ENDS.split(cell)
    parts[2::2] = [
        part[1:] if part.startswith("'") and _is_formula(part.lstrip(_QUOTES)) else part
        for part in parts[2::2]
    ]
    text = "".join(parts)
    return text[1:] if text.startswith("'") and _is_formula(text.lstrip("'")) else text


def text_within(cell: str) -> str:
    """The text that a spreadsheet shows for `="007"`; another cell as it is."""
    enclosed = _AS_TEXT.fullmatch(cell) if cell.startswith("=") else None
    return enclosed[1].replace('""', '"') if enclosed else cell


def excel_text(text: str) -> str:
    """A cell that Excel shows as this text: `="+14155550123"` where it would make a number or a date of it.

    Of all ways to keep a number as text in a CSV file only this one works in every version, and shows nothing else.
    The text has no letter but `e`, so that it is no formula.
    """
    return f'="{text}"' if _CONVERTED.fullmatch(text) else escape_formula(text)


def escape_cell(text: str) -> str:
    """Text as `escape_formula` writes it, but a number stays one, such as a phone number with its `+`."""
    return text if _CONVERTED.fullmatch(text) else escape_formula(text)


def escape_cells(text: str, delimiter: str) -> str:
    """CSV text that cannot be read as cells: with an apostrophe wherever a cell that is a formula may begin."""
    parts = re.split(f"([{re.escape(delimiter)};\r\n])", text)
    parts[::2] = [
        re.sub(r"^[\s\"]*", r"\g<0>'", part) if _is_cell_of_formula(part) else part for part in parts[::2]
    ]
    return "".join(parts)


def csv_lines(rows: Iterable[Iterable[object]], delimiter: str = ",") -> str:
    """Rows as CSV text, with commas and CRLF line ends as in RFC 4180; None is an empty cell.

    Without NUL, which no spreadsheet has in a cell, and for which a reader takes the file for one in UTF-16.
    """
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue().replace("\0", "")


def _is_cell_of_formula(part: str) -> bool:
    bare = part.strip(_QUOTES)
    return _is_formula(bare) and not _CONVERTED.fullmatch(bare)


def _is_formula(text: str) -> bool:
    """Whether a program may take the text for a formula."""
    if text.startswith(_BREAKS):
        return True
    for char in text:
        if unicodedata.category(char) not in _IGNORED_BEFORE:
            return unicodedata.normalize("NFKC", char)[:1] in _FORMULA_STARTS
    return False
