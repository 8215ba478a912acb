"""Files of opt-outs: what the cells of a row mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.domain.optout_file import OptOutFile, OptOutRow
from wacrmd.domain.text_file import split_lines


def rows(text: str, column: str | None = None) -> list[OptOutRow]:
    return list(OptOutFile(split_lines(text), column=column))


def test_a_header_names_phone_user_id_and_note_in_any_order() -> None:
    (row,) = rows('Name;Grund;Mobil;User ID\nA;"will\n nicht";+4915123456001;US.1\n')
    assert (row.line, row.address, row.user_id, row.detail) == (2, "+4915123456001", "US.1", "will nicht")
    assert row.problem is None


def test_a_phone_number_needs_no_user_id_of_meta_beside_it() -> None:
    shop = rows(
        "user_id,billing_first_name,billing_phone\n17,A,+4915123456001\n17,A,\nUS.1,A,+4915123456001\n"
    )
    assert [(row.address, row.user_id) for row in shop] == [
        ("+4915123456001", ""),
        ("", "17"),
        ("+4915123456001", "US.1"),
    ]


def test_with_a_column_named_only_that_one_says_who_it_is() -> None:
    (row,) = rows("user_id,nr\n4711,+4915123456001\n", "nr")
    assert (row.address, row.user_id) == ("+4915123456001", "")


def test_a_row_that_says_nothing_about_who_it_is_is_empty() -> None:
    assert [row.is_empty for row in rows("phone,user_id,name\n,,A\n,US.1,\n+1,,\n")] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "ok"),
    [
        ("Name,Nr,Phone\nMiller, Anna,4915112345001,+4915123456001\n", False),
        ("Name,Nr,Phone\nAnna,4915112345001,+4915123456001,,\n", True),
        ('Name,Nr,Phone\n"Miller, Anna",4915112345001,+4915123456001\n', True),
        ('Name,Nr,Phone\n"Miller, Anna,4915112345001,+4915123456001\n', False),
        ("Phone,Note\n+4915123456001,a, b\n", True),
        ("rejected_because,Phone,Note\nx,+4915123456001,a, b\n", True),
        ("+4915123456001\n+4915123456002,a, b\n", True),
    ],
)
def test_a_row_whose_cells_may_stand_in_other_columns_has_a_problem(text: str, ok: bool) -> None:
    row = rows(text)[-1]
    assert (row.problem is None) == ok
    assert row.address == "" or row.address.startswith("+49")


def test_an_export_of_all_accounts_says_whose_list_it_is() -> None:
    header = "account,phone,user_id,source,detail,created_at,broadcast_id"
    (row,) = rows(f"{header}\nshop,+4915123456001,,api,,,\n")
    assert (row.account, row.address) == ("shop", "+4915123456001")
    (row,) = rows("account,phone\nshop,+4915123456001\n")
    assert row.account is None


@given(
    st.sampled_from(
        ["phone\n", "note;phone\n", "user_id,phone\r\n", "\n\nphone\tbsuid\n", "+4915123456001\n"]
    ),
    st.lists(st.text(alphabet='1+;,\t ab"', max_size=12), max_size=12),
)
def test_every_line_with_text_is_a_part_of_one_row(head: str, lines: list[str]) -> None:
    text = head + "".join(f"{line}\n" for line in lines)
    kept = "".join(row.text for row in rows(text))
    letters = [char for char in "".join(lines) if char in "1ab"]
    assert [char for char in kept if char in "1ab"][-len(letters) or len(kept) :] == letters
