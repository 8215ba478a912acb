"""The pace of one broadcast."""

from hypothesis import given
from hypothesis import strategies as st

from wacrmd.sender.pace import Pace


def test_a_slow_broadcast_sends_one_message_at_a_time_also_after_a_pause() -> None:
    pace = Pace(0.5, 0)
    assert pace.free(0) == 1
    pace.take(1, 0)
    assert (pace.free(1999), pace.wait(1999)) == (0, 1)
    assert (pace.free(2000), pace.wait(2000)) == (1, 0)
    # nobody took a turn for an hour: that is not made up for
    assert pace.free(3_600_000) == 1
    pace.take(1, 3_600_000)
    assert (pace.free(3_600_000), pace.wait(3_600_000)) == (0, 1900)


def test_a_turn_that_is_a_little_late_does_not_make_it_slower() -> None:
    pace, sent = Pace(5, 0), 0
    for late in range(0, 60_000, 200):
        now = late + 60
        sent += pace.free(now)
        pace.take(pace.free(now), now)
    assert sent == 300


def test_a_fast_broadcast_sends_some_at_once() -> None:
    pace = Pace(200, 0)
    pace.take(1, 0)
    assert pace.free(100) == 20


def test_another_rate_counts_from_the_last_message_on() -> None:
    pace = Pace(0.1, 0)
    pace.take(1, 0)
    pace.set_rate(0.2)
    assert (pace.rate, pace.free(4999), pace.free(5000)) == (0.2, 0, 1)
    pace.set_rate(0.05)
    assert (pace.free(19_999), pace.wait(5000), pace.free(20_000)) == (0, 15_000, 1)


@given(
    rate=st.floats(0.001, 9.9),
    looks=st.lists(st.tuples(st.integers(0, 3_600_000), st.integers(0, 3)), max_size=60),
)
def test_between_two_messages_of_a_slow_broadcast_is_always_a_moment(
    rate: float, looks: list[tuple[int, int]]
) -> None:
    pace, now, last = Pace(rate, 0), 0, None
    for later, wanted in looks:
        now += later
        taken = min(pace.free(now), wanted)
        assert taken <= 1
        pace.take(taken, now)
        if taken:
            assert last is None or now - last >= 1000 / rate - 101
            last = now


@given(
    rate=st.floats(0.01, 1000),
    looks=st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 50)), max_size=60),
)
def test_it_never_sends_more_than_the_rate_allows_and_a_small_batch(
    rate: float, looks: list[tuple[int, int]]
) -> None:
    pace, now, sent = Pace(rate, 0), 0, 0
    for later, wanted in looks:
        now += later
        taken = min(pace.free(now), wanted)
        pace.take(taken, now)
        sent += taken
        assert sent <= 1 + rate * (now + 100) / 1000
