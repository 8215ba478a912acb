"""A test over a table is as strict as a test for each row."""

import inspect

import pytest

from tests.support.table import rows


@rows(("low", "high"), [(1, 2), (2, 1), (0, 3), (5, 5)])
def ordered(low: int, high: int) -> None:
    assert low < high


@rows("left", [1, 2])
@rows("right", [10, 20])
def never(tmp_path: str, left: int, right: int) -> None:
    with pytest.raises(ValueError, match="never"):
        assert tmp_path


def test_every_row_that_fails_is_named_and_no_other() -> None:
    with pytest.raises(ExceptionGroup, match="2 of 4 rows") as failed:
        ordered()
    notes = [error.__notes__ for error in failed.value.exceptions]
    assert notes == [["with {'low': 2, 'high': 1}"], ["with {'low': 5, 'high': 5}"]]


def test_two_tables_are_checked_in_all_pairs_and_what_pytest_raises_counts_too() -> None:
    assert list(inspect.signature(never).parameters) == ["tmp_path"]
    with pytest.raises(BaseExceptionGroup) as failed:
        never(tmp_path="here")
    assert [outer.__notes__ for outer in failed.value.exceptions] == [
        ["with {'left': 1}"],
        ["with {'left': 2}"],
    ]
    for outer in failed.value.exceptions:
        assert isinstance(outer, BaseExceptionGroup)
        assert [inner.__notes__ for inner in outer.exceptions] == [
            ["with {'right': 10}"],
            ["with {'right': 20}"],
        ]


def test_a_table_without_rows_and_a_column_that_nobody_takes_are_errors() -> None:
    with pytest.raises(AssertionError, match="proves nothing"):
        rows(("low", "high"), [])
    with pytest.raises(AssertionError, match="middle"):
        rows(("low", "middle"), [(1, 2)])(lambda low, high: None)
