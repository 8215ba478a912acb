"""The failure streak of a broadcast, counted from Meta's statuses."""

import pytest

from wacrmd.domain.failure_streak import FailureStreak

LIMIT = 10


def told(groups: str) -> list[list[bool]]:
    """Statuses that came together, group by group: F failed, D was delivered."""
    return [[letter == "F" for letter in group] for group in groups.split()]


def pauses(groups: str) -> list[bool]:
    """Whether each group pauses the broadcast."""
    streak, found = FailureStreak(), []
    for group in told(groups):
        streak, paused = streak.after(group, LIMIT)
        found.append(paused)
    return found


@pytest.mark.parametrize(
    "groups",
    [
        "F" * 10,
        "F " * 10,
        "FFFFF FFFFF",
        "DDDD FFFFFFFFFF",
        "D" + "F" * 10,
        "F" * 10 + "D",
        "F" * 10 + "DF",
        "F" * 100 + "D" * 99,
        "FFFFFFFFF D FFFFFFFFFF",
    ],
)
def test_as_many_in_a_row_as_the_limit_pause(groups: str) -> None:
    *before, last = pauses(groups)
    assert (any(before), last) == (False, True)


@pytest.mark.parametrize(
    "groups",
    [
        "",
        "F" * 9,
        "FFFFFFFFF D FFFFFFFFF",
        "FFFFFFFFFDFFFFFFFFF",
        "F" * 10 + "D" * 190,  # what comes together is in no order
        "D" * 190 + "F" * 10,
        "F" * 10 + "D" * 10,
        ("D" * 95 + "F" * 5 + " ") * 20,
        ("F" * 5 + "D" * 95 + " ") * 20,
    ],
)
def test_fewer_in_a_row_or_among_many_delivered_pause_nothing(groups: str) -> None:
    assert not any(pauses(groups))


def test_after_a_pause_it_begins_anew() -> None:
    assert pauses("F" * 10 + " " + "F" * 9 + " F") == [True, False, True]


def test_it_keeps_since_when_it_counts() -> None:
    assert FailureStreak(3, since=7).after([True], LIMIT) == (FailureStreak(4, since=7), False)


def test_a_limit_that_was_lowered_counts_with_the_next_failure() -> None:
    assert FailureStreak(9).after([], 3) == (FailureStreak(9), False)
    assert FailureStreak(9).after([True], 3) == (FailureStreak(0), True)
    assert FailureStreak(9).after([False, True, True], 3) == (FailureStreak(2), False)
