"""Recipient files: the CSV formats that are read, and the errors for others."""

import pytest

from wacrmd.domain.csv_file import CsvError
from wacrmd.domain.recipient_file import RecipientFile, RejectedLine, read_recipients


def parse(raw: bytes) -> RecipientFile:
    return read_recipients([raw])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_delimiters_and_line_ends_are_detected(delimiter: str, newline: str) -> None:
    text = newline.join([delimiter.join(["to", "name"]), delimiter.join(["+14155550123", "Jane"]), ""])
    (row,) = parse(text.encode()).rows
    assert (row.line, row.to, row.params) == (2, "+14155550123", ["Jane"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_unicode_encodings_of_spreadsheets_are_read(encoding: str) -> None:
    (row,) = parse("to,name\n+14155550123,Zoë\n".encode(encoding)).rows
    assert row.params == ["Zoë"]


def test_a_cell_of_several_lines_counts_them() -> None:
    sheet = parse(b'to,text\n+14155550123,"one\ntwo"\n+14155550124\n')
    assert [row.line for row in sheet.rows] == [2]
    assert [(bad.line, bad.reason) for bad in sheet.rejected] == [(4, "has 1 columns, expected 2")]


def test_numbered_columns_are_ordered_by_number_and_others_by_position() -> None:
    assert parse(b"2,TO,1\nb,+1415,a\n").rows[0].params == ["a", "b"]
    sheet = parse(b"city,to,name\nUlm,+1415,Jo\n")
    assert (sheet.columns, sheet.rows[0].params, sheet.numbered) == (["city", "name"], ["Ulm", "Jo"], False)
    assert parse(b"to,{{2}},{{1}}\n+1415,b,a\n").numbered is True
    partly = parse(b"to,2,name\n+1415,b,Jo\n")
    assert (partly.columns, partly.rows[0].params, partly.numbered) == (["2", "name"], ["b", "Jo"], False)
    assert parse(b"to\n+1415\n").rows[0].params == []


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "the file is empty"),
        (b"phone,name\n1,2\n", "line 1: expected one column called to, found: phone, name"),
        (b"to,,x\n1,2,3\n", "line 1: column 2 has no name"),
        (b"to,a,b,b\n", "line 1: two columns are called b"),
        (
            b"a,,b,c,d,e,f,g,h\n",
            "line 1: expected one column called to, found: a, (no name), b, c, d, e, f, g",
        ),
        (b"to,to\n", "line 1: expected one column called to, found: to, to"),
        (b"to,1,3\n", "line 1: expected the columns 1 to 2, found 1, 3"),
        (b"to,name\n1,J\xf6\n", "line 2: expected UTF-8 text"),
        (b'to,name\n1,"x\n', "line 2: "),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(raw: bytes, sentence: str) -> None:
    with pytest.raises(CsvError) as raised:
        parse(raw)
    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize(
    ("line", "to", "reason"),
    [
        ("Jane", "", "has 1 columns, expected 2"),
        ("a,+14155550123,b", "+14155550123", "has 3 columns, expected 2"),
        ("Jane,", "", "has no number in column to"),
        (" ,+14155550123", "+14155550123", "has nothing in column name, and Meta takes no empty parameter"),
        (
            "Jane,1.41556E+10",
            "1.41556E+10",
            "is a number that a spreadsheet has rounded; format column to as text",
        ),
    ],
)
def test_a_line_that_cannot_be_used_is_reported_with_its_number(line: str, to: str, reason: str) -> None:
    sheet = parse(f"name,to\n\n{line}\n".encode())
    assert sheet.rows == []
    assert sheet.rejected == [RejectedLine(3, to, reason)]


def test_empty_cells_beyond_the_header_are_ignored() -> None:
    assert parse(b"to,name\n+1415,Jo,,\n").rows[0].params == ["Jo"]
