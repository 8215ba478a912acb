"""A file whose columns a person has given a meaning: what is shown of it, what is suggested, and what each row becomes."""

import pytest

from wacrmd.domain.draft import FileMapping, Fill
from wacrmd.domain.mapped_file import (
    HEAD_LINES,
    MAX_COLUMNS,
    MAX_SAMPLE,
    SAMPLES,
    FileColumn,
    FileHead,
    FileRow,
    MappedFile,
    read_head,
    suggest_mapping,
)
from wacrmd.domain.recipient_file import RejectedLine
from wacrmd.domain.text_file import CsvError, split_lines


def head_of(text: str) -> FileHead:
    """The beginning of a file with this text."""
    return read_head(split_lines(text))


def columns(text: str) -> list[tuple[int, str, list[str]]]:
    """Number, name and samples of each column."""
    return [(each.number, each.name, each.samples) for each in head_of(text).columns]


def head(*names: str, phone: int | None = None, has_header: bool = True) -> FileHead:
    """The beginning of a file with these columns."""
    found = [FileColumn(number=at, name=name, samples=[]) for at, name in enumerate(names, start=1)]
    return FileHead(columns=found, has_header=has_header, phone=phone, unclear=None)


def filled(mapping: FileMapping) -> dict[str, int | str | None]:
    """What fills each placeholder: the number of a column, or a text."""
    return {name: fill.value if fill.column is None else fill.column for name, fill in mapping.fills.items()}


def rows(
    text: str, fills: dict[str, Fill] | None = None, phone: int | None = None
) -> list[FileRow | RejectedLine]:
    """The rows of a file with this text by this mapping."""
    return list(MappedFile(split_lines(text), FileMapping(phone=phone, fills=fills or {})))


def reasons(text: str, fills: dict[str, Fill] | None = None, phone: int | None = None) -> list[str]:
    """Why rows of a file cannot be used."""
    return [row.reason for row in rows(text, fills, phone) if isinstance(row, RejectedLine)]


def test_the_head_has_names_and_first_values_of_the_columns() -> None:
    people = "".join(f"P{at};+49151234560{at:02};\n" for at in range(1, SAMPLES + 3))
    found = head_of(f"Name;Mobil;Note;\n{people}")
    assert (found.has_header, found.phone, found.unclear) == (True, 2, None)
    assert [(each.number, each.name, each.samples) for each in found.columns] == [
        (1, "Name", ["P1", "P2", "P3", "P4", "P5"]),
        (2, "Mobil", [f"+491512345600{at}" for at in range(1, SAMPLES + 1)]),
        (3, "Note", [""] * SAMPLES),
    ]


def test_without_a_header_the_columns_have_numbers_and_the_first_row_is_a_sample() -> None:
    people = "".join(f"P{at};+49151234560{at:02}\n" for at in range(1, SAMPLES + 3))
    found = head_of(people)
    assert (found.has_header, found.phone, found.unclear) == (False, 2, None)
    assert [(each.name, each.samples[0], len(each.samples)) for each in found.columns] == [
        ("Column 1", "P1", SAMPLES),
        ("Column 2", "+4915123456001", SAMPLES),
    ]


@pytest.mark.parametrize(
    ("text", "unclear"),
    [
        ("Phone;Mobile\n1;2\n", "line 1: several columns may have the phone numbers (Phone, Mobile)"),
        ("Nr;Name\n1;A\n", "line 1: no column is known as one of phone numbers, found: Nr, Name"),
        (
            "Number;Name\n4915112345001;A\n",
            "line 2: 4915112345001 may be the number of a customer, because its column is called Number",
        ),
        ("Number;Name\n" + ";A\n" * (SAMPLES - 1) + "4915112345001;A\n", "line 6: 4915112345001 may be"),
    ],
)
def test_the_head_says_why_it_is_not_certain_which_column_has_the_phones(text: str, unclear: str) -> None:
    found = head_of(text)
    assert found.phone is None
    assert (found.unclear or "").startswith(unclear)
    assert "--column" not in (found.unclear or "")
    assert not (found.unclear or "").endswith((" ", ";", ":"))
    assert found.has_header


def test_only_the_rows_that_are_shown_make_the_column_uncertain() -> None:
    found = head_of("Number;Name\n" + ";A\n" * SAMPLES + "4915112345001;A\n")
    assert (found.phone, found.unclear) == (1, None)


def test_a_column_that_is_called_to_has_the_phones() -> None:
    assert head_of("id;to\n1;+4915123456001\n").phone == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty: expected a header, such as phone, and a line for each person"),
        ("\n\n", "the file is empty: expected a header, such as phone, and a line for each person"),
        (
            '[{"to": "+4915123456001"}]',
            "line 1: the file is JSON: save it as CSV, with a header such as phone",
        ),
        (
            ";".join(["phone"] + ["x"] * MAX_COLUMNS) + "\n",
            f"the file has {MAX_COLUMNS + 1} columns, expected at most {MAX_COLUMNS}",
        ),
    ],
)
def test_a_file_without_columns_or_with_too_many_is_refused(text: str, said: str) -> None:
    with pytest.raises(CsvError) as raised:
        head_of(text)
    assert str(raised.value) == said


def test_a_file_may_have_so_many_columns() -> None:
    assert len(columns(";".join(["phone"] + ["x"] * (MAX_COLUMNS - 1)) + "\n")) == MAX_COLUMNS


def test_names_and_samples_are_short_and_on_one_line() -> None:
    long = "x" * (MAX_SAMPLE + 1)
    assert columns(f'phone;"a\n  b";;{long}\n12;;c;{long}\n13\n') == [
        (1, "phone", ["12", "13"]),
        (2, "a b", [""]),
        (3, "Column 3", ["c"]),
        (4, "x" * MAX_SAMPLE, ["x" * MAX_SAMPLE]),
    ]


def test_samples_are_as_a_spreadsheet_shows_them() -> None:
    assert columns('phone,x\n="007",\'=1+1\n')[0][2] == ["007"]
    assert columns("phone,x\n12,'=1+1\n")[1][2] == ["'=1+1"]
    assert columns("rejected_because,phone,x\nno,'+4915123456001,'=1+1\n")[2][2] == ["=1+1"]


def test_the_separator_is_the_one_by_which_a_column_has_a_name_of_phones() -> None:
    assert columns("Mobil;Name, first, last\n12;Ann\n") == [
        (1, "Mobil", ["12"]),
        (2, "Name, first, last", ["Ann"]),
    ]


def test_only_the_beginning_of_the_file_is_read() -> None:
    lines = iter(["phone\n", *(f"{at}\n" for at in range(2, HEAD_LINES + 2))])
    read_head(lines)
    assert next(lines) == f"{HEAD_LINES + 1}\n"


@pytest.mark.parametrize(
    ("found", "placeholders", "fills"),
    [
        # by name, in any way of writing, and by number
        (head("phone", "First name", "City", phone=1), ["body.first_name"], {"body.first_name": 2}),
        (head("phone", "x", "CITY", phone=1), ["body.name", "body.city"], {"body.city": 3}),
        (head("header", "phone", "y", phone=2), ["header", "body.z"], {"header": 1}),
        (head("2", "phone", "{{1}}", phone=2), ["body.1", "body.2"], {"body.1": 3, "body.2": 1}),
        (
            head("phone", "1", "name", phone=1),
            ["body.1", "body.2", "body.name"],
            {"body.1": 2, "body.name": 3},
        ),
        # the column of the phones fills nothing
        (head("phone", "x", "y", phone=1), ["body.phone"], {}),
        # in their order, if there are as many and none is known by its name
        (head("a", "phone", "b", phone=2), ["body.1", "header"], {"body.1": 1, "header": 3}),
        (head("a", "phone", "b", phone=2), ["body.1"], {}),
        (head("phone", "a", "name", phone=1), ["body.1", "body.name"], {"body.name": 3}),
        # the template is not known
        (head("a", "phone", "b", phone=2), None, {"body.1": 1, "body.2": 3}),
        (head("2", "phone", "1", phone=2), None, {"body.1": 3, "body.2": 1}),
        (head("2", "phone", "3", phone=2), None, {"body.1": 1, "body.2": 3}),
        (head("2", "phone", "a", phone=2), None, {"body.1": 1, "body.2": 3}),
        (head("phone", phone=1), None, {}),
    ],
)
def test_what_columns_probably_fill(
    found: FileHead, placeholders: list[str] | None, fills: dict[str, int]
) -> None:
    mapping = suggest_mapping(found, placeholders)
    assert filled(mapping) == fills
    assert (mapping.phone, mapping.country) == (found.phone, None)
    assert mapping.names == [column.name for column in found.columns]


def test_a_file_without_a_header_has_no_names() -> None:
    mapping = suggest_mapping(head("Column 1", "Column 2", phone=2, has_header=False), ["body.1"])
    assert mapping == FileMapping(phone=2, fills={"body.1": Fill(column=1)})


BEFORE = FileMapping(
    phone=1,
    fills={"body.1": Fill(column=3), "header": Fill(value="Sale")},
    country="DE",
    names=["Tel", "a", "b"],
)


def test_what_was_said_about_the_same_columns_stays() -> None:
    assert suggest_mapping(head("Tel", "a", "b", phone=2), ["body.1"], BEFORE) == BEFORE


def test_a_column_of_reasons_before_them_comes_or_goes() -> None:
    later = FileMapping(
        phone=2,
        fills={"body.1": Fill(column=4), "header": Fill(value="Sale")},
        country="DE",
        names=["rejected_because", "Tel", "a", "b"],
    )
    assert suggest_mapping(head(*later.names), ["body.1"], BEFORE) == later
    assert suggest_mapping(head(*BEFORE.names), ["body.1"], later) == BEFORE


def test_a_column_of_reasons_that_goes_leaves_no_column_zero() -> None:
    before = FileMapping(phone=1, fills={"body.1": Fill(column=1)}, names=["rejected_because", "Tel"])
    assert suggest_mapping(head("Tel"), ["body.1"], before) == FileMapping(
        phone=1, fills={"body.1": Fill(column=1)}, names=["Tel"]
    )


@pytest.mark.parametrize(
    "names",
    [["Tel", "a"], ["Tel", "a", "c"], ["x", "Tel", "a", "b"], ["Tel", "rejected_because", "a", "b"]],
)
def test_of_other_columns_the_country_and_fixed_texts_stay(names: list[str]) -> None:
    mapping = suggest_mapping(head(*names, phone=1), ["body.9", "header"], BEFORE)
    assert filled(mapping).get("header") == "Sale"
    assert (mapping.phone, mapping.country, mapping.names) == (1, "DE", names)
    assert "body.1" not in mapping.fills


def test_a_column_of_reasons_that_is_not_the_first_is_one_of_the_file_itself() -> None:
    before = FileMapping(phone=3, names=["Mail", "rejected_because", "Tel"])
    assert suggest_mapping(head("Fax", "rejected_because", "Tel", phone=1), [], before).phone == 1
    assert suggest_mapping(head(*before.names, phone=1), [], before).phone == 3


def test_a_mapping_that_says_nothing_of_columns_or_of_more_than_there_are_is_made_anew() -> None:
    nothing = FileMapping(names=[])
    assert suggest_mapping(head("Column 1", phone=1, has_header=False), [], nothing).phone == 1
    text_only = FileMapping(fills={"header": Fill(value="Sale")}, names=[])
    assert suggest_mapping(head("Column 1", phone=1, has_header=False), [], text_only).phone == 1
    beyond = FileMapping(phone=3, names=[])
    two = head("Column 1", "Column 2", phone=1, has_header=False)
    assert suggest_mapping(two, [], beyond).phone == 1
    assert suggest_mapping(two, [], FileMapping(phone=2, names=[])).phone == 2
    filling = FileMapping(fills={"body.1": Fill(column=2)}, names=[])
    assert suggest_mapping(two, ["body.1"], filling) == filling


def test_each_row_has_its_values_by_the_mapping() -> None:
    fills = {"body.1": Fill(column=3), "header": Fill(value="Sale"), "button.0": Fill(column=1)}
    assert rows('Code;Mobil;Name\nA1;+4915123456001;="007"\n', fills, phone=2) == [
        FileRow(2, "+4915123456001", {"body.1": "007", "button.0": "A1"}, 'A1;+4915123456001;="007"\n')
    ]


def test_the_chosen_column_has_the_phones_whatever_the_names_say() -> None:
    assert [row.to for row in rows("to,Mobil,Nr\n1,+4915123456001,+4915123456002\n", phone=3)] == [
        "+4915123456002"
    ]
    assert [row.to for row in rows("to,Mobil,Nr\n1,+4915123456001,+4915123456002\n")] == ["1"]
    assert [row.to for row in rows("A,+4915123456001\nB,+4915123456002\n")] == [
        "+4915123456001",
        "+4915123456002",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Mobil;Name\n;Ann\n", "has no number in column Mobil"),
        (
            "Mobil;Name\n4.91512E+11;Ann\n",
            "is a number that a spreadsheet has rounded; format column Mobil as text",
        ),
        ("Mobil;Name\n12;\n", "has nothing in column Name, and Meta takes no empty parameter"),
        ("+4915123456001;A\n12;\n", "has nothing in column Column 2, and Meta takes no empty parameter"),
        ("Mobil;Name\n12\n", "has 1 column, expected 2"),
        # the first reason alone
        (
            "Mobil;Name\n;\n;\n4.91512E+11;\n",
            "is a number that a spreadsheet has rounded; format column Mobil as text",
        ),
    ],
)
def test_a_row_is_rejected_for_one_reason(text: str, reason: str) -> None:
    fills = {"body.1": Fill(column=2)}
    assert reasons(text, fills, phone=1) == [reason]


def test_a_rejected_row_keeps_its_line_its_address_and_its_text_and_the_next_is_read() -> None:
    assert rows("Mobil;Name\n12;\n+4915123456001;Ann\n", {"body.1": Fill(column=2)}, phone=1) == [
        RejectedLine(2, "12", "has nothing in column Name, and Meta takes no empty parameter", "12;\n"),
        FileRow(3, "+4915123456001", {"body.1": "Ann"}, "+4915123456001;Ann\n"),
    ]


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        (
            FileMapping(phone=1, fills={"body.1": Fill(column=3)}),
            "there is no column 3: the file has 2 columns",
        ),
        (FileMapping(phone=3), "line 1: there is no column 3, the first line has 2: Mobil, Name"),
    ],
)
def test_a_mapping_to_a_column_that_is_not_there_is_refused(mapping: FileMapping, said: str) -> None:
    with pytest.raises(CsvError) as raised:
        MappedFile(split_lines("Mobil;Name\n12;A\n"), mapping)
    assert str(raised.value) == said


def test_rejected_lines_are_written_for_programs_or_for_staff() -> None:
    text, reason = "Mobil\tName\n12\tA\n", "is in no numbering plan of DE"
    plain = MappedFile(split_lines(text), FileMapping(phone=1)).rejected_format
    assert plain.head() + plain.line("12\tA\n", reason) == (
        f'rejected_because\tMobil\tName\n"{reason}"\t12\tA\n'
    )
    staff = MappedFile(split_lines(text), FileMapping(phone=1), for_staff=True).rejected_format
    assert staff.head() + staff.line("12\tA\n", reason) == (
        '\ufeffsep=;\r\nrejected_because;Mobil;Name\r\n"does not exist in Germany";12;A\r\n'
    )
