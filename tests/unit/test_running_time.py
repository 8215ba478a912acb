"""Time in which the process did not run does not count for deadlines."""

import pytest

from wacrmd.running_time import LATE_S, TICK_S, RunningTime


def test_time_between_ticks_counts() -> None:
    clock = RunningTime(100.0)
    assert [clock.tick(100.0 + TICK_S * n) for n in (1, 2, 3)] == [True] * 3
    assert clock.seconds == pytest.approx(3 * TICK_S)


def test_a_tick_that_is_a_little_late_counts_in_full() -> None:
    clock = RunningTime(0.0)
    assert clock.tick(LATE_S)
    assert clock.seconds == LATE_S


def test_a_gap_counts_as_one_tick_and_nothing_is_judged_right_after_it() -> None:
    clock = RunningTime(0.0)
    clock.tick(TICK_S)
    assert not clock.tick(TICK_S + 8.0)
    assert clock.seconds == pytest.approx(2 * TICK_S)
    assert clock.tick(TICK_S + 8.0 + TICK_S)
    assert clock.seconds == pytest.approx(3 * TICK_S)


def test_a_loop_that_is_always_blocked_still_judges() -> None:
    """Each gap counts as a tick, so that a server that hangs is given up in the end."""
    clock = RunningTime(0.0)
    judged = [clock.tick(float(n)) for n in range(1, 101)]
    assert judged == [False] + [True] * 99
    assert clock.seconds == pytest.approx(100 * TICK_S)


def test_a_time_without_ticks_is_no_gap() -> None:
    clock = RunningTime(0.0)
    clock.tick(TICK_S)
    clock.restart(50.0)
    assert clock.tick(50.0 + TICK_S)
    assert clock.seconds == pytest.approx(2 * TICK_S)


def test_a_gap_before_a_time_without_ticks_is_forgotten() -> None:
    clock = RunningTime(0.0)
    assert not clock.tick(8.0)
    clock.restart(50.0)
    assert not clock.tick(58.0), "the first gap since then"


def test_between_ticks_the_time_goes_on_and_never_back() -> None:
    clock = RunningTime(0.0)
    assert clock.at(TICK_S / 2) == pytest.approx(TICK_S / 2)
    assert clock.at(8.0) == pytest.approx(TICK_S)
    clock.tick(8.0)
    assert clock.at(8.0) == pytest.approx(TICK_S)
    assert clock.at(8.0 + TICK_S / 2) == pytest.approx(1.5 * TICK_S)
