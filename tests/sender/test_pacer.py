"""The pacer: rate, window and blocks; every call is given the time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.clock import HOUR, MINUTE, SECOND
from wacrmd.model import HoldReason
from wacrmd.sender.pacer import FIRST_WINDOW, LONGEST_BLOCK, SILENT_AFTER, Pacer

NOW = 1_795_000_000_000


def send_for(pacer: Pacer, now: int, duration: int, *, accepted: bool = True) -> int:
    """Take whatever is granted for a while, each answered at once; how many."""
    sent, end = 0, now + duration
    while now < end:
        granted, wait = pacer.take(1000, now)
        for _ in range(granted):
            pacer.answered(now, accepted=accepted)
        sent += granted
        now += wait or 1
    return sent


@pytest.mark.parametrize("rate", [0.5, 1, 7, 80, 1000])
def test_the_rate_is_kept_and_used(rate: float) -> None:
    pacer = Pacer(rate, 256, NOW)
    sent = send_for(pacer, NOW, MINUTE)
    assert rate * 60 * 0.97 <= sent <= rate * 60 * 1.01 + 2


def test_a_burst_is_bounded_after_a_pause() -> None:
    pacer = Pacer(80, 256, NOW)
    pacer.take(1, NOW)
    granted, _ = pacer.take(1000, NOW + HOUR)
    assert granted <= 8


def test_the_window_bounds_what_is_in_flight_and_grows_with_success() -> None:
    pacer = Pacer(1000, 256, NOW)
    now, taken = NOW, 0
    for _ in range(100):
        now += 100
        taken += pacer.take(1000, now)[0]
    assert taken == pacer.in_flight == FIRST_WINDOW
    assert pacer.take(1000, now) == (0, 0)
    for _ in range(FIRST_WINDOW):
        pacer.answered(now, accepted=True)
    assert pacer.in_flight == 0
    for _ in range(100):
        now += 100
        pacer.take(1000, now)
    assert pacer.in_flight == 2 * FIRST_WINDOW


def test_what_was_taken_and_not_sent_is_given_back() -> None:
    pacer = Pacer(80, 256, NOW)
    granted, _ = pacer.take(5, NOW + SECOND)
    pacer.give_back(granted)
    assert pacer.in_flight == 0
    assert pacer.take(5, NOW + SECOND)[0] == granted


def test_throttling_halves_once_a_burst_and_time_restores() -> None:
    pacer = Pacer(80, 256, NOW)
    for _ in range(30):
        pacer.throttle(NOW + SECOND, "130429")
    flow = pacer.flow(NOW + SECOND)
    assert flow.rate_now == 40
    assert flow.hold is not None
    assert (flow.hold.reason, flow.hold.since) == (HoldReason.THROTTLED, NOW + SECOND)
    assert "until" in flow.hold.detail
    assert pacer.take(10, NOW + SECOND)[0] == 0
    assert pacer.flow(NOW + 2 * SECOND).hold is None
    pacer.throttle(NOW + 3 * SECOND, "130429")
    assert pacer.flow(NOW + 3 * SECOND).rate_now == 20
    assert pacer.flow(NOW + 13 * SECOND).rate_now == 28
    assert pacer.flow(NOW + 3 * MINUTE).rate_now == 80


def test_throttling_never_speeds_a_slow_number_up() -> None:
    pacer = Pacer(0.5, 256, NOW)
    for second in range(20):
        pacer.throttle(NOW + 2 * second * SECOND, "130429")
    assert pacer.flow(NOW + 40 * SECOND).rate_now == 0.5


def test_silence_blocks_then_lets_single_probes_out_then_all() -> None:
    pacer = Pacer(1000, 256, NOW)
    for _ in range(20):
        pacer.take(20, NOW + SECOND)
    pacer.in_flight = 20
    for _ in range(20):
        pacer.silent(NOW + SECOND, "no answer")
    hold = pacer.flow(NOW + SECOND).hold
    assert hold is not None
    assert hold.reason is HoldReason.META_UNREACHABLE
    granted, wait = pacer.take(10, NOW + SECOND)
    assert (granted, wait) == (0, SECOND), "a burst of failures is one"
    assert pacer.take(10, NOW + 3 * SECOND) == (1, 0), "one probe"
    assert pacer.take(10, NOW + 3 * SECOND)[0] == 0
    assert pacer.flow(NOW + 3 * SECOND).hold is not None, "still explained while it is probed"
    pacer.silent(NOW + 4 * SECOND, "no answer")
    assert pacer.take(10, NOW + 4 * SECOND) == (0, 2 * SECOND), "twice as long"
    assert pacer.take(10, NOW + 7 * SECOND)[0] == 1
    pacer.answered(NOW + 7 * SECOND, accepted=True)
    assert pacer.flow(NOW + 7 * SECOND).hold is None
    assert pacer.take(10, NOW + 8 * SECOND)[0] > 1


def test_a_block_has_its_end_even_after_a_long_outage() -> None:
    pacer = Pacer(80, 256, NOW)
    now = NOW
    for _ in range(60):
        now += LONGEST_BLOCK + SECOND
        granted, _ = pacer.take(1, now)
        assert granted == 1
        pacer.silent(now, "no answer")
    assert pacer.take(1, now + LONGEST_BLOCK + 1)[0] == 1


def test_a_shorter_block_neither_shortens_nor_renames_a_longer_one() -> None:
    pacer = Pacer(80, 256, NOW)
    pacer.block(NOW, MINUTE, HoldReason.MAINTENANCE, "131057")
    pacer.block(NOW, SECOND, HoldReason.THROTTLED, "130429")
    hold = pacer.flow(NOW + 2 * SECOND).hold
    assert hold is not None
    assert hold.reason is HoldReason.MAINTENANCE
    assert pacer.take(1, NOW + 59 * SECOND)[0] == 0


def test_a_person_ends_a_block_at_once() -> None:
    pacer = Pacer(80, 256, NOW)
    for _ in range(SILENT_AFTER):
        pacer.take(1, NOW)
        pacer.silent(NOW, "no answer")
    pacer.unblock()
    assert pacer.flow(NOW + 1).hold is None
    assert pacer.take(1, NOW + SECOND)[0] == 1


def test_a_call_limit_doubles_while_it_lasts_and_a_burst_counts_once() -> None:
    pacer = Pacer(80, 256, NOW)
    waits = []
    now = NOW
    for _ in range(7):
        for _ in range(10):
            wait = pacer.limit_block(now)
            pacer.block(now, wait, HoldReason.THROTTLED, "80007")
        waits.append(wait // MINUTE)
        now += wait
    assert waits == [1, 2, 4, 8, 16, 16, 16]


@pytest.mark.parametrize("back", [SECOND, HOUR, 10**12])
def test_a_clock_that_is_set_back_stops_nothing(back: int) -> None:
    pacer = Pacer(80, 256, NOW)
    pacer.throttle(NOW + SECOND, "130429")
    pacer.block(NOW + SECOND, MINUTE, HoldReason.MAINTENANCE, "131057")
    now = NOW + SECOND - back
    granted, wait = pacer.take(1, now)
    assert granted == 0
    assert 0 < wait <= MINUTE
    assert send_for(pacer, now, 3 * MINUTE) > 40 * 60
    pacer.throttle(now + 4 * MINUTE, "130429")
    assert pacer.flow(now + 4 * MINUTE).rate_now < 80


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["take", "ok", "no", "silent", "throttle", "back"]), st.integers(-5000, 5000)
        ),
        max_size=60,
    ),
    st.floats(0.1, 1000),
)
def test_in_flight_is_what_was_taken_and_not_ended(steps: list[tuple[str, int]], rate: float) -> None:
    """Whatever happens, and whatever the clock does, it neither leaks nor goes below zero nor over its ceiling."""
    pacer, now, flying = Pacer(rate, 50, NOW), NOW, 0
    for step, passed in steps:
        now += passed
        if step == "take":
            granted, wait = pacer.take(10, now)
            assert 0 <= granted <= 10
            assert 0 <= wait <= max(LONGEST_BLOCK, 11 * SECOND)
            flying += granted
        elif step == "throttle":
            pacer.throttle(now, "130429")
        elif flying:
            flying -= 1
            if step == "back":
                pacer.give_back(1)
            elif step == "silent":
                pacer.silent(now, "no answer")
            else:
                pacer.answered(now, accepted=step == "ok")
        assert pacer.in_flight == flying <= 50
        assert 0 < pacer.flow(now).rate_now <= rate
