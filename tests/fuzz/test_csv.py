"""Files of people as anybody may save them: read, or refused as a whole or by the row, in linear time."""

import codecs
import csv
import io
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.fuzz.effort import IS_LONG, examples
from tests.fuzz.files_of_people import TEXTS, TOKENS, files_of_people
from tests.fuzz.growth import assert_grows_in_proportion
from tests.fuzz.mutations import mutated_bytes
from wacrmd.domain.csv_export import csv_lines, escape_formula, excel_text, text_within, unescape_formula
from wacrmd.domain.csv_file import CsvReader, Row
from wacrmd.domain.optout_file import OptOutFile, OptOutRow
from wacrmd.domain.people_file import PeopleFile
from wacrmd.domain.recipient_file import RecipientFile, read_recipients
from wacrmd.domain.rejected_file import RejectedFormat
from wacrmd.domain.text_file import CsvError, decode_lines, split_lines

CODECS = st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252"))
COLUMNS = st.none() | st.sampled_from(("phone", "to", "1", "2", "name", "99", "", "²"))
EMPTY = '" \t\r\n\ufeff\v\f\u2028\x1c\x1d\x1e\x85'
RAW = mutated_bytes(
    [*(text.encode() for text in TEXTS), *(text.encode("utf-16") for text in TEXTS[:4])],
    [
        codecs.BOM_UTF8,
        codecs.BOM_UTF16_LE,
        codecs.BOM_UTF16_BE,
        b"\0",
        b"\r",
        b"\n",
        b'"',
        b"PK\x03\x04",
        b"\xff",
        b",",
    ],
)


def encoded(text: str, codec: str) -> bytes:
    return text.encode(codec, errors="replace")


def in_pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def recipients(data: Iterable[bytes], column: str | None) -> tuple[Any, ...] | str:
    """What a file of recipients says; the reason of a file that is refused."""
    try:
        file = read_recipients(data, column=column)
    except CsvError as error:
        assert str(error)
        return str(error)
    return file.columns, file.rows, file.rejected, file.numbered


def optouts(data: Iterable[bytes], column: str | None) -> list[Any] | str:
    """The rows of a file of opt-outs; the reason of a file that is refused."""
    try:
        return list(OptOutFile(decode_lines(data), column=column))
    except CsvError as error:
        assert str(error)
        return str(error)


@examples(150)
@given(RAW | st.builds(encoded, files_of_people(), CODECS), st.integers(1, 50), COLUMNS)
def test_a_file_says_the_same_however_its_bytes_arrive(data: bytes, size: int, column: str | None) -> None:
    for read in (recipients, optouts):
        found, again = read([data], column), read(in_pieces(data, size), column)
        # Of two reasons against a file that one is told which is met first.
        assert again == found or (isinstance(found, str) and isinstance(again, str))


@examples(150)
@given(files_of_people(), COLUMNS)
def test_each_line_is_of_one_row_or_has_nothing_in_it(text: str, column: str | None) -> None:
    """No line is read twice, none is made up, and none that says something is lost without a word."""
    lines = split_lines(text.encode(errors="replace").decode().removeprefix("\ufeff"))
    try:
        file = OptOutFile(lines, column=column)
        rows = list(file)
    except CsvError:
        return
    covered: list[int] = []
    header: list[Row | OptOutRow] = [file.file.first] if file.file.has_header else []
    for row in [*header, *rows]:
        held = split_lines(row.text)
        assert "".join(held).strip("\ufeff") == "".join(lines[row.line - 1 :][: len(held)]).strip("\ufeff")
        covered += range(row.line, row.line + len(held))
    assert covered == sorted(set(covered))
    named = 1 if file.file.reader.sep_line else 0
    for number in sorted(set(range(1, len(lines) + 1)) - set(covered)):
        empty = not lines[number - 1].strip(EMPTY + file.file.reader.delimiter)
        assert empty or (named := named - 1) >= 0, number


@examples(100)
@given(
    st.lists(
        st.tuples(
            st.integers(2_000_000, 9_999_999),
            st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12).map(str.strip),
            st.text(st.sampled_from("=+-@'\";, \t\nab1"), max_size=8).map(str.strip),
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(("utf-8", "utf-8-sig", "utf-16")),
    st.sampled_from(",;\t|"),
)
def test_what_a_program_writes_is_read_back(
    rows: list[tuple[int, str, str]], codec: str, delimiter: str
) -> None:
    assume(all(name and note for _, name, note in rows))
    written = io.StringIO()
    people = [[f"+1415{number}", name, note] for number, name, note in rows]
    csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(
        [["phone", "name", "note"], *people]
    )
    file = read_recipients([written.getvalue().encode(codec)])
    read_back = [[to, text_within(name), text_within(note)] for to, name, note in people]
    for row in file.rows:
        assert [row.to, *row.params] in read_back
    assert len(file.rows) + len(file.rejected) >= len(people)


@examples(150)
@given(st.text(max_size=20) | st.text(st.sampled_from("=+-@'\"; \t\r\n|%1a\u2212\uff1d"), max_size=10))
def test_a_cell_of_an_export_is_read_back(text: str) -> None:
    assert unescape_formula(escape_formula(text)) == text
    assert unescape_formula(excel_text(text)) == text
    (row,) = list(csv.reader(io.StringIO(csv_lines([["x", escape_formula(text)]]), newline="")))
    assert unescape_formula(row[1]) == text.replace("\0", "")


@examples(100)
@given(files_of_people(), COLUMNS)
def test_a_file_of_rejected_lines_can_be_read_like_the_first(text: str, column: str | None) -> None:
    try:
        file: RecipientFile = read_recipients([text.encode(errors="replace")], column=column)
    except CsvError:
        return
    form: RejectedFormat = file.rejected_format
    again = form.head(mark=False) + "".join(form.line(each.text, each.reason) for each in file.rejected)
    if file.rejected:
        try:
            back = read_recipients([again.encode(errors="replace")])
        except CsvError:
            return  # a header that only --column made certain
        assert len(back.rows) <= len(file.rejected) + text.count('"')


@examples(150)
@given(
    st.text(st.sampled_from("=+-@'\"; \t\n|%1a\u2212\uff1d,"), max_size=10) | st.text(max_size=10),
    st.sampled_from(",;\t"),
)
def test_a_value_in_a_file_of_rejected_lines_comes_back_as_it_was(value: str, delimiter: str) -> None:
    text = f"phone{delimiter}name\n" + csv_lines([["12", value]], delimiter)
    before = PeopleFile(split_lines(text))
    (row,) = before
    if row.problem is not None:
        return
    form = RejectedFormat(before)
    again = PeopleFile(split_lines(form.head(mark=False) + form.line(row.text, "is too short")))
    (row_again,) = again
    assert [again.text(cell) for cell in row_again.cells[1:]] == [before.text(cell) for cell in row.cells]


UNITS = st.text('",\na', min_size=3, max_size=6) | st.lists(
    st.sampled_from(TOKENS), min_size=1, max_size=6
).map("".join)
HEADS = st.sampled_from(("", "phone,name\n", "to;name\n", '"phone","name"\n', "sep=,\nphone,name\n", '"'))


@pytest.mark.exhaustive(only=not IS_LONG)
@examples(40)
@given(HEADS, UNITS, st.sampled_from(("", "\n", '"', '"\n')))
@example("phone,name\n", '+14155550123,"x\n', "")
@example("phone,name\n", '"\n', "")
@example("phone,name\n", 'a,"b",c"\n', "")
@example("", '"', "")
@example("", '","', "")
@example("", '","a\n', "")
@example("phone,name\n", '"\n,"', '"\n')
@example('phone,name\n1,"', '""\n', '"\n')
def test_a_file_is_read_in_linear_time(head: str, unit: str, end: str) -> None:
    def made(size: int) -> bytes:
        return (head + unit * (size // len(unit)) + end).encode()

    def read(data: bytes) -> None:
        recipients([data], None)
        optouts([data], None)
        assert all(row.line for row in CsvReader(decode_lines([data])))

    assert_grows_in_proportion(made, read, 2_000)


def test_rows_come_as_they_are_read() -> None:
    """A file is not read to its end before its first row is known."""
    lines = iter(["phone\n", "1\n", "2\n"])
    assert next(iter(CsvReader(lines))).cells == ["phone"]
    assert list(lines) == ["1\n", "2\n"]
