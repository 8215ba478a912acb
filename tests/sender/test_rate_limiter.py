"""The rate limiter: rate, concurrency and blocks. Every call gets the time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.clock import HOUR, MINUTE, SECOND, iso
from wacrmd.domain.hold import Hold, HoldReason
from wacrmd.sender.rate_limiter import INITIAL_CONCURRENCY, MAX_BLOCK, MAX_UNANSWERED_STREAK, RateLimiter

NOW = 1_795_000_000_000


def send_for(limiter: RateLimiter, now: int, duration: int, *, accepted: bool = True) -> int:
    """Send everything that is granted for some time, each answered at once; the number of messages."""
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


def test_tokens_granted_and_not_used_are_returned() -> None:
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


def test_unblocking_ends_a_block_immediately() -> None:
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


def test_tokens_are_handed_out_in_batches_and_the_wait_is_until_the_next_one() -> None:
    """80 a second: 8 tokens are saved up, and a batch is worth 40 ms."""
    limiter = RateLimiter(80, 256, NOW)
    assert limiter.acquire(1000, NOW) == (8, 0)
    assert limiter.acquire(1000, NOW) == (0, 40)
    assert limiter.acquire(1000, NOW + 25) == (0, 15)
    assert limiter.acquire(1000, NOW + 40) == (3, 0)
    assert limiter.acquire(1, NOW + 40) == (0, 10), "0.2 of a token is left"
    assert limiter.acquire(1, NOW + 50) == (1, 0), "a single message needs no batch"
    assert limiter.in_flight == 12


def test_a_wait_is_at_least_a_millisecond() -> None:
    limiter = RateLimiter(300, 256, NOW)
    assert limiter.acquire(30, NOW) == (30, 0)
    assert limiter.acquire(1, NOW + 3) == (0, 1)


def test_a_slow_number_sends_one_at_a_time() -> None:
    limiter = RateLimiter(0.5, 256, NOW)
    assert limiter.acquire(10, NOW) == (1, 0)
    assert limiter.acquire(10, NOW) == (0, 2000)
    assert limiter.acquire(10, NOW + HOUR) == (1, 0)


def test_unused_tokens_are_given_back_up_to_the_burst() -> None:
    limiter = RateLimiter(80, 256, NOW)
    assert limiter.acquire(5, NOW) == (5, 0)
    limiter.release(2)
    assert limiter.in_flight == 3
    assert limiter.acquire(1000, NOW) == (5, 0)
    limiter.release(100)
    assert limiter.acquire(1000, NOW)[0] == 8


def test_the_concurrency_starts_at_32_and_never_exceeds_the_maximum() -> None:
    assert RateLimiter(1000, 10, NOW).acquire(1000, NOW) == (10, 0)
    limiter = RateLimiter(1000, 34, NOW)
    assert limiter.acquire(1000, NOW) == (32, 0)
    for _ in range(32):
        limiter.answered(NOW, accepted=True)
    assert limiter.acquire(1000, NOW + SECOND) == (34, 0)
    limiter.configure(1000, 5)
    for _ in range(34):
        limiter.answered(NOW + SECOND, accepted=False)
    assert limiter.acquire(1000, NOW + 2 * SECOND) == (5, 0)


def test_a_changed_maximum_bounds_the_concurrency_from_then_on() -> None:
    limiter = RateLimiter(1000, 256, NOW)
    limiter.configure(1000, 33)
    assert limiter.acquire(1000, NOW) == (32, 0)
    assert limiter.state(NOW).in_flight == 32
    for _ in range(32):
        limiter.answered(NOW, accepted=True)
    assert limiter.acquire(1000, NOW + SECOND) == (33, 0)


def test_half_of_an_odd_concurrency_is_rounded_down() -> None:
    limiter = RateLimiter(1000, 256, NOW)
    assert limiter.acquire(2, NOW) == (2, 0)
    limiter.answered(NOW, accepted=True)
    limiter.unanswered(NOW, "no answer")
    assert limiter.acquire(1000, NOW + SECOND) == (16, 0)


def test_a_block_is_over_at_its_last_millisecond() -> None:
    limiter = RateLimiter(80, 256, NOW)
    assert limiter.acquire(2, NOW) == (2, 0)
    limiter.throttle(NOW, "130429 Rate limit hit")
    hold = limiter.state(NOW).hold
    assert hold is not None
    assert hold.detail.startswith("130429 Rate limit hit")
    limiter.answered(NOW + SECOND, accepted=True)
    assert limiter.state(NOW + SECOND).hold is None


def test_only_accepted_messages_raise_the_concurrency() -> None:
    limiter = RateLimiter(1000, 256, NOW)
    assert limiter.acquire(1000, NOW) == (32, 0)
    for _ in range(31):
        limiter.answered(NOW, accepted=False)
    limiter.answered(NOW, accepted=True)
    assert limiter.acquire(1000, NOW + SECOND) == (33, 0)


@pytest.mark.parametrize(("unanswered", "concurrency"), [(1, 16), (2, 8), (3, 4), (4, 4)])
def test_each_request_without_an_answer_halves_the_concurrency_down_to_four(
    unanswered: int, concurrency: int
) -> None:
    limiter = RateLimiter(1000, 256, NOW)
    assert limiter.acquire(unanswered, NOW) == (unanswered, 0)
    for _ in range(unanswered):
        limiter.unanswered(NOW, "no answer")
    assert limiter.state(NOW).hold is None
    assert limiter.acquire(1000, NOW + SECOND) == (concurrency, 0)


def test_the_fifth_request_in_a_row_without_an_answer_blocks_and_an_answer_starts_the_count_again() -> None:
    limiter = RateLimiter(1000, 256, NOW)
    assert limiter.acquire(20, NOW) == (20, 0)
    for _ in range(4):
        limiter.unanswered(NOW, "no answer")
    limiter.answered(NOW, accepted=False)
    for _ in range(4):
        limiter.unanswered(NOW, "no answer")
    assert limiter.state(NOW).hold is None
    limiter.unanswered(NOW, "no route")
    assert limiter.state(NOW).hold == Hold(
        HoldReason.META_UNREACHABLE, f"no route (until {iso(NOW + SECOND)})", NOW
    )
    assert limiter.state(NOW + SECOND).hold == Hold(HoldReason.META_UNREACHABLE, "no route", NOW)
    limiter.answered(NOW + SECOND, accepted=False)
    assert limiter.state(NOW + SECOND).hold is None


def test_blocks_in_a_row_last_twice_as_long_up_to_a_minute_until_a_message_is_accepted() -> None:
    limiter, now, waits = RateLimiter(80, 256, NOW), NOW, []
    for _ in range(8):
        limiter.throttle(now, "130429")
        waits.append(limiter.acquire(1, now)[1])
        now += waits[-1]
    assert waits == [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]
    now += SECOND
    assert limiter.acquire(1, now) == (1, 0)
    limiter.answered(now, accepted=True)
    limiter.throttle(now, "130429")
    assert limiter.acquire(1, now) == (0, 1000)


def test_a_message_accepted_as_the_block_ends_makes_the_next_block_short_again() -> None:
    limiter = RateLimiter(80, 256, NOW)
    assert limiter.acquire(1, NOW) == (1, 0)
    limiter.throttle(NOW, "130429")
    limiter.answered(NOW + SECOND, accepted=True)
    limiter.throttle(NOW + SECOND, "130429")
    assert limiter.acquire(1, NOW + SECOND) == (0, 1000)


def test_a_request_that_ends_without_an_answer_as_the_block_ends_blocks_again() -> None:
    limiter = RateLimiter(1000, 256, NOW)
    assert limiter.acquire(6, NOW) == (6, 0)
    for _ in range(5):
        limiter.unanswered(NOW, "no answer")
    limiter.unanswered(NOW + SECOND, "no answer")
    assert limiter.acquire(1, NOW + SECOND) == (0, 2000)


def test_one_free_request_does_not_wait_for_the_tokens_of_a_batch() -> None:
    limiter = RateLimiter(1000, 32, NOW)
    for answered in (32, 32, 1):  # the burst is used up but for a few tokens
        assert limiter.acquire(1000, NOW) == (32, 0)
        for _ in range(answered):
            limiter.answered(NOW, accepted=False)
    assert limiter.acquire(1000, NOW) == (1, 0)


def test_throttling_counts_once_a_second_also_while_the_clock_is_set_back() -> None:
    limiter = RateLimiter(80, 256, NOW)
    limiter.throttle(NOW, "130429")
    limiter.throttle(NOW - HOUR + SECOND // 2, "130429")
    assert limiter.state(NOW - HOUR + SECOND // 2).rate_now == 40


def test_an_accepted_message_within_a_block_does_not_end_it() -> None:
    limiter = RateLimiter(80, 256, NOW)
    assert limiter.acquire(1, NOW) == (1, 0)
    limiter.throttle(NOW, "130429")
    limiter.answered(NOW + 999, accepted=True)
    assert limiter.state(NOW + 999).hold is not None
    limiter.throttle(NOW + 1000, "130429")
    assert limiter.acquire(1, NOW + 1000) == (0, 2000), "the second block in a row"


def test_throttling_counts_once_a_second_and_halves_down_to_one_message_a_second() -> None:
    limiter, rates = RateLimiter(8, 256, NOW), []
    for at in (NOW, NOW + 999, NOW + 1000, NOW + 2000, NOW + 3000):
        limiter.throttle(at, "130429")
        rates.append(limiter.state(at).rate_now)
    assert rates == [4, 4, 2, 1, 1]


def test_throttling_just_after_a_step_of_the_recovery_counts() -> None:
    limiter = RateLimiter(80, 256, NOW)
    limiter.throttle(NOW, "130429")
    assert limiter.state(NOW + 10 * SECOND).rate_now == 48
    limiter.throttle(NOW + 10 * SECOND + 1, "130429")
    assert limiter.state(NOW + 10 * SECOND + 1).rate_now == 24


@pytest.mark.parametrize(
    ("after", "rate"), [(9_999, 40), (10_000, 48), (19_999, 48), (20_000, 56), (50_000, 80), (HOUR, 80)]
)
def test_a_tenth_of_the_rate_is_regained_every_ten_seconds(after: int, rate: float) -> None:
    limiter = RateLimiter(80, 256, NOW)
    limiter.throttle(NOW, "130429")
    assert limiter.state(NOW + after).rate_now == pytest.approx(rate)
    assert limiter.state(NOW + after).rate_allowed == 80


def test_the_recovery_of_the_rate_does_not_depend_on_how_often_it_is_read() -> None:
    seldom, often = RateLimiter(80, 256, NOW), RateLimiter(80, 256, NOW)
    for limiter in (seldom, often):
        limiter.throttle(NOW, "130429")
    for after in range(0, 35_000, 700):
        often.state(NOW + after)
    assert often.state(NOW + 35_000).rate_now == pytest.approx(seldom.state(NOW + 35_000).rate_now) == 64


def test_a_changed_rate_replaces_the_throttled_rate_and_an_equal_one_does_not() -> None:
    limiter = RateLimiter(80, 256, NOW)
    limiter.throttle(NOW, "130429")
    limiter.configure(80, 256)
    assert limiter.state(NOW).rate_now == 40
    limiter.configure(100, 256)
    assert limiter.state(NOW).rate_now == limiter.state(NOW).rate_allowed == 100


def test_a_block_takes_the_saved_tokens() -> None:
    limiter = RateLimiter(80, 256, NOW)
    limiter.block(NOW, 10, HoldReason.MAINTENANCE, "131057")
    assert limiter.acquire(1000, NOW) == (0, 10)
    assert limiter.acquire(1000, NOW + 10) == (0, 30), "10 ms of tokens"


def test_a_block_that_ends_at_the_same_time_changes_nothing_and_a_longer_one_replaces_it() -> None:
    limiter = RateLimiter(80, 256, NOW)
    limiter.block(NOW, MINUTE, HoldReason.MAINTENANCE, "131057")
    limiter.block(NOW, MINUTE, HoldReason.THROTTLED, "130429")
    hold = limiter.state(NOW).hold
    assert hold is not None
    assert hold.reason is HoldReason.MAINTENANCE
    limiter.block(NOW + 5, MINUTE, HoldReason.MAINTENANCE, "still")
    assert limiter.state(NOW + 5).hold == Hold(
        HoldReason.MAINTENANCE, f"still (until {iso(NOW + 5 + MINUTE)})", NOW
    )
    limiter.block(NOW + 6, MINUTE, HoldReason.THROTTLED, "80007")
    assert limiter.state(NOW + 6).hold == Hold(
        HoldReason.THROTTLED, f"80007 (until {iso(NOW + 6 + MINUTE)})", NOW + 6
    )
    assert limiter.acquire(1, NOW + 6) == (0, MINUTE)
    assert limiter.state(NOW + 6 + MINUTE).hold is None


def test_unblocking_clears_earlier_blocks_and_missing_answers() -> None:
    limiter = RateLimiter(80, 256, NOW)
    limiter.throttle(NOW, "130429")
    for _ in range(MAX_UNANSWERED_STREAK):
        limiter.in_flight += 1
        limiter.unanswered(NOW, "no answer")
    limiter.unblock()
    assert limiter.state(NOW).hold is None
    assert limiter.acquire(1000, NOW + SECOND)[0] >= 4, "it does not probe"
    for _ in range(MAX_UNANSWERED_STREAK - 1):
        limiter.unanswered(NOW + SECOND, "no answer")
    assert limiter.state(NOW + SECOND).hold is None, "the streak begins again"
    limiter.throttle(NOW + 2 * SECOND, "130429")
    assert limiter.acquire(1, NOW + 2 * SECOND) == (0, 1000), "the first block again"


def test_a_clock_that_is_set_back_moves_the_end_of_a_block_and_the_recovery() -> None:
    limiter = RateLimiter(80, 256, NOW)
    limiter.throttle(NOW, "130429")
    limiter.block(NOW, MINUTE, HoldReason.MAINTENANCE, "131057")
    assert limiter.acquire(1, NOW + SECOND) == (0, 59 * SECOND)
    back = NOW + SECOND - HOUR
    assert limiter.acquire(1, back) == (0, 59 * SECOND)
    assert limiter.state(back + 8 * SECOND).rate_now == 40
    assert limiter.state(back + 9 * SECOND).rate_now == 48
    assert limiter.acquire(1, back + 59 * SECOND)[0] == 1


def test_a_block_that_begins_before_the_last_one_counts_after_the_clock_was_set_back() -> None:
    limiter = RateLimiter(80, 256, NOW)
    limiter.block(NOW - HOUR, SECOND, HoldReason.MAINTENANCE, "131057")
    assert limiter.acquire(1, NOW - HOUR) == (0, SECOND)


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
    """For any steps and clock changes, the count does not leak and stays between zero and the maximum."""
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
