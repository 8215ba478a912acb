"""CSV for programs and spreadsheets: no formula, and texts that Excel shows as they are."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.domain.csv_export import csv_lines, escape_formula, excel_text, unescape_formula

FORMULAS = [
    "=HYPERLINK(1)",
    "+1",
    "-1",
    "@SUM",
    "|calc",
    "%0A",
    "\tx",
    "\rx",
    "\nx",
    "  =1+1",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff=1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff201",
    " \t \uff1d1",
    "\u2028=1",
    "\x00=1",
    "\u22121",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_cell_that_a_program_may_run_has_an_apostrophe_before_it(text: str) -> None:
    assert escape_formula(text) == f"'{text}"
    assert excel_text(text)[0] in "'="
    assert unescape_formula(escape_formula(text)) == text


@pytest.mark.parametrize("text", ["", "Message undeliverable", "a=1", " a", "O'Brien", "'quoted'", "1-2"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert escape_formula(text) == text
    assert unescape_formula(text) == text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("asked;=HYPERLINK(1)", "asked;'=HYPERLINK(1)"),
        ("a\n=1", "a\n'=1"),
        ("a\r\n+1;b;-1", "a\r\n'+1;b;'-1"),
        ('a;"=1"', 'a;\'"=1"'),
        (";=1", ";'=1"),
        ("=1; =2", "'=1;' =2"),
        ("a; b\nc", "a; b\nc"),
    ],
)
def test_no_part_of_a_text_is_a_formula_where_a_semicolon_separates_cells(text: str, cell: str) -> None:
    assert escape_formula(text) == cell
    assert unescape_formula(cell) == text
    rows = csv.reader(io.StringIO(csv_lines([["x", cell, "y"]]), newline=""), delimiter=";")
    assert not any(part.strip(' "').startswith(tuple("=+-")) for row in rows for part in row)


@given(st.text(alphabet="'\" \t\n;=+-@|x1\uff1d\u200b", max_size=8))
def test_escaping_is_undone_exactly(text: str) -> None:
    assert unescape_formula(escape_formula(text)) == text
    assert unescape_formula(excel_text(text)) == text


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("+14155550123", '="+14155550123"'),
        ("0123", '="0123"'),
        ("1e5", '="1e5"'),
        ("12345678901234567890", '="12345678901234567890"'),
        ("2026-11-23", '="2026-11-23"'),
        ("1/2", '="1/2"'),
        ("-1", '="-1"'),
        ("10 %", '="10 %"'),
        ("\uff10\uff19\uff10-\uff11\uff12", '="\uff10\uff19\uff10-\uff11\uff12"'),
        ("\u0660\u0661\u0662", '="\u0660\u0661\u0662"'),
        ("¥500", '="¥500"'),
        ("2026-11-23T12:00:00.000Z", "2026-11-23T12:00:00.000Z"),
        ("US.13491208655302741918", "US.13491208655302741918"),
        ("Jo 2", "Jo 2"),
        ("=1+1", "'=1+1"),
        ('+1"&A1', "'+1\"&A1"),
        ("", ""),
    ],
)
def test_what_excel_would_convert_is_kept_as_text(text: str, cell: str) -> None:
    assert excel_text(text) == cell


@given(st.text(max_size=12))
def test_only_digits_and_marks_are_within_a_formula(text: str) -> None:
    cell = excel_text(text)
    if cell.startswith("="):
        assert all(char.isdecimal() or char in "+-.,:/() eE%$€£¥₹₩\u2212" for char in cell[2:-1])


@given(st.lists(st.lists(st.text(alphabet='ab ,;"\r\n=', max_size=6), min_size=1, max_size=4), max_size=6))
def test_rows_are_written_as_rfc_4180(rows: list[list[str]]) -> None:
    assert list(csv.reader(io.StringIO(csv_lines(rows), newline=""))) == rows


def test_a_nul_is_left_out() -> None:
    assert csv_lines([["a\0b", escape_formula("\0=1")]]) == "ab,'=1\r\n"
