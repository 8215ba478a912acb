"""A file of opt-outs in parts: each row is in one of them, or left out with its line and a reason."""

import pytest

from wacrmd.domain import optout_parts
from wacrmd.domain.optout_file import OptOutFile
from wacrmd.domain.optout_parts import OptOutPart, parts_of
from wacrmd.domain.text_file import split_lines

ALL_ACCOUNTS = "account,phone,user_id,source,detail,created_at,broadcast_id\r\n"


def parts(text: str, account: str | None = None) -> list[OptOutPart]:
    """The parts of a file with this text."""
    return list(parts_of(OptOutFile(split_lines(text)), account))


def test_a_part_has_the_cells_that_the_daemon_needs_and_knows_its_lines() -> None:
    (part,) = parts("name,phone,reason\nJane,+14155550123,asked\n\nJo,+14155550124,\n", "shop")
    assert part.csv == "phone,user_id,detail\r\n+14155550123,,asked\r\n+14155550124,,\r\n"
    assert (part.account, part.row(3).line, part.row(9).line) == ("shop", 4, 9)
    part.reject([(2, "no")])
    assert [(row.line, reason) for row, reason in part.rejected()] == [(2, "no")]


def test_a_full_part_is_given_before_the_next_row_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optout_parts, "PART_ROWS", 2)
    made = parts("phone\n+14155550123\n+14155550124\n+14155550125\n")
    assert [len(part.rows) for part in made] == [2, 1]


def test_rows_go_to_the_accounts_that_the_file_names() -> None:
    text = ALL_ACCOUNTS + "shop,+14155550123,,,,,\r\nbar,+14155550124,,,,,\r\nshop,+14155550125,,,,,\r\n"
    made = parts(text)
    assert [(part.account, len(part.rows), part.is_named_by_file) for part in made] == [
        ("shop", 2, True),
        ("bar", 1, True),
    ]


def test_a_row_of_another_account_than_the_named_one_is_left_out() -> None:
    made = parts(ALL_ACCOUNTS + "bar,+14155550124,,,,,\r\n", "shop")
    ((row, reason),) = made[0].rejected()
    assert (row.line, reason.partition(":")[0]) == (2, "belongs to account bar")


def test_a_row_without_anybody_is_left_out() -> None:
    (part,) = parts("phone,detail\n,nobody\n+14155550123,\n")
    assert [(row.line, reason) for row, reason in part.rejected()] == [
        (2, "expected a phone number or a user id, found neither")
    ]
    assert len(part.rows) == 1
