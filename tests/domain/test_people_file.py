"""Files of people: the column of addresses is known, named by the caller, or refused, and never guessed."""

import pytest

from wacrmd.domain.people_file import PeopleFile
from wacrmd.domain.text_file import CsvError, split_lines


def opened(text: str, column: str | None = None, own_names: tuple[str, ...] = ()) -> PeopleFile:
    return PeopleFile(split_lines(text), column=column, own_names=own_names, others=("user_id",))


def addresses(text: str, column: str | None = None) -> list[str]:
    file = opened(text, column)
    return [file.address(row.cells) for row in file if file.problem(row) is None]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Kundennummer;Mobil;Grund\n4915112345001;+4915123456001;x\n", ["+4915123456001"]),
        ("sep=;\r\nKundennr.;Handy\r\n4915112345001;015123456001\r\n", ["015123456001"]),
        ("Customer No,Phone Number,Phone Type\n4915112345001,+4915123456001,mobile\n", ["+4915123456001"]),
        ('"Kunde, Nr.","Telefon (mobil)"\n4915112345001,+4915123456001\n', ["+4915123456001"]),
        ('Kundennr;"Telefon\nmobil";\n1;+4915123456001;\n', ["+4915123456001"]),
        ("No. Pelanggan|No. HP\n62811111111|+628123456789\n", ["+628123456789"]),
        ("user_id,phone\nUS.1,+4915123456001\n", ["+4915123456001"]),
        ("Number\n+4915123456001\n4915112345001\n", ["+4915123456001"]),
        ("user_id\nUS.1\n", [""]),
        (
            'Mobil\n\'+4915123456001\n="4915123456010"\n"+4915123456002\n',
            ["+4915123456001", "4915123456010", "+4915123456002"],
        ),
    ],
)
def test_a_header_names_the_column(text: str, found: list[str]) -> None:
    assert addresses(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("+4915123456001\n+4915123456002\n", ["+4915123456001", "+4915123456002"]),
        ("4915123456001\n015123456002\n", ["4915123456001", "015123456002"]),
        ("4.91512E+11\n+4915123456002\n", ["4.91512E+11", "+4915123456002"]),
        ("1001;+4915123456001;Anna\n1002;+4915123456002;Ben\n", ["+4915123456001", "+4915123456002"]),
        ("+4915123456001;Handy\n+4915123456002;Handy\n", ["+4915123456001", "+4915123456002"]),
        ("US.123,x\nUS.124,y\n", ["US.123", "US.124"]),
        ("sep=;\n+4915123456001;;\n", ["+4915123456001"]),
    ],
)
def test_a_file_without_a_header_is_read_where_its_column_is_certain(text: str, found: list[str]) -> None:
    assert addresses(text) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        (
            "Kundennummer;Name\n1;A\n",
            "line 1: no column is known as one of phone numbers, found: Kundennummer, Name",
        ),
        (
            "\n\nKundennummer\n4915112345001\n",
            "line 3: no column is known as one of phone numbers, found: Kundennummer",
        ),
        ("Phone;Mobile\n1;2\n", "line 1: several columns may have the phone numbers (Phone, Mobile)"),
        ("phone;to\n1;2\n", "line 1: several columns may have the phone numbers (phone, to)"),
        (
            "4915112345001;+4915123456001;+4915123456002\n",
            "line 1: there is no header, and it is not certain",
        ),
        ("4915112345001;4915123456001\n", "line 1: there is no header, and it is not certain"),
        ("4915112345001;Anna\n", "line 1: there is no header, and it is not certain"),
        ("4915112345001;Handy\n", "line 1: there is no header, and it is not certain"),
        ("Number;Name\n4915112345001;A\n", "line 2: 4915112345001 may be the number of a customer"),
        ("Number;Nummer\n1;2\n", "line 1: no column is known"),
        (
            ";;Name;x\n",
            "line 1: no column is known as one of phone numbers, found: (no name), (no name), Name, x",
        ),
    ],
)
def test_a_column_that_is_not_certain_is_refused_with_what_was_found(text: str, said: str) -> None:
    with pytest.raises(CsvError) as raised:
        list(opened(text))
    assert str(raised.value).startswith(said)
    assert not text or "--column N" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "column", "found"),
    [
        ("Kundennr;Nr2\n1;+4915123456001\n", "Nr2", ["+4915123456001"]),
        ("Kundennr;Nr 2\n1;+4915123456001\n", "nr_2", ["+4915123456001"]),
        ("Kundennr;Nr2\n1;+4915123456001\n", "2", ["+4915123456001"]),
        ("Phone;Mobile\n1;+4915123456001\n", "mobile", ["+4915123456001"]),
        (
            "4915112345001;4915123456001\n4915112345002;4915123456002\n",
            "2",
            ["4915123456001", "4915123456002"],
        ),
        ("Anna;0151 23456001\nBen;0151 23456002\n", "2", ["0151 23456001", "0151 23456002"]),
        ("Anna;4.91512E+11\nBen;0151 23456002\n", "2", ["4.91512E+11", "0151 23456002"]),
        ("a,2\n1,+4915123456001\n", "2", ["+4915123456001"]),
        ("Handy,2\n+4915123456001,+4915123456002\n", "handy", ["+4915123456001"]),
        ("2;0151 23456001\n3;0151 23456002\n", "2", ["0151 23456001", "0151 23456002"]),
        ("rejected_because,a,b\nx,1,+4915123456001\n", "2", ["+4915123456001"]),
        ("Number\n4915123456001\n", "1", ["4915123456001"]),
    ],
)
def test_the_caller_names_the_column(text: str, column: str, found: list[str]) -> None:
    assert addresses(text, column) == found


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("a;b\n1;2\n", "c", "line 1: there is no column 'c', found: a, b"),
        ("a;b\n1;2\n", "3", "line 1: there is no column 3, the first line has 2: a, b"),
        ("a;b\n1;2\n", "0", "line 1: there is no column '0'"),
        ("a;b\n1;2\n", "-1", "line 1: there is no column '-1'"),
        ("a;A\n1;2\n", "a", "line 1: 2 columns are called a: say --column N"),
    ],
)
def test_a_column_that_is_not_there_is_refused(text: str, column: str, said: str) -> None:
    with pytest.raises(CsvError) as raised:
        opened(text, column)
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        (
            "Handy,1\n+4915123456001,4915112345001\n",
            "1",
            (
                "line 1: --column 1 may be column 1 or the one called 1: for column 1 write --column 'Handy'; "
                "for the one called 1 write --column 2"
            ),
        ),
        (
            "rejected_because,Handy,1\nx,+4915123456001,4915112345001\n",
            "1",
            (
                "line 1: --column 1 may be column 1 or the one called 1: for column 1 write --column 'Handy'; "
                "for the one called 1 write --column 2"
            ),
        ),
        (
            "2,1\na,b\n",
            "1",
            (
                "line 1: --column 1 may be column 1 or the one called 1: for column 1 rename it in the file, its name "
                "and its number are also those of others; for column 2 rename it in the file, its name and its number"
            ),
        ),
    ],
)
def test_a_number_that_is_a_name_and_a_place_is_refused(text: str, column: str, said: str) -> None:
    with pytest.raises(CsvError) as raised:
        opened(text, column)
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize(
    "text",
    [
        '[{"phone":"+4915123456001"}]\n',
        '{"phone": "+4915123456001"}\n{"phone": "+4915123456002"}\n',
        '\ufeff[\n  {"phone": "+4915123456001"}\n]\n',
        '{\n "optouts": []}',
        '["+4915123456001",\n "+4915123456002"]\n',
    ],
)
@pytest.mark.parametrize("column", [None, "1", "phone"])
def test_json_is_refused_as_such(text: str, column: str | None) -> None:
    with pytest.raises(CsvError, match=r"^line 1: the file is JSON: save it as CSV"):
        opened(text, column)


@pytest.mark.parametrize("header", ["From,To,Body,Status", "to,name", "To,user_id"])
def test_to_names_nobody_who_opted_out(header: str) -> None:
    with pytest.raises(CsvError) as raised:
        opened(f"{header}\n+4915123456001,+14155550123,STOP\n")
    assert str(raised.value).startswith("line 1: column ")
    assert f"found: {', '.join(header.split(','))}; name it with --column" in str(raised.value)
    assert [row.cells[1] for row in opened(f"{header}\n+4915123456001,+14155550123,STOP\n", "to")]


def test_to_is_a_column_of_phone_numbers_in_our_own_export() -> None:
    assert addresses("id,to,status,whatsapp_message_id,error_code,x\n1,+4915123456001,sent,,,\n") == [
        "+4915123456001"
    ]


def test_the_callers_own_name_wins() -> None:
    file = opened("phone,to,mobile\n1,+4915123456001,3\n", own_names=("to",))
    assert [file.address(row.cells) for row in file] == ["+4915123456001"]
    with pytest.raises(CsvError, match=r"several columns may have the phone numbers \(to, TO\)"):
        opened("to,TO\n", own_names=("to",))


def test_people_between_two_stray_quotes_are_not_hidden() -> None:
    text = 'Mobil;Grund\n0151 23456001;"a\n0151 23456002;b\n0151 23456003;c"\n'
    assert addresses(text) == ["0151 23456001", "0151 23456002", "0151 23456003"]


@pytest.mark.parametrize("line", ["Tel. +49 151 23456009", "Tel: +49 151 23456009", "Handy 0151 23456009"])
def test_a_number_with_a_label_in_a_note_is_no_row(line: str) -> None:
    first = f'Mobil;Grund\n+4915123456001;"Anna\n{line}\nruft an"\n+4915123456002;b\n'
    last = f'Name;Mobil;Grund\nA;+4915123456001;"Anna\n{line}\nruft an"\nB;+4915123456002;b\n'
    for text in (first, last):
        assert addresses(text) == ["+4915123456001", "+4915123456002"]


def test_people_whose_numbers_have_labels_are_not_hidden_by_stray_quotes() -> None:
    text = 'Mobil;Grund\np:+4915123456001;"a\nMobil: +4915123456002;b\nHandy +49151 23456003;c"\n'
    assert addresses(text) == ["p:+4915123456001", "Mobil: +4915123456002", "Handy +49151 23456003"]


def test_a_row_of_a_column_that_may_be_another_has_a_problem() -> None:
    file = opened("Number\n+4915123456001\n4915112345001\n")
    assert [file.problem(row) is None for row in file] == [True, False]
