"""Files of opt-outs: their columns, and that the parts have the same rows as the whole file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.domain.csv_file import split_lines
from wacrmd.domain.optout_file import Columns, columns_of, open_reader, parts_of


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        (["Name", "Reason", "TO", "user_id"], Columns(phone=2, user_id=3, detail=1)),
        (["to", "phone"], Columns(phone=1, user_id=None, detail=None)),
        (["BSUID"], Columns(phone=None, user_id=0, detail=None)),
        (["detail"], None),
        (["+14155550100", "US.1"], None),
    ],
)
def test_a_header_names_a_phone_or_user_id_column(row: list[str], columns: Columns | None) -> None:
    assert columns_of(row) == columns


def test_a_stray_quote_or_a_pipe_is_part_of_a_cell() -> None:
    """Each line is a row of its own, and only the usual delimiters separate."""
    rows = list(open_reader(['"+14155550100\n', "+14155550101 | Ana\n", "+14155550102\n"]))
    assert [row.line for row in rows] == [1, 2, 3]
    assert rows[1].cells == ["+14155550101 | Ana"]


def test_a_part_of_a_file_without_a_header_begins_with_phone() -> None:
    parts = list(parts_of(["+14155550100\n", "+14155550101\n"], 1))
    assert [part.text for part in parts] == ["+14155550100\n", "phone,\n+14155550101\n"]


def people(text: str) -> list[tuple[int, list[str]]]:
    """The rows below the header with their lines, and their cells in the order phone, user id, detail."""
    rows = list(open_reader(split_lines(text)))
    columns = columns_of(rows[0].cells) if rows else None
    places = [columns.phone, columns.user_id, columns.detail] if columns else [0]
    return [
        (row.line, [row.cells[at] for at in places if at is not None and at < len(row.cells)])
        for row in rows[1 if columns else 0 :]
    ]


@given(
    st.sampled_from(["", "\n", "phone\n", "note;phone\n", "user_id,phone\r\n", "\n\nto\tbsuid\n"]),
    st.lists(st.text(alphabet='1+;,\t ab"', max_size=8), max_size=12),
    st.integers(1, 30),
)
def test_parts_hold_the_rows_of_the_file_with_their_line_numbers(
    head: str, lines: list[str], max_bytes: int
) -> None:
    text = head + "".join(f"{line}\n" for line in lines)
    parts = list(parts_of(split_lines(text), max_bytes))
    assert [(line + part.shift, cells) for part in parts for line, cells in people(part.text)] == people(text)


def test_a_part_ends_once_it_is_large_enough() -> None:
    lines = [f"{number:09}\n" for number in range(100)]
    parts = list(parts_of(["phone\n", *lines], 100))
    assert len(parts) == 10
    assert all(part.text.startswith("phone\n") and len(part.text) <= 120 for part in parts)


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_file_without_text_has_no_parts(text: str) -> None:
    assert list(parts_of(split_lines(text), 100)) == []
