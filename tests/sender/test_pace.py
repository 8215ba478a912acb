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
    assert pace.free(3_600_000) == 2
    pace.take(2, 3_600_000)
    assert pace.free(3_600_000) == 0


def test_a_fast_broadcast_sends_some_at_once() -> None:
    pace = Pace(200, 0)
    pace.take(1, 0)
    assert pace.free(100) == 20


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
        assert sent <= 2 + rate * (now + 100) / 1000
