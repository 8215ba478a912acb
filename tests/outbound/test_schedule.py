"""When deliveries are retried, and when an endpoint is disabled."""

import pytest

from wacrmd.clock import HOUR, MINUTE, SECOND
from wacrmd.outbound.schedule import GONE, RETRY_DELAYS, disabled_reason, next_attempt_at

MAX_AGE = 72 * HOUR


def test_delays_grow_over_three_days_and_then_a_delivery_fails() -> None:
    now = attempts = 0
    delays = []
    while (at := next_attempt_at(attempts + 1, now, age=now, max_age=MAX_AGE, jitter=0.0)) is not None:
        delays.append(at - now)
        now, attempts = at, attempts + 1
    assert delays[:8] == [
        5 * SECOND,
        30 * SECOND,
        2 * MINUTE,
        10 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        4 * HOUR,
    ]
    assert set(delays[8:]) == {8 * HOUR}
    assert len(delays) == 16
    assert 60 * HOUR < now <= MAX_AGE


def test_the_maximum_age_counts_from_when_the_delivery_was_queued() -> None:
    """Not the time since then: the daemon may have been down."""
    assert next_attempt_at(1, 2000, age=1000, max_age=5 * SECOND + 1000, jitter=0.0) == 2000 + 5 * SECOND
    assert next_attempt_at(1, 2000, age=1000, max_age=5 * SECOND + 999, jitter=0.0) is None


@pytest.mark.parametrize("jitter", [0.0, 0.5, 0.999])
def test_jitter_adds_its_share_of_a_tenth(jitter: float) -> None:
    for attempts, delay in enumerate(RETRY_DELAYS, start=1):
        at = next_attempt_at(attempts, 0, age=0, max_age=MAX_AGE, jitter=jitter)
        assert at == delay + round(delay * jitter / 10)


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(
    ("status", "has_given_up", "failing_for", "disabled"),
    [
        (GONE, False, 0, "The endpoint answered 410 Gone"),
        (GONE, True, MAX_AGE, "The endpoint answered 410 Gone"),
        (500, False, 0, None),
        (500, False, MAX_AGE - 1, None),
        (500, False, MAX_AGE, "No delivery has succeeded since 1970-01-02T00:00:00.000Z; the last error: e"),
        (None, False, MAX_AGE, "No delivery has succeeded since 1970-01-02T00:00:00.000Z; the last error: e"),
        (500, True, MAX_AGE // 2 - 1, None),
        (
            500,
            True,
            MAX_AGE // 2,
            "No delivery has succeeded since 1970-01-02T00:00:00.000Z; the last error: e",
        ),
    ],
)
def test_an_endpoint_is_disabled_by_410_and_by_long_failure(
    status: int | None, has_given_up: bool, failing_for: int, disabled: str | None
) -> None:
    since = 24 * HOUR
    reason = disabled_reason(
        status,
        "e",
        failing_since=since,
        failing_for=failing_for,
        has_given_up=has_given_up,
        max_age=MAX_AGE,
    )
    assert reason == disabled
