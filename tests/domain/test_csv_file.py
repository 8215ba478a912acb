"""The CSV reader: lines to rows, whatever separates and quotes the cells."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.domain.csv_export import csv_lines
from wacrmd.domain.csv_file import MAX_CELL, CsvReader, Row
from wacrmd.domain.text_file import split_lines


def rows_of(text: str) -> list[list[str]]:
    return [row.cells for row in CsvReader(split_lines(text))]


def has_phone(cells: list[str]) -> bool:
    """Whether the first cell is a number: what a file of people tells the reader."""
    return cells[0].strip('"').startswith("+")


def people(text: str) -> list[tuple[int, list[str], str | None]]:
    reader = CsvReader(split_lines(text))
    reader.is_row = has_phone
    return [(row.line, row.cells, row.problem) for row in reader]


def test_a_byte_order_mark_in_a_text_is_no_cell() -> None:
    """A file that was decoded as plain UTF-8 begins with it."""
    reader = CsvReader(["\ufeff\n", "\ufeffphone;name\n", "1;Ana\n"])
    assert [row.cells for row in reader] == [["phone", "name"], ["1", "Ana"]]


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


@pytest.mark.parametrize(
    ("text", "delimiter", "rows"),
    [
        ("sep=;\r\na,b;c\r\n", ";", [["a,b", "c"]]),
        ('"sep=\t"\na;b\tc\n', "\t", [["a;b", "c"]]),
        ("\n\ufeffSEP=|;;;\na|b\n", "|", [["a", "b"]]),
        ("sep=,,,\na,b\n", ",", [["a", "b"]]),
        ("sep=^\na^b\n", "^", [["a", "b"]]),
        ("sep=abc;x\n", ";", [["sep=abc", "x"]]),
        ("sep=;\n", ";", []),
    ],
)
def test_a_sep_line_names_the_separator_and_is_no_row(
    text: str, delimiter: str, rows: list[list[str]]
) -> None:
    reader = CsvReader(split_lines(text))
    assert (reader.delimiter, [row.cells for row in reader]) == (delimiter, rows)


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        ('"Name, Vorname";Mobil', ";"),
        ('"Name, first, last";"Mobil"', ";"),
        ('"Phone\nnumber";Name', ";"),
        ('"a;b;c","d"', ","),
        ('"a ""x;y;z"" b"\tc', "\t"),
    ],
)
def test_separators_within_quotes_do_not_count(header: str, delimiter: str) -> None:
    assert CsvReader(split_lines(header)).delimiter == delimiter


def test_the_separator_with_which_the_header_is_known_wins() -> None:
    def is_known(cells: list[str]) -> bool:
        return "phone" in cells

    assert CsvReader(["phone;a,b,c,d\n"], is_known=is_known).delimiter == ";"
    assert CsvReader(["phone,a;b;c;d\n"], is_known=is_known).delimiter == ","


def test_rows_have_the_line_on_which_they_begin_and_no_spaces_around_their_cells() -> None:
    lines = split_lines('\n to , name \n\n1,"one\ntwo"\n,\n 2 , x\n')
    assert list(CsvReader(lines)) == [
        Row(2, ["to", "name"], " to , name \n"),
        Row(4, ["1", "one\ntwo"], '1,"one\ntwo"\n'),
        Row(7, ["2", "x"], " 2 , x\n"),
    ]


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('a,5" pipe,3" x', ["a", '5" pipe', '3" x']),
        ('"5" pipe,b,"c"x', ['"5" pipe', "b", '"c"x']),
        ('a,"b,c"  , d', ["a", "b,c", "d"]),
        (' "a" ,b', ["a", "b"]),
        ('"",""""', ["", '"']),
        ('"a ""b"" c",d', ['a "b" c', "d"]),
        ('a,b"', ["a", 'b"']),
        ('"a,b', ['"a', "b"]),
        ("O'Brien,'x'", ["O'Brien", "'x'"]),
        ('="+1415",x', ['="+1415"', "x"]),
        ('"=""+1415""",x', ['="+1415"', "x"]),
        ("a,b,,", ["a", "b", "", ""]),
        ("a,b\u2028c", ["a", "b\u2028c"]),
    ],
)
def test_a_quote_that_encloses_no_cell_is_part_of_the_text(line: str, cells: list[str]) -> None:
    assert rows_of(f"h,i\n{line}\n")[1] == cells


def test_a_quote_that_is_never_closed_affects_only_its_line() -> None:
    assert rows_of('to,name\n1,"x\n2,y\n"3,z\n4,"a\n') == [
        ["to", "name"],
        ["1", '"x'],
        ["2", "y"],
        ['"3', "z"],
        ["4", '"a'],
    ]


@pytest.mark.parametrize("size", [10, 1000, 60_000])
def test_a_stray_quote_hides_no_line_however_large_the_file(size: int) -> None:
    rows = people("phone,note\n" + '+0,"oh\n' + "".join(f"+{at},b\n" for at in range(size)))
    assert len(rows) == size + 2
    assert rows[1] == (2, ["+0", '"oh'], None)


def test_lines_between_two_stray_quotes_that_are_all_rows_are_read_as_rows() -> None:
    assert [row[:2] for row in people('+1,"a\n+2,b\n+3,c"\n+4,d\n')] == [
        (1, ["+1", '"a']),
        (2, ["+2", "b"]),
        (3, ["+3", 'c"']),
        (4, ["+4", "d"]),
    ]


def test_lines_between_two_stray_quotes_of_which_some_are_rows_are_all_told() -> None:
    rows = people('+1,"a\n+2,b\nfoo,c"\n+4,d\n')
    assert [(line, cells) for line, cells, _ in rows] == [(1, []), (2, []), (3, []), (4, ["+4", "d"])]
    assert rows[0][2] == rows[2][2]
    assert "a quote opens on line 1 and closes on line 3" in (rows[0][2] or "")


def test_a_cell_of_several_lines_that_are_no_rows_is_one_cell() -> None:
    assert people('+1,"a\nb\n\nc"\n+4,d\n') == [(1, ["+1", "a\nb\n\nc"], None), (5, ["+4", "d"], None)]


def test_a_cell_of_several_lines_has_a_largest_size() -> None:
    text = "x" * 1000 + "\n"
    fits = MAX_CELL // len(text) - 1
    assert len(people('+1,"' + text * fits + '"\n')) == 1
    assert len(people('+1,"' + text * (fits + 9) + '"\n')) > fits


@given(st.text(alphabet='a,;\n"', max_size=60))
def test_no_text_of_a_file_is_lost(text: str) -> None:
    reader = CsvReader(split_lines(text))
    rows = list(reader)
    kept = "".join(row.text for row in rows)
    assert [char for char in kept if char == "a"] == [char for char in text if char == "a"]
    begun = [row.line for row in rows]
    assert begun == sorted(set(begun))


def test_quotes_that_open_and_close_on_every_line_are_read_in_linear_time() -> None:
    lines = 20_000
    assert len(rows_of('a,"b\n' + 'c","d\n' * lines)) > lines // 100


@pytest.mark.parametrize("lines", [[], ["\n"], ["\ufeff\n", "  "], [",,\n"]])
def test_a_file_without_text_has_no_rows(lines: list[str]) -> None:
    assert list(CsvReader(lines)) == []


@given(st.lists(st.lists(st.text(alphabet='ab ,;"\n', max_size=6), min_size=2, max_size=4), max_size=6))
def test_written_rows_are_read_back_equal(rows: list[list[str]]) -> None:
    header = ["a,b", "c"]
    read = rows_of(csv_lines([header, *rows]))
    expected = [[cell.strip() for cell in row] for row in [header, *rows]]
    assert read == [row for row in expected if any(row)]


def test_a_cell_of_many_lines_costs_no_more_for_the_quotes_in_it() -> None:
    """Each line is looked at once: with the whole cell for each line, it took 70 times as long."""

    def took(line: str) -> float:
        lines = split_lines(f'phone,note\n+14155550123,"{line * 10_000}"\n')
        began = time.thread_time()
        (_, row) = CsvReader(lines)
        assert len(row.cells) == 2
        return time.thread_time() - began

    plain = min(took("xx\n") for _ in range(3))
    assert min(took('""\n') for _ in range(3)) < 10 * plain
