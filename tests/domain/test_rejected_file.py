"""The file of rejected lines: corrected or not, it is read again as it was, without its reasons."""

import re

import pytest

from wacrmd.domain.people_file import HOW_READ, PeopleFile
from wacrmd.domain.rejected_file import RejectedFormat
from wacrmd.domain.text_file import split_lines


def rejected(text: str, column: str | None = None) -> str:
    """The file in which all rows are rejected."""
    file = PeopleFile(split_lines(text), column=column)
    form = RejectedFormat(file)
    return form.head(mark=False) + "".join(form.line(row.text, 'no, "not" a number; x') for row in file)


@pytest.mark.parametrize(
    "text",
    [
        "phone\n12\n13\n",
        "Name;Mobil;Grund\r\nA;12;x\r\nB;13\r\nC;14;x;y;z\r\n",
        'Name;Mobil;;\n"A\n1";"12";;\nB";13;"x\n',
        "sep=|\nName|Mobil\nA|12\n",
        "Name\tMobil\nA\t12",
        '"Name, first","Phone\nnumber"\nA,12\n',
    ],
)
def test_it_has_the_same_rows_again_however_often(text: str) -> None:
    before = PeopleFile(split_lines(text))
    once = rejected(text)
    twice = rejected(once)
    assert twice == once
    again = PeopleFile(split_lines(once))
    rows, rows_again = list(before), list(again)
    assert rows
    assert [row.cells for row in rows_again] == [['no, "not" a number; x', *row.cells] for row in rows]
    assert [again.address(row.cells) for row in rows_again] == [before.address(row.cells) for row in rows]


def test_a_file_without_a_header_gets_one() -> None:
    again = rejected("A;+4915123456001;x\nB;12;y\n")
    assert again.splitlines()[0] == "rejected_because;column_1;phone;column_3"
    assert rejected(again) == again


def test_a_mark_and_a_sep_line_stay() -> None:
    form = RejectedFormat(PeopleFile(["sep=;\n", "phone;x\n"]))
    assert form.head(mark=True) == "\ufeffsep=;\r\nrejected_because;phone;x\n"


def test_a_reason_that_a_spreadsheet_wrote_without_quotes_is_left_out_too() -> None:
    assert rejected("rejected_because;phone\nmay be right;12\n;13\n") == rejected("phone;\n12\n13\n").replace(
        "phone;", "phone"
    )


FORMULAS = [
    '=HYPERLINK("http://x.example";"Jane")',
    "'=1+1",
    "''=1+1",
    "'Jane",
    "'",
    "=",
    "@SUM(A1)",
    "+Jane",
    "-Jane",
    "\uff1d1",
    "a;=1+1",
    "a\n=1+1",
    '"=1+1',
    '="007"',
    "-5",
    "+49 151 23456001",
]


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("value", FORMULAS)
def test_no_cell_of_it_is_a_formula_and_each_comes_back_as_it_was(value: str, delimiter: str) -> None:
    quoted = value.replace('"', '""')
    text = f'phone{delimiter}name\n12{delimiter}"{quoted}"\n'
    once = rejected(text)
    assert rejected(once) == once
    (cells,) = [row.cells for row in PeopleFile(split_lines(once))]
    assert cells[2] in (value, f"'{value}", value.replace("=1+1", "'=1+1"))
    before, again = PeopleFile(split_lines(text)), PeopleFile(split_lines(once))
    (row,), (row_again,) = list(before), list(again)
    assert [again.text(cell) for cell in row_again.cells[1:]] == [before.text(cell) for cell in row.cells]


@pytest.mark.parametrize(
    "row",
    [
        "12;=1+1;x",
        "12;\uff1d1;x",
        '12; "=1+1";x',
        '"12;=1+1;x',
        '12;a";@x;"',
        "12;x;=1+1\n",
        '12;"a;=1+1";x;y',
    ],
)
def test_also_a_row_that_cannot_be_read_has_no_formula(row: str) -> None:
    form = RejectedFormat(PeopleFile(["phone;name;note\n", "12;a;b\n"]))
    line = form.line(row, "@reason").rstrip("\r\n")
    assert not any(re.match(r"[\s\"]*[=@\uff1d]", cell) for cell in line.split(";"))


def test_numbers_stay_as_they_are() -> None:
    assert rejected("phone;n\n+49 151 23456001;-5\n").endswith(";+49 151 23456001;-5\n")


def test_lines_that_are_not_rejected_say_how_they_were_read() -> None:
    form = RejectedFormat(PeopleFile(["phone;x\n", "12;=1\n"]))
    text = form.head(mark=False, reason=HOW_READ) + form.line("12;=1\n", "read as a number of DE")
    again = PeopleFile(split_lines(text))
    (row,) = again
    assert text.startswith("how_it_was_read;phone;x\n")
    assert (again.address(row.cells), again.text(row.cells[2])) == ("12", "=1")
    assert rejected(text).startswith("rejected_because;phone;x\n")
