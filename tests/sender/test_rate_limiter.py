"""The rate limiter: rate and blocks. Every call gets the time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.clock import HOUR, MINUTE, SECOND
from wacrmd.domain.hold import HoldReason
from wacrmd.sender.rate_limiter import MAX_BLOCK, Block, RateLimiter

NOW = 1_795_000_000_000


def ask(limiter: RateLimiter, wanted: int, now: int) -> tuple[int, int]:
    """(how many are granted, after how many milliseconds to ask again if that is 0)."""
    granted = limiter.acquire(wanted, now)
    return granted, 0 if granted else limiter.wait(wanted, now)


def send_for(limiter: RateLimiter, now: int, duration: int, *, accepted: bool = True) -> int:
    """Send everything that is granted for some time, each answered at once; the number of messages."""
    sent, end = 0, now + duration
    while now < end:
        granted, wait = ask(limiter, 1000, now)
        if granted and accepted:
            limiter.accepted(now)
        sent += granted
        now += wait or 1
    return sent


@pytest.mark.parametrize("rate", [0.5, 1, 7, 80, 1000])
def test_the_rate_is_kept_and_used(rate: float) -> None:
    limiter = RateLimiter(rate, NOW)
    sent = send_for(limiter, NOW, MINUTE)
    assert rate * 60 * 0.97 <= sent <= rate * 60 * 1.01 + 2


def test_a_burst_is_bounded_after_a_pause() -> None:
    limiter = RateLimiter(80, NOW)
    ask(limiter, 1, NOW)
    granted, _ = ask(limiter, 1000, NOW + HOUR)
    assert granted <= 8


def test_tokens_granted_and_not_used_are_returned() -> None:
    limiter = RateLimiter(80, NOW)
    granted, _ = ask(limiter, 5, NOW + SECOND)
    limiter.release(granted)
    assert ask(limiter, 5, NOW + SECOND)[0] == granted


def test_a_turn_that_is_late_finds_more_than_the_burst_for_a_second_and_no_longer() -> None:
    limiter = RateLimiter(80, NOW)
    ask(limiter, 8, NOW)
    assert ask(limiter, 5, NOW) == (0, 40)
    assert ask(limiter, 100, NOW + 500) == (12, 0)
    assert ask(limiter, 100, NOW + 10 * SECOND) == (8, 0)


def test_a_burst_of_throttling_halves_the_rate_once_and_time_restores_it() -> None:
    limiter = RateLimiter(80, NOW)
    for _ in range(30):
        limiter.throttle(NOW + SECOND, "130429")
    hold = limiter.last_block(NOW + SECOND)
    assert limiter.rates(NOW + SECOND)[1] == 40
    assert hold is not None
    assert (hold.reason, hold.since) == (HoldReason.THROTTLED, NOW + SECOND)
    assert hold.until == NOW + 2 * SECOND
    assert ask(limiter, 10, NOW + SECOND)[0] == 0
    assert limiter.last_block(NOW + 2 * SECOND) is None
    limiter.throttle(NOW + 3 * SECOND, "130429")
    assert limiter.rates(NOW + 3 * SECOND)[1] == 20
    assert limiter.rates(NOW + 13 * SECOND)[1] == 28
    assert limiter.rates(NOW + 3 * MINUTE)[1] == 80


def test_throttling_never_raises_the_rate_of_a_slow_number() -> None:
    limiter = RateLimiter(0.5, NOW)
    for second in range(20):
        limiter.throttle(NOW + 2 * second * SECOND, "130429")
    assert limiter.rates(NOW + 40 * SECOND)[1] == 0.5


def test_a_shorter_block_neither_shortens_nor_replaces_a_longer_one() -> None:
    limiter = RateLimiter(80, NOW)
    limiter.block(NOW, MINUTE, HoldReason.MAINTENANCE, "131057")
    limiter.block(NOW, SECOND, HoldReason.THROTTLED, "130429")
    hold = limiter.last_block(NOW + 2 * SECOND)
    assert hold is not None
    assert hold.reason is HoldReason.MAINTENANCE
    assert ask(limiter, 1, NOW + 59 * SECOND)[0] == 0


def test_the_block_of_a_call_limit_doubles_and_a_burst_counts_once() -> None:
    limiter = RateLimiter(80, NOW)
    waits = []
    now = NOW
    for _ in range(7):
        for _ in range(10):
            wait = limiter.call_limit_block(now)
            limiter.block(now, wait, HoldReason.THROTTLED, "80007")
        waits.append(wait // MINUTE)
        now += wait
    assert waits == [1, 2, 4, 8, 16, 16, 16]


def test_tokens_are_handed_out_in_batches_and_the_wait_is_until_the_next_one() -> None:
    """80 a second: 8 tokens are saved up, and a batch is worth 40 ms."""
    limiter = RateLimiter(80, NOW)
    assert ask(limiter, 1000, NOW) == (8, 0)
    assert ask(limiter, 1000, NOW) == (0, 40)
    assert ask(limiter, 1000, NOW + 25) == (0, 15)
    assert ask(limiter, 1000, NOW + 40) == (3, 0)
    assert ask(limiter, 1, NOW + 40) == (0, 10), "0.2 of a token is left"
    assert ask(limiter, 1, NOW + 50) == (1, 0), "a single message needs no batch"


def test_saved_tokens_are_granted_without_waiting_for_a_batch() -> None:
    limiter = RateLimiter(80, NOW)
    assert ask(limiter, 6, NOW) == (6, 0)
    assert ask(limiter, 5, NOW) == (2, 0), "a batch has three"
    assert ask(limiter, 5, NOW) == (0, 40)


def test_a_wait_is_at_least_a_millisecond() -> None:
    limiter = RateLimiter(300, NOW)
    assert ask(limiter, 30, NOW) == (30, 0)
    assert ask(limiter, 1, NOW + 3) == (0, 1)


def test_a_slow_number_sends_one_at_a_time() -> None:
    limiter = RateLimiter(0.5, NOW)
    assert ask(limiter, 10, NOW) == (1, 0)
    assert ask(limiter, 10, NOW) == (0, 2000)
    assert ask(limiter, 10, NOW + HOUR) == (1, 0)


def test_unused_tokens_are_given_back_up_to_the_burst() -> None:
    limiter = RateLimiter(80, NOW)
    assert ask(limiter, 5, NOW) == (5, 0)
    limiter.release(2)
    assert ask(limiter, 1000, NOW) == (5, 0)
    limiter.release(100)
    assert ask(limiter, 1000, NOW)[0] == 8


def test_a_block_is_over_at_its_last_millisecond() -> None:
    limiter = RateLimiter(80, NOW)
    assert ask(limiter, 2, NOW) == (2, 0)
    limiter.throttle(NOW, "130429 Rate limit hit")
    hold = limiter.last_block(NOW)
    assert hold is not None
    assert hold.detail == "130429 Rate limit hit"
    limiter.accepted(NOW + SECOND)
    assert limiter.last_block(NOW + SECOND) is None


def test_blocks_in_a_row_last_twice_as_long_up_to_a_minute_until_a_message_is_accepted() -> None:
    limiter, now, waits = RateLimiter(80, NOW), NOW, []
    for _ in range(8):
        limiter.throttle(now, "130429")
        waits.append(ask(limiter, 1, now)[1])
        now += waits[-1]
    assert waits == [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]
    now += SECOND
    assert ask(limiter, 1, now) == (1, 0)
    limiter.accepted(now)
    limiter.throttle(now, "130429")
    assert ask(limiter, 1, now) == (0, 1000)


def test_a_message_accepted_as_the_block_ends_makes_the_next_block_short_again() -> None:
    limiter = RateLimiter(80, NOW)
    assert ask(limiter, 1, NOW) == (1, 0)
    limiter.throttle(NOW, "130429")
    limiter.accepted(NOW + SECOND)
    limiter.throttle(NOW + SECOND, "130429")
    assert ask(limiter, 1, NOW + SECOND) == (0, 1000)


def test_an_accepted_message_within_a_block_does_not_end_it() -> None:
    limiter = RateLimiter(80, NOW)
    assert ask(limiter, 1, NOW) == (1, 0)
    limiter.throttle(NOW, "130429")
    limiter.accepted(NOW + 999)
    assert limiter.last_block(NOW + 999) is not None
    limiter.throttle(NOW + 1000, "130429")
    assert ask(limiter, 1, NOW + 1000) == (0, 2000), "the second block in a row"


def test_throttling_counts_once_a_second_and_halves_down_to_one_message_a_second() -> None:
    limiter, rates = RateLimiter(8, NOW), []
    for at in (NOW, NOW + 999, NOW + 1000, NOW + 2000, NOW + 3000):
        limiter.throttle(at, "130429")
        rates.append(limiter.rates(at)[1])
    assert rates == [4, 4, 2, 1, 1]


def test_throttling_just_after_a_step_of_the_recovery_counts() -> None:
    limiter = RateLimiter(80, NOW)
    limiter.throttle(NOW, "130429")
    assert limiter.rates(NOW + 10 * SECOND)[1] == 48
    limiter.throttle(NOW + 10 * SECOND + 1, "130429")
    assert limiter.rates(NOW + 10 * SECOND + 1)[1] == 24


@pytest.mark.parametrize(
    ("after", "rate"), [(9_999, 40), (10_000, 48), (19_999, 48), (20_000, 56), (50_000, 80), (HOUR, 80)]
)
def test_a_tenth_of_the_rate_is_regained_every_ten_seconds(after: int, rate: float) -> None:
    limiter = RateLimiter(80, NOW)
    limiter.throttle(NOW, "130429")
    assert limiter.rates(NOW + after)[1] == pytest.approx(rate)
    assert limiter.rates(NOW + after)[0] == 80


def test_the_recovery_of_the_rate_does_not_depend_on_how_often_it_is_read() -> None:
    seldom, often = RateLimiter(80, NOW), RateLimiter(80, NOW)
    for limiter in (seldom, often):
        limiter.throttle(NOW, "130429")
    for after in range(0, 35_000, 700):
        often.rates(NOW + after)
    assert often.rates(NOW + 35_000)[1] == pytest.approx(seldom.rates(NOW + 35_000)[1]) == 64


def test_a_changed_rate_replaces_the_throttled_rate_and_an_equal_one_does_not() -> None:
    limiter = RateLimiter(80, NOW)
    limiter.throttle(NOW, "130429")
    limiter.configure(80)
    assert limiter.rates(NOW)[1] == 40
    limiter.configure(100)
    assert limiter.rates(NOW)[1] == limiter.rates(NOW)[0] == 100


def test_a_block_takes_the_saved_tokens() -> None:
    limiter = RateLimiter(80, NOW)
    limiter.block(NOW, 10, HoldReason.MAINTENANCE, "131057")
    assert ask(limiter, 1000, NOW) == (0, 10)
    assert ask(limiter, 1000, NOW + 10) == (0, 30), "10 ms of tokens"


def test_a_block_that_ends_at_the_same_time_changes_nothing_and_a_longer_one_replaces_it() -> None:
    limiter = RateLimiter(80, NOW)
    limiter.block(NOW, MINUTE, HoldReason.MAINTENANCE, "131057")
    limiter.block(NOW, MINUTE, HoldReason.THROTTLED, "130429")
    hold = limiter.last_block(NOW)
    assert hold is not None
    assert hold.reason is HoldReason.MAINTENANCE
    limiter.block(NOW + 5, MINUTE, HoldReason.MAINTENANCE, "still")
    assert limiter.last_block(NOW + 5) == Block(HoldReason.MAINTENANCE, "still", NOW, NOW + 5 + MINUTE)
    limiter.block(NOW + 6, MINUTE, HoldReason.THROTTLED, "80007")
    assert limiter.last_block(NOW + 6) == Block(HoldReason.THROTTLED, "80007", NOW + 6, NOW + 6 + MINUTE)
    assert ask(limiter, 1, NOW + 6) == (0, MINUTE)
    assert limiter.last_block(NOW + 6 + MINUTE) is None


@pytest.mark.parametrize(
    ("rate", "batch_s"), [(0.5, 0.04), (1, 0.2), (10, 0.04), (10, 0.2), (80, 0.2), (1000, 0.04)]
)
def test_a_turn_that_comes_late_loses_no_tokens(rate: float, batch_s: float) -> None:
    """Each turn comes 90 ms after its tokens were promised, as on a busy machine."""
    limiter, now, sent = RateLimiter(rate, NOW), NOW, 0
    limiter.batch_s = batch_s
    while now < NOW + MINUTE:
        granted, wait = ask(limiter, 1000, now)
        sent += granted
        now += wait + 90 if wait else 1
    assert rate * 60 * 0.97 <= sent <= rate * 60 * 1.01 + 2


def test_tokens_for_a_late_turn_are_kept_for_a_second_and_a_batch_at_most() -> None:
    limiter = RateLimiter(80, NOW)
    assert ask(limiter, 1000, NOW) == (8, 0)
    assert ask(limiter, 1000, NOW) == (0, 40)
    assert ask(limiter, 1000, NOW + 1040) == (12, 0), "8, a batch of 3.2, and one"
    assert ask(limiter, 1000, NOW + 1041)[0] == 0
    assert ask(limiter, 1000, NOW + HOUR) == (8, 0)


def test_a_missing_answer_blocks_once_for_a_burst_and_longer_each_time() -> None:
    limiter, now, waits = RateLimiter(80, NOW), NOW, []
    for _ in range(8):
        for _ in range(20):
            limiter.unanswered(now, "no answer")
        waits.append(limiter.wait(1, now))
        now += waits[-1]
    assert waits == [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]
    assert limiter.last_block(now) is None
    assert limiter.last_block(now, is_probing=True) == Block(
        HoldReason.META_UNREACHABLE, "no answer", NOW, now
    )


def test_unblocking_ends_a_block_at_once_and_makes_the_next_one_short() -> None:
    limiter = RateLimiter(80, NOW)
    limiter.throttle(NOW, "130429")
    limiter.unblock()
    assert limiter.last_block(NOW, is_probing=True) is None
    assert limiter.acquire(1, NOW + SECOND) == 1
    limiter.throttle(NOW + 2 * SECOND, "130429")
    assert limiter.wait(1, NOW + 2 * SECOND) == 1000


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["acquire", "throttle", "unanswered", "accepted", "release"]),
            st.integers(-5000, 5000),
        ),
        max_size=60,
    ),
    st.floats(0.1, 1000),
)
def test_no_step_and_no_clock_change_grants_more_than_the_bucket_holds(
    steps: list[tuple[str, int]], rate: float
) -> None:
    limiter, now = RateLimiter(rate, NOW), NOW
    for step, passed in steps:
        now += passed
        if step == "acquire":
            granted, wait = ask(limiter, 10, now)
            assert 0 <= granted <= 10
            assert 0 <= wait <= max(MAX_BLOCK, 11 * SECOND)
        elif step == "throttle":
            limiter.throttle(now, "130429")
        elif step == "unanswered":
            limiter.unanswered(now, "no answer")
        elif step == "accepted":
            limiter.accepted(now)
        else:
            limiter.release(1)
        assert 0 < limiter.rates(now)[1] <= rate
