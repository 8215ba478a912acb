"""When a delivery is retried, and when an endpoint is disabled; pure."""

from wacrmd.clock import HOUR, MINUTE, SECOND, Millis, iso

RETRY_DELAYS: tuple[Millis, ...] = (
    5 * SECOND,
    30 * SECOND,
    2 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    1 * HOUR,
    2 * HOUR,
    4 * HOUR,
    8 * HOUR,
)
"""From a failed attempt to the next one; the last delay repeats. Three days are 16 attempts."""

JITTER = 0.1
"""The share of a delay that is added at random, so that deliveries that failed together do not retry together."""

GONE = 410
"""The HTTP status that asks for no more deliveries."""


def next_attempt_at(
    attempts: int, now: Millis, *, age: Millis, max_age: Millis, jitter: float
) -> Millis | None:
    """When to retry after `attempts` failed ones; None if the delivery is too old then. `jitter` in [0, 1).

    `age` is for how long the daemon has run since the delivery was queued.
    """
    delay = RETRY_DELAYS[min(attempts, len(RETRY_DELAYS)) - 1]
    delay += round(delay * JITTER * jitter)
    return now + delay if age + delay <= max_age else None


def disabled_reason(
    status: int | None,
    error: str | None,
    *,
    failing_since: Millis,
    failing_for: Millis,
    has_given_up: bool,
    max_age: Millis,
) -> str | None:
    """Why a failed attempt disables its endpoint; None if the endpoint stays active.

    410 disables it at once. Another failure does when no delivery has succeeded for `max_age`, or for half of it once
    a delivery has used up its attempts. `failing_for` is for how long the daemon has run since the first failure.
    """
    if status == GONE:
        return "The endpoint answered 410 Gone"
    if failing_for < (max_age // 2 if has_given_up else max_age):
        return None
    return f"No delivery has succeeded since {iso(failing_since)}; the last error: {error}"
