"""The file of rejected lines: corrected or not, it is read again as it was, without its reasons."""

import pytest

from wacrmd.domain.people_file import PeopleFile
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
