"""What `make test` leaves out, `make exhaustive` does."""

import re
from pathlib import Path

import pytest

from tests.support.exhaustive import evenly

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("length", "count", "expected"),
    [
        (0, 3, []),
        (2, 3, [0, 1]),
        (3, 3, [0, 1, 2]),
        (10, 1, [0]),
        (10, 2, [0, 9]),
        (10, 4, [0, 3, 6, 9]),
        (11, 3, [0, 5, 10]),
    ],
)
def test_a_spread_has_the_first_and_the_last(length: int, count: int, expected: list[int]) -> None:
    assert evenly(list(range(length)), count) == expected


def test_each_file_that_tries_a_part_marks_its_tests_for_the_long_run() -> None:
    uses = [
        path
        for path in TESTS.rglob("test_*.py")
        if path != Path(__file__) and "tests.support.exhaustive" in path.read_text()
    ]
    unmarked = [path.name for path in uses if not re.search(r"\bmark\.exhaustive\b", path.read_text())]
    assert unmarked == []
