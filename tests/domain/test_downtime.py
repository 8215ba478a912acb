"""Ages count the time in which the daemon ran."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.clock import DAY, HOUR, Millis
from wacrmd.domain.downtime import KEPT_FOR, Downtime, Downtimes

HOLIDAY = Downtime(100 * HOUR, 600 * HOUR)

spans = st.tuples(st.integers(0, 60), st.integers(0, 30)).map(lambda pair: Downtime(pair[0], sum(pair)))
several = st.lists(spans, max_size=6)


def ran(down: list[Downtime], moment: Millis) -> bool:
    """Whether the daemon ran from this millisecond to the next."""
    return not any(each.began_at <= moment < each.ended_at for each in down)


@given(several, st.integers(0, 100), st.integers(0, 100))
def test_an_age_is_the_time_in_which_the_daemon_ran(down: list[Downtime], since: int, now: int) -> None:
    assert Downtimes(down).age(since, now) == sum(ran(down, moment) for moment in range(since, now))


@given(several, st.integers(0, 100), st.integers(0, 100))
def test_so_long_ago_is_the_latest_time_of_that_age(down: list[Downtime], duration: int, now: int) -> None:
    known = Downtimes(down)
    at = known.ago(duration, now)
    assert known.age(at, now) == duration
    assert known.age(at + 1, now) == max(0, duration - 1)


@given(several, spans)
def test_added_one_by_one_they_count_as_given_at_once(down: list[Downtime], one: Downtime) -> None:
    known = Downtimes(down)
    known.add(one)
    assert known.age(0, 200) == Downtimes([*down, one]).age(0, 200)


@given(several, st.integers(0, 100))
def test_when_the_clock_is_set_back_nothing_lies_in_the_future(down: list[Downtime], now: int) -> None:
    known = Downtimes(down)
    before = known.age(0, now)
    known.move_back(now)
    assert known.age(0, now) == before
    assert known.age(now, now + 100) == 100


@pytest.mark.parametrize(
    ("since", "now", "age"),
    [
        (90 * HOUR, 610 * HOUR, 20 * HOUR),
        (300 * HOUR, 610 * HOUR, 10 * HOUR),
        (90 * HOUR, 300 * HOUR, 10 * HOUR),
        (610 * HOUR, 620 * HOUR, 10 * HOUR),
        (620 * HOUR, 610 * HOUR, 0),
    ],
)
def test_a_holiday_counts_for_nothing(since: Millis, now: Millis, age: Millis) -> None:
    assert Downtimes([HOLIDAY]).age(since, now) == age


def test_old_downtimes_are_forgotten() -> None:
    known = Downtimes([HOLIDAY])
    later = HOLIDAY.ended_at + KEPT_FOR
    known.add(Downtime(later - 1, later))
    assert known.age(0, HOLIDAY.ended_at) == HOLIDAY.ended_at
    assert KEPT_FOR > 30 * DAY, "the longest age in the configuration"
