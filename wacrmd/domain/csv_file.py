"""CSV files as people and spreadsheets save them: encoding, delimiter, rows with their line numbers. Pure.

This is the only reader of CSV. recipient_file.py and optout_file.py say what the columns of a file mean.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

DELIMITERS = ",;\t|"
"""Characters that may separate two cells. If two are equally frequent, the first of them is used."""

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BYTE_ORDER_MARK = "\ufeff"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class CsvError(ValueError):
    """The file cannot be used at all; the text is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one row, without spaces around them; `line` is where the row begins, counted from 1.

    `problem` says why a line is not CSV; then it has no cells.
    """

    line: int
    cells: list[str]
    problem: str | None = None


def split_lines(text: str) -> list[str]:
    r"""The lines of a text, each with its line end: `\n`, `\r\n` or `\r`, and nothing else.

    `str.splitlines` also splits at characters that may be inside a cell, such as U+2028.
    """
    return _LINE.findall(text)


def decode_lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """The lines of a file from pieces of its bytes, each line with its end, without a byte order mark.

    UTF-8, or UTF-16 with a byte order mark, as "Unicode text" of a spreadsheet is. Raises CsvError for bytes
    that are not UTF-8.
    """
    source = iter(pieces)
    head = next(source, b"")
    while len(head) < 2 and (more := next(source, None)) is not None:  # noqa: PLR2004 - a mark of UTF-16
        head += more
    if head.startswith(_UTF16_MARKS):
        codec = codecs.getincrementaldecoder("utf-16")(errors="replace")
    else:
        codec = codecs.getincrementaldecoder("utf-8-sig")()
    decoder = io.IncrementalNewlineDecoder(codec, translate=False)
    begun: list[str] = []  # pieces of a line whose end has not come yet
    complete = 0
    for piece, final in _with_last(head, source):
        try:
            text = decoder.decode(piece, final=final)
        except UnicodeDecodeError as error:
            ends = len(re.findall(rb"\r\n|\r|\n", error.object[: error.start]))
            raise CsvError(
                f"line {complete + ends + 1}: expected UTF-8 text; save the file as 'CSV UTF-8'"
            ) from None
        for line in split_lines(text):
            begun.append(line)
            if line.endswith(("\n", "\r")):
                yield "".join(begun)
                begun.clear()
                complete += 1
    if begun:
        yield "".join(begun)


def _with_last(head: bytes, rest: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each piece with False, then an empty piece with True, for flushing a decoder."""
    yield head, False
    for piece in rest:
        yield piece, False
    yield b"", True


class CsvReader:
    """The rows of a file, read as they are asked for.

    `delimiter` is the most frequent candidate in the first line that is not blank: Excel writes semicolons in
    many countries. With `quotes_span_lines` a quoted cell may hold line breaks, and a quote that is never
    closed makes the file unusable. Without it each line is a row of its own, so that a stray quote does not
    swallow the lines below it, and a line that is not CSV is a row with a `problem`.
    """

    def __init__(
        self, lines: Iterable[str], *, delimiters: str = DELIMITERS, quotes_span_lines: bool = True
    ) -> None:
        self._source = enumerate(lines, start=1)
        self._first = next(((number, line) for number, line in self._source if not _is_blank(line)), None)
        text = self._first[1] if self._first else ""
        self.first_line = text.removeprefix(_BYTE_ORDER_MARK)
        self.delimiter = max(delimiters, key=text.count)
        self._quotes_span_lines = quotes_span_lines

    def __iter__(self) -> Iterator[Row]:
        """All rows that hold anything. Raises CsvError where quotes may span lines and one is not closed."""
        if self._first is None:
            return iter(())
        return self._spanning_rows() if self._quotes_span_lines else self._single_line_rows()

    def _numbered(self) -> Iterator[tuple[int, str]]:
        if self._first is not None:
            yield self._first[0], self.first_line
        yield from self._source

    def _single_line_rows(self) -> Iterator[Row]:
        for number, line in self._numbered():
            try:
                cells = next(csv.reader([line], delimiter=self.delimiter), [])
            except csv.Error as error:
                yield Row(number, [], str(error))
                continue
            if row := _row(number, cells):
                yield row

    def _spanning_rows(self) -> Iterator[Row]:
        above = self._first[0] - 1 if self._first else 0
        reader = csv.reader((line for _, line in self._numbered()), delimiter=self.delimiter, strict=True)
        end = 0
        try:
            for cells in reader:
                begin, end = end + 1, reader.line_num
                if row := _row(above + begin, cells):
                    yield row
        except csv.Error as error:
            raise CsvError(f"line {above + reader.line_num}: {error}") from None


def columns_named(header: Sequence[str], names: Iterable[str]) -> list[int]:
    """The places of the columns with one of these names, in the order of `names`.

    Upper and lower case are equal, and a space is an underscore: `User ID` is `user_id`.
    """
    written = [cell.lower().replace(" ", "_") for cell in header]
    return [at for name in names for at, found in enumerate(written) if found == name]


def escape_formula(text: str) -> str:
    """Text from outside as a cell that a spreadsheet does not run as a formula: with an apostrophe before it.

    See OWASP, CSV injection. A spreadsheet hides the apostrophe, because it marks a text.
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def csv_lines(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV text, with commas and CRLF line ends as in RFC 4180; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _is_blank(line: str) -> bool:
    return not line.removeprefix(_BYTE_ORDER_MARK).strip()


def _row(line: int, cells: list[str]) -> Row | None:
    """The row without spaces around its cells; None where all are empty."""
    stripped = [cell.strip() for cell in cells]
    return Row(line, stripped) if any(stripped) else None
