"""The rate limiter: rate, concurrency and blocks. Every call gets the time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.clock import HOUR, MINUTE, SECOND
from wacrmd.domain.hold import HoldReason
from wacrmd.sender.rate_limiter import INITIAL_CONCURRENCY, MAX_BLOCK, MAX_UNANSWERED_STREAK, RateLimiter

NOW = 1_795_000_000_000


def send_for(limiter: RateLimiter, now: int, duration: int, *, accepted: bool = True) -> int:
    """Send whatever is granted for a while, each answered at once; how many."""
    sent, end = 0, now + duration
    while now < end:
        granted, wait = limiter.acquire(1000, now)
        for _ in range(granted):
            limiter.answered(now, accepted=accepted)
        sent += granted
        now += wait or 1
    return sent


@pytest.mark.parametrize("rate", [0.5, 1, 7, 80, 1000])
def test_the_rate_is_kept_and_used(rate: float) -> None:
    limiter = RateLimiter(rate, 256, NOW)
    sent = send_for(limiter, NOW, MINUTE)
    assert rate * 60 * 0.97 <= sent <= rate * 60 * 1.01 + 2


def test_a_burst_is_bounded_after_a_pause() -> None:
    limiter = RateLimiter(80, 256, NOW)
    limiter.acquire(1, NOW)
    granted, _ = limiter.acquire(1000, NOW + HOUR)
    assert granted <= 8


def test_the_concurrency_is_limited_and_grows_with_accepted_messages() -> None:
    limiter = RateLimiter(1000, 256, NOW)
    now, taken = NOW, 0
    for _ in range(100):
        now += 100
        taken += limiter.acquire(1000, now)[0]
    assert taken == limiter.in_flight == INITIAL_CONCURRENCY
    assert limiter.acquire(1000, now) == (0, 0)
    for _ in range(INITIAL_CONCURRENCY):
        limiter.answered(now, accepted=True)
    assert limiter.in_flight == 0
    for _ in range(100):
        now += 100
        limiter.acquire(1000, now)
    assert limiter.in_flight == 2 * INITIAL_CONCURRENCY


def test_what_was_granted_and_not_sent_is_given_back() -> None:
    limiter = RateLimiter(80, 256, NOW)
    granted, _ = limiter.acquire(5, NOW + SECOND)
    limiter.release(granted)
    assert limiter.in_flight == 0
    assert limiter.acquire(5, NOW + SECOND)[0] == granted


def test_a_burst_of_throttling_halves_the_rate_once_and_time_restores_it() -> None:
    limiter = RateLimiter(80, 256, NOW)
    for _ in range(30):
        limiter.throttle(NOW + SECOND, "130429")
    throughput = limiter.state(NOW + SECOND)
    assert throughput.rate_now == 40
    assert throughput.hold is not None
    assert (throughput.hold.reason, throughput.hold.since) == (HoldReason.THROTTLED, NOW + SECOND)
    assert "until" in throughput.hold.detail
    assert limiter.acquire(10, NOW + SECOND)[0] == 0
    assert limiter.state(NOW + 2 * SECOND).hold is None
    limiter.throttle(NOW + 3 * SECOND, "130429")
    assert limiter.state(NOW + 3 * SECOND).rate_now == 20
    assert limiter.state(NOW + 13 * SECOND).rate_now == 28
    assert limiter.state(NOW + 3 * MINUTE).rate_now == 80


def test_throttling_never_raises_the_rate_of_a_slow_number() -> None:
    limiter = RateLimiter(0.5, 256, NOW)
    for second in range(20):
        limiter.throttle(NOW + 2 * second * SECOND, "130429")
    assert limiter.state(NOW + 40 * SECOND).rate_now == 0.5


def test_requests_without_an_answer_block_then_single_requests_probe_then_all_are_sent() -> None:
    limiter = RateLimiter(1000, 256, NOW)
    for _ in range(20):
        limiter.acquire(20, NOW + SECOND)
    limiter.in_flight = 20
    for _ in range(20):
        limiter.unanswered(NOW + SECOND, "no answer")
    hold = limiter.state(NOW + SECOND).hold
    assert hold is not None
    assert hold.reason is HoldReason.META_UNREACHABLE
    granted, wait = limiter.acquire(10, NOW + SECOND)
    assert (granted, wait) == (0, SECOND), "a burst of failures is one"
    assert limiter.acquire(10, NOW + 3 * SECOND) == (1, 0), "one probe"
    assert limiter.acquire(10, NOW + 3 * SECOND)[0] == 0
    assert limiter.state(NOW + 3 * SECOND).hold is not None, "still explained while it is probed"
    limiter.unanswered(NOW + 4 * SECOND, "no answer")
    assert limiter.acquire(10, NOW + 4 * SECOND) == (0, 2 * SECOND), "twice as long"
    assert limiter.acquire(10, NOW + 7 * SECOND)[0] == 1
    limiter.answered(NOW + 7 * SECOND, accepted=True)
    assert limiter.state(NOW + 7 * SECOND).hold is None
    assert limiter.acquire(10, NOW + 8 * SECOND)[0] > 1


def test_a_block_ends_even_after_a_long_outage() -> None:
    limiter = RateLimiter(80, 256, NOW)
    now = NOW
    for _ in range(60):
        now += MAX_BLOCK + SECOND
        granted, _ = limiter.acquire(1, now)
        assert granted == 1
        limiter.unanswered(now, "no answer")
    assert limiter.acquire(1, now + MAX_BLOCK + 1)[0] == 1


def test_a_shorter_block_neither_shortens_nor_replaces_a_longer_one() -> None:
    limiter = RateLimiter(80, 256, NOW)
    limiter.block(NOW, MINUTE, HoldReason.MAINTENANCE, "131057")
    limiter.block(NOW, SECOND, HoldReason.THROTTLED, "130429")
    hold = limiter.state(NOW + 2 * SECOND).hold
    assert hold is not None
    assert hold.reason is HoldReason.MAINTENANCE
    assert limiter.acquire(1, NOW + 59 * SECOND)[0] == 0


def test_unblocking_ends_a_block_at_once() -> None:
    limiter = RateLimiter(80, 256, NOW)
    for _ in range(MAX_UNANSWERED_STREAK):
        limiter.acquire(1, NOW)
        limiter.unanswered(NOW, "no answer")
    limiter.unblock()
    assert limiter.state(NOW + 1).hold is None
    assert limiter.acquire(1, NOW + SECOND)[0] == 1


def test_the_block_of_a_call_limit_doubles_and_a_burst_counts_once() -> None:
    limiter = RateLimiter(80, 256, NOW)
    waits = []
    now = NOW
    for _ in range(7):
        for _ in range(10):
            wait = limiter.call_limit_block(now)
            limiter.block(now, wait, HoldReason.THROTTLED, "80007")
        waits.append(wait // MINUTE)
        now += wait
    assert waits == [1, 2, 4, 8, 16, 16, 16]


@pytest.mark.parametrize("back", [SECOND, HOUR, 10**12])
def test_a_clock_that_is_set_back_does_not_prolong_a_block(back: int) -> None:
    limiter = RateLimiter(80, 256, NOW)
    limiter.throttle(NOW + SECOND, "130429")
    limiter.block(NOW + SECOND, MINUTE, HoldReason.MAINTENANCE, "131057")
    now = NOW + SECOND - back
    granted, wait = limiter.acquire(1, now)
    assert granted == 0
    assert 0 < wait <= MINUTE
    assert send_for(limiter, now, 3 * MINUTE) > 40 * 60
    limiter.throttle(now + 4 * MINUTE, "130429")
    assert limiter.state(now + 4 * MINUTE).rate_now < 80


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["acquire", "accepted", "refused", "unanswered", "throttle", "release"]),
            st.integers(-5000, 5000),
        ),
        max_size=60,
    ),
    st.floats(0.1, 1000),
)
def test_in_flight_is_what_was_granted_and_has_not_ended(steps: list[tuple[str, int]], rate: float) -> None:
    """Whatever happens, also to the clock: it does not leak, and stays between zero and the maximum."""
    limiter, now, in_flight = RateLimiter(rate, 50, NOW), NOW, 0
    for step, passed in steps:
        now += passed
        if step == "acquire":
            granted, wait = limiter.acquire(10, now)
            assert 0 <= granted <= 10
            assert 0 <= wait <= max(MAX_BLOCK, 11 * SECOND)
            in_flight += granted
        elif step == "throttle":
            limiter.throttle(now, "130429")
        elif in_flight:
            in_flight -= 1
            if step == "release":
                limiter.release(1)
            elif step == "unanswered":
                limiter.unanswered(now, "no answer")
            else:
                limiter.answered(now, accepted=step == "accepted")
        assert limiter.in_flight == in_flight <= 50
        assert 0 < limiter.state(now).rate_now <= rate
