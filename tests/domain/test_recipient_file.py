"""Recipient files: the CSV formats that are read, and the errors for others."""

import pytest

from wacrmd.domain.recipient_file import RecipientFile, read_recipients
from wacrmd.domain.text_file import CsvError


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
    assert [(bad.line, bad.reason) for bad in sheet.rejected] == [(4, "has 1 column, expected 2")]


def test_numbered_columns_are_ordered_by_number_and_others_by_position() -> None:
    assert parse(b"2,TO,1\nb,+1415,a\n").rows[0].params == ["a", "b"]
    sheet = parse(b"city,to,name\nUlm,+1415,Jo\n")
    assert (sheet.columns, sheet.rows[0].params, sheet.numbered) == (["city", "name"], ["Ulm", "Jo"], False)
    assert parse(b"to,{{2}},{{1}}\n+1415,b,a\n").numbered is True
    partly = parse(b"to,2,name\n+1415,b,Jo\n")
    assert (partly.columns, partly.rows[0].params, partly.numbered) == (["2", "name"], ["b", "Jo"], False)
    assert parse(b"to\n+1415\n").rows[0].params == []


def test_an_index_that_a_program_wrote_before_the_first_column_is_no_parameter() -> None:
    sheet = parse(b",to,name\n0,+14155550123,Jo\n1,+14155550124,Ann\nx,+14155550125,Al\n")
    assert (sheet.columns, [row.params for row in sheet.rows]) == (["name"], [["Jo"], ["Ann"]])
    assert [(bad.line, bad.reason) for bad in sheet.rejected] == [(4, "has x in column 1, which has no name")]
    (row,) = parse(b"rejected_because,,to,name\nwas wrong,0,+14155550123,Jo\n").rows
    assert row.params == ["Jo"]


def test_a_parameter_that_a_spreadsheet_keeps_as_text_is_that_text() -> None:
    sheet = parse(b'to,code,quoted,other\n="+14155550123",="007","=""0""""8""",=007\n')
    assert sheet.rows[0].params == ["007", '0"8', "=007"]
    (bad,) = parse(b'to,code\n+14155550123,=""\n').rejected
    assert bad.reason.startswith("has nothing in column code")


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "the file is empty"),
        (b"id,name\n1,2\n", "line 1: no column is known as one of phone numbers, found: id, name"),
        (b"phone,mobile,name\n", "line 1: several columns may have the phone numbers (phone, mobile)"),
        (b"+14155550123,Jo\n", "line 1: expected a header with a column called to"),
        (b"to,,x\n1,2,3\n", "line 1: column 2 has no name"),
        (b"to,a,b,b\n", "line 1: two columns are called b"),
        (
            b"a,,b,c,d,e,f,g,h\n",
            "line 1: no column is known as one of phone numbers, found: a, (no name), b, c, d, e, f, g, h; name it",
        ),
        (b"to,to\n", "line 1: several columns may have the phone numbers (to, to)"),
        (b"to,1,3\n", "line 1: expected the columns 1 to 2, found 1, 3"),
        (b"to,name\n1,J\xf6\n", "line 2: expected UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(raw: bytes, sentence: str) -> None:
    with pytest.raises(CsvError) as raised:
        parse(raw)
    assert str(raised.value).startswith(sentence)


@pytest.mark.parametrize(
    ("line", "to", "reason"),
    [
        ("Jane", "", "has 1 column, expected 2"),
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
    assert [(one.line, one.to, one.reason) for one in sheet.rejected] == [(3, to, reason)]


def test_empty_cells_beyond_the_header_are_ignored() -> None:
    assert parse(b"to,name\n+1415,Jo,,\n").rows[0].params == ["Jo"]


@pytest.mark.parametrize(
    ("raw", "to", "names"),
    [
        (b"Name;Mobil\nJo;+4915123456001\n", "+4915123456001", ["Name"]),
        (b"phone,to\nx,+4915123456001\n", "+4915123456001", ["phone"]),
        (b"to;name;;\n+4915123456007;Anna;;\n", "+4915123456007", ["name"]),
        (b"sep=;\r\nto;name\r\n'+4915123456006;Anna\r\n", "+4915123456006", ["name"]),
        (b'to,"first, name"\n"=""+4915123456006""",Anna\n', "+4915123456006", ["first, name"]),
        (b"+4915123456006\n", "+4915123456006", []),
        (b"rejected_because,to,name\nno number,+4915123456006,Anna\n", "+4915123456006", ["name"]),
        (
            b"id,to,status,whatsapp_message_id,error_code,error_title\n7,+4915123456006,failed,,131026,x\n",
            "+4915123456006",
            [],
        ),
    ],
)
def test_other_forms_of_a_file_are_read(raw: bytes, to: str, names: list[str]) -> None:
    sheet = parse(raw)
    assert (sheet.rows[0].to, sheet.columns, sheet.rejected) == (to, names, [])


def test_the_caller_names_the_column() -> None:
    sheet = read_recipients([b"nr,name\n+4915123456001,Jo\n"], column="nr")
    assert (sheet.rows[0].to, sheet.columns) == ("+4915123456001", ["name"])


def test_a_parameter_that_a_program_has_damaged_is_rejected() -> None:
    sheet = parse("to,name\n+4915123456001,J\ufffdrg\n".encode())
    assert [one.line for one in sheet.rejected] == [2]


@pytest.mark.exhaustive(only=True)
def test_a_stray_quote_stops_neither_the_file_nor_other_lines() -> None:
    lines = [f"+49151234{at:05},Jo" for at in range(60_000)]
    lines[100] = '+4915123400100,"Jo'
    sheet = parse(("to,name\n" + "\n".join(lines)).encode())
    assert (len(sheet.rows), sheet.rejected) == (60_000, [])
    assert sheet.rows[100].params == ['"Jo']
