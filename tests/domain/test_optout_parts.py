"""A file of opt-outs in parts: each row is in one of them, or left out with its line and a reason."""

import pytest

from wacrmd.domain import optout_parts
from wacrmd.domain.optout_file import OptOutFile, OptOutRow
from wacrmd.domain.optout_parts import PART_BYTES, PART_ROWS, OptOutPart, parts_of
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
    made = parts(ALL_ACCOUNTS + "".join(f"shop,+1415555012{at},,,,,\r\n" for at in range(3)))
    assert [(part.account, len(part.rows)) for part in made] == [("shop", 2), ("shop", 1)]


def test_a_line_of_a_part_has_single_spaces() -> None:
    (part,) = parts("phone,detail\n+1  415 5550123,asked   twice\n", "shop")
    assert part.csv == "phone,user_id,detail\r\n+1 415 5550123,,asked twice\r\n"


def test_a_row_that_could_not_be_read_is_left_out_for_that_reason() -> None:
    (part,) = parts_of([OptOutRow(2, "x", problem="has a stray quote")], "shop")
    assert part.rejected() == [(OptOutRow(2, "x", problem="has a stray quote"), "has a stray quote")]
    assert not part.rows


def test_rows_go_to_the_accounts_that_the_file_names() -> None:
    text = ALL_ACCOUNTS + "shop,+14155550123,,,,,\r\nbar,+14155550124,,,,,\r\nshop,+14155550125,,,,,\r\n"
    made = parts(text)
    assert [(part.account, len(part.rows), part.is_named_by_file) for part in made] == [
        ("shop", 2, True),
        ("bar", 1, True),
    ]


@pytest.mark.parametrize("name", ["", "  ", "n" * 101])
@pytest.mark.parametrize("account", [None, "shop"])
def test_a_row_whose_account_has_no_name_that_one_can_have_is_left_out(
    name: str, account: str | None
) -> None:
    text = f"{ALL_ACCOUNTS}{name},+14155550123,,,,,\r\nshop,+14155550124,,,,,\r\n"
    made = parts(text, account)
    assert [(part.account, len(part.rows)) for part in made if part.rows] == [("shop", 1)]
    assert [(row.line, reason) for part in made for row, reason in part.rejected()] == [
        (2, "names no account: its first cell should have the name of one")
    ]


def test_a_row_of_another_account_than_the_named_one_is_left_out() -> None:
    made = parts(ALL_ACCOUNTS + "bar,+14155550124,,,,,\r\n", "shop")
    ((row, reason),) = made[0].rejected()
    assert (row.line, reason) == (
        2,
        "belongs to account bar: name no account to import each person to their own account",
    )


def test_a_row_without_anybody_is_left_out() -> None:
    (part,) = parts("phone,detail\n,nobody\n+14155550123,\n")
    assert [(row.line, reason) for row, reason in part.rejected()] == [
        (2, "expected a phone number or a user id, found neither")
    ]
    assert len(part.rows) == 1


def test_a_line_of_a_part_is_a_row_of_the_file_and_the_header_and_what_follows_are_none() -> None:
    (part,) = parts("phone\n\n+14155550123\n\n+14155550124\n")
    assert [(part.row(line).line, part.row(line).address) for line in (2, 3)] == [
        (3, "+14155550123"),
        (5, "+14155550124"),
    ]
    assert [part.row(line) for line in (1, 4)] == [OptOutRow(1, ""), OptOutRow(4, "")]


def test_rows_that_were_left_out_are_listed_in_the_order_of_the_file() -> None:
    (part,) = parts("phone,detail\n+14155550123,\n,nobody\n+14155550124,\n+14155550125,\n")
    part.reject([(4, "third"), (2, "first")])
    assert [(row.line, reason.partition(",")[0]) for row, reason in part.rejected()] == [
        (2, "first"),
        (3, "expected a phone number or a user id"),
        (5, "third"),
    ]


def test_all_rows_can_be_left_out_beside_those_that_were() -> None:
    (part,) = parts("phone,detail\n+14155550123,\n,nobody\n+14155550124,\n")
    part.reject_all("no such account")
    assert [(row.line, reason.partition(",")[0]) for row, reason in part.rejected()] == [
        (2, "no such account"),
        (3, "expected a phone number or a user id"),
        (4, "no such account"),
    ]
    assert len(part.rows) == 2


def test_a_part_has_so_many_bytes_or_rows_and_no_more() -> None:
    half = "x" * (PART_BYTES // 2)
    made = parts(f"phone,detail\n+14155550123,{half}\n+14155550124,{half}\n+14155550125,x\n")
    assert [len(part.rows) for part in made] == [2, 1]
    rows = [OptOutRow(line, "", f"+1415{line:07}") for line in range(2, PART_ROWS + 3)]
    made = list(parts_of([OptOutRow(1, "", problem="no"), *rows], "shop"))
    assert [(len(part.rows), len(part.left_out)) for part in made] == [(PART_ROWS - 1, 1), (2, 0)]


def test_a_row_that_fits_into_no_call_is_left_out() -> None:
    (part,) = parts(f"phone,detail\n+14155550123,{'x' * PART_BYTES}\n+14155550124,\n")
    assert [(row.line, reason) for row, reason in part.rejected()] == [
        (2, f"has more than {PART_BYTES} characters")
    ]
    assert [row.line for row in part.rows] == [3]
