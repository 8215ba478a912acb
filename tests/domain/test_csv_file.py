"""The CSV reader: bytes to lines, lines to rows, and the problems of rows."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.domain.csv_file import (
    CsvError,
    CsvReader,
    Row,
    columns_named,
    csv_lines,
    decode_lines,
    escape_formula,
    split_lines,
)

TEXTS = st.text(alphabet='aß \u2028\x85\r\n,;"', max_size=40)


def pieces_of(raw: bytes, size: int) -> list[bytes]:
    return [raw[at : at + size] for at in range(0, len(raw), size)]


@given(TEXTS, st.integers(1, 7), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_a_file_has_the_same_lines_however_its_bytes_arrive(text: str, size: int, encoding: str) -> None:
    lines = list(decode_lines(pieces_of(text.encode(encoding), size)))
    assert "".join(lines) == text
    assert lines == list(io.StringIO(text, newline=""))
    assert lines == split_lines(text)


def test_a_byte_order_mark_in_a_text_is_no_cell() -> None:
    """A file that was decoded as plain UTF-8 begins with it."""
    reader = CsvReader(["\ufeff\n", "\ufeffphone;name\n", "1;Ana\n"])
    assert [row.cells for row in reader] == [["phone", "name"], ["1", "Ana"]]


def test_a_file_without_text_has_no_first_line() -> None:
    assert CsvReader(["\n"]).first_line == ""


def test_a_long_line_is_read_in_linear_time() -> None:
    piece = b"x" * 1000
    (line,) = decode_lines(piece for _ in range(20_000))
    assert len(line) == 20_000_000


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(("newline", "number"), [(b"\n", 3), (b"\r\n", 3), (b"\r", 3)])
def test_bytes_that_are_not_utf8_are_refused_with_their_line(size: int, newline: bytes, number: int) -> None:
    raw = newline.join([b"to,name", b"1,Jane", b"2,J\xf6rg", b"3,Joe"])
    with pytest.raises(CsvError, match=rf"^line {number}: expected UTF-8 text"):
        list(decode_lines(pieces_of(raw, size)))


@pytest.mark.parametrize(
    ("first_line", "delimiter"),
    [
        ("to,name", ","),
        ("to;name;city", ";"),
        ("to\tname", "\t"),
        ("to|name", "|"),
        ("to", ","),
        ("to;name,city;x", ";"),
        ("to,a;b", ","),
    ],
)
def test_the_first_line_with_text_decides_the_delimiter(first_line: str, delimiter: str) -> None:
    assert CsvReader([" \n", first_line, "a,b,c,d;e;f"]).delimiter == delimiter


def test_a_caller_may_allow_fewer_delimiters() -> None:
    assert CsvReader(["a|b|c;d"], delimiters=",;").delimiter == ";"


def test_rows_have_the_line_on_which_they_begin_and_no_spaces_around_their_cells() -> None:
    lines = split_lines('\n to , name \n\n1,"one\ntwo"\n,\n 2 , x\n')
    assert list(CsvReader(lines)) == [
        Row(2, ["to", "name"]),
        Row(4, ["1", "one\ntwo"]),
        Row(7, ["2", "x"]),
    ]


def test_a_quote_that_is_never_closed_makes_the_file_unusable_where_quotes_span_lines() -> None:
    with pytest.raises(CsvError, match=r"^line 4: "):
        list(CsvReader(["\n", "to,name\n", '1,"x\n', "2,y\n"]))


def test_with_one_row_per_line_an_open_quote_affects_only_its_line() -> None:
    rows = list(CsvReader(["to,name\n", '1,"x\n', "2,y\n"], quotes_span_lines=False))
    assert [row.line for row in rows] == [1, 2, 3]
    assert rows[2].cells == ["2", "y"]


def test_a_line_that_is_not_csv_has_a_problem_and_the_next_is_read() -> None:
    too_long = "x" * (csv.field_size_limit() + 1)
    rows = list(CsvReader(["a\n", too_long, "b\n"], quotes_span_lines=False))
    assert [(row.line, row.cells) for row in rows] == [(1, ["a"]), (2, []), (3, ["b"])]
    assert "field" in (rows[1].problem or "")


@pytest.mark.parametrize("lines", [[], ["\n"], ["\ufeff\n", "  "], [",,\n"]])
def test_a_file_without_text_has_no_rows(lines: list[str]) -> None:
    assert list(CsvReader(lines)) == []


@given(st.lists(st.lists(st.text(alphabet='ab ,;"\n', max_size=6), min_size=2, max_size=4), max_size=6))
def test_written_rows_are_read_back_equal(rows: list[list[str]]) -> None:
    header = ["a,b", "c"]
    read = list(CsvReader(split_lines(csv_lines([header, *rows]))))
    expected = [[cell.strip() for cell in row] for row in [header, *rows]]
    assert [row.cells for row in read] == [row for row in expected if any(row)]


def test_columns_are_found_by_name_in_the_order_of_the_names() -> None:
    header = ["Name", "User ID", "TO", "phone", "to"]
    assert columns_named(header, ["phone", "to"]) == [3, 2, 4]
    assert columns_named(header, ["user_id"]) == [1]
    assert columns_named(header, ["detail"]) == []


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM", "'@SUM"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("Message undeliverable", "Message undeliverable"),
        ("", ""),
    ],
)
def test_cells_with_foreign_text_are_escaped_against_formulas(text: str, cell: str) -> None:
    assert escape_formula(text) == cell
