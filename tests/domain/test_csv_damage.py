"""Files with quotes too many, of any form: nobody is lost without a word, and no other number is taken for theirs."""

import csv
import io
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.exhaustive import IS_EXHAUSTIVE
from wacrmd.domain.optout_file import OptOutFile
from wacrmd.domain.recipient_file import read_recipients
from wacrmd.domain.text_file import split_lines

NOTES = ["", "x", "a,b;c|d\te", "line one\nline two", 'said "no"\n"never"', "1\n2\n3"]
NAMES = ["Anna", "Müller, Anna", 'Jo "J" X', "O'Brien", "a;b", '5" pipe', "", '"']
PHONE_NAMES = ["Mobil", "Phone", "No. HP", "رقم الجوال", "मोबाइल नंबर", "Телефон", "Handy"]
CUSTOMER = "4915112345"


@dataclass(frozen=True)
class Written:
    """A file as a program writes it."""

    text: str
    phones: list[str]


@st.composite
def files(draw: st.DrawFn, *, one_line: bool = False) -> Written:
    columns = draw(st.permutations(["number", "name", "note", "phone"]))
    notes = [note for note in NOTES if "\n" not in note] if one_line else NOTES
    count = draw(st.integers(1, 7))
    cells = {
        "number": st.integers(100, 999).map(lambda n: f"{CUSTOMER}{n}"),
        "name": st.sampled_from(NAMES),
        "note": st.sampled_from(notes),
    }
    rows = [
        [f"+4915123456{100 + at}" if name == "phone" else draw(cells[name]) for name in columns]
        for at in range(count)
    ]
    titles = {
        "number": "Kundennummer",
        "name": "Name",
        "note": "Grund",
        "phone": draw(st.sampled_from(PHONE_NAMES)),
    }
    text = io.StringIO()
    delimiter = draw(st.sampled_from(",;\t|"))
    dialect = "unix" if draw(st.booleans()) else "excel"  # all cells in quotes, or only where it is needed
    end = draw(st.sampled_from(["\n", "\r\n"]))
    if draw(st.booleans()):
        text.write(f"sep={delimiter}{end}")
    writer = csv.writer(text, dialect, delimiter=delimiter, lineterminator=end)
    empty = draw(st.sampled_from([0, 2]))
    writer.writerows([*row, *[""] * empty] for row in [[titles[name] for name in columns], *rows])
    return Written(text.getvalue(), [row[columns.index("phone")] for row in rows])


@given(files())
def test_what_a_program_wrote_is_read_exactly(written: Written) -> None:
    rows = list(OptOutFile(split_lines(written.text)))
    assert [row.problem for row in rows] == [None] * len(rows)
    assert [row.address for row in rows] == written.phones


EMPTY_END = Written(
    '"Grund","Mobil","Kundennummer","Name","",""\n"","+4915123456100","4915112345100","Anna","",""\n',
    ["+4915123456100"],
)


def with_quote(text: str, place: float) -> str:
    """The text with a quote more, at a share of its length; between CR and LF it would make another line."""
    at = round(place * len(text))
    at += text[at - 1 : at + 1] == "\r\n"
    return f'{text[:at]}"{text[at:]}'


@pytest.mark.exhaustive
@settings(max_examples=400 if IS_EXHAUSTIVE else 100)
@given(files(one_line=True), st.lists(st.floats(0, 1), min_size=1, max_size=3))
@example(EMPTY_END, [3 / 47, 0.0])
def test_with_stray_quotes_each_person_is_read_or_told(written: Written, places: list[float]) -> None:
    lines = split_lines(written.text)
    above = len(lines) - len(written.phones)
    head, text = "".join(lines[:above]), "".join(lines[above:])
    for place in places:
        text = with_quote(text, place)
    rows = list(OptOutFile(split_lines(head + text)))
    taken = [row.address for row in rows if row.problem is None]
    assert not any(address.startswith(CUSTOMER) for address in taken)
    told = {row.line for row in rows}
    for place, phone in enumerate(written.phones):
        assert phone in taken or above + place + 1 in told


@pytest.mark.exhaustive
@settings(max_examples=400 if IS_EXHAUSTIVE else 100)
@given(files(one_line=True), st.floats(0, 1))
def test_with_a_stray_quote_no_recipient_gets_the_message_of_another(written: Written, place: float) -> None:
    lines = split_lines(written.text)
    above = len(lines) - len(written.phones)
    head, text = "".join(lines[:above]), "".join(lines[above:])
    before = {row.to: row.params for row in read_recipients([written.text.encode()]).rows}
    sheet = read_recipients([f"{head}{with_quote(text, place)}".encode()])
    for row in sheet.rows:
        assert not row.to.startswith(CUSTOMER)
        if row.to in before:
            assert [one.replace('"', "") for one in row.params] == [
                one.replace('"', "") for one in before[row.to]
            ]


@pytest.mark.parametrize(
    "text",
    [
        'Name;Mobil;Nr;Grund\n"a;b"";+4915123456100;4915112345261;x\n""a;b";+4915123"456101;4915112345747;y\n',
        'Name;Nr;Mobil;Grund\n"a;"b";4915112345142;+4915123456100;\n',
        'Name;Mobil;Nr;Grund\n;+4915123456101;4915112345379;x\n";+4915123456103";4915112345317;x\n',
    ],
)
def test_rows_whose_quotes_hide_or_shift_something_are_told(text: str) -> None:
    rows = list(OptOutFile(split_lines(text)))
    assert any(row.problem for row in rows)
    assert not any(row.address.startswith(CUSTOMER) for row in rows)


def test_lines_that_a_quote_would_join_are_read_as_the_rows_that_they_are() -> None:
    text = 'Nr\tName\tGrund\tMobil\n"4915112345093\tA\t\t+4915123456100\n4915112345448\t"\t\t+4915123456101\n'
    assert [row.address for row in OptOutFile(split_lines(text))] == ["+4915123456100", "+4915123456101"]
