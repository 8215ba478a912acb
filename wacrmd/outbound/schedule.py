"""When a delivery is retried, when an endpoint is disabled, and which deliveries start next; pure."""

from collections.abc import Collection, Mapping

from wacrmd.clock import HOUR, MINUTE, SECOND, Millis, iso
from wacrmd.domain.webhook_delivery import DueDelivery

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
    attempts: int, queued_at: Millis, now: Millis, *, max_age: Millis, jitter: float
) -> Millis | None:
    """When to retry after `attempts` failed ones; None if the delivery is too old then. `jitter` in [0, 1)."""
    delay = RETRY_DELAYS[min(attempts, len(RETRY_DELAYS)) - 1]
    at = now + delay + round(delay * JITTER * jitter)
    return at if at <= queued_at + max_age else None


def disabled_reason(
    status: int | None,
    error: str | None,
    *,
    failing_since: Millis,
    has_given_up: bool,
    max_age: Millis,
    now: Millis,
) -> str | None:
    """Why a failed attempt disables its endpoint; None if the endpoint stays active.

    410 disables it at once. Another failure does when no delivery has succeeded for `max_age`, or for half of it once
    a delivery has used up its attempts.
    """
    if status == GONE:
        return "The endpoint answered 410 Gone"
    if now - failing_since < (max_age // 2 if has_given_up else max_age):
        return None
    return f"No delivery has succeeded since {iso(failing_since)}; the last error: {error}"


def next_deliveries(
    due: Mapping[str, list[DueDelivery]], in_progress: Mapping[str, int], slow: Collection[str], workers: int
) -> list[DueDelivery]:
    """The deliveries to start on the free `workers`: fair between endpoints, oldest first for one endpoint.

    `due` and `in_progress` are by endpoint id. No endpoint gets more than half of the workers. An endpoint that
    is `slow` (or failing) gets one, and all slow ones together leave one worker free: an app that does not answer
    delays no other app.
    """
    free = workers - sum(in_progress.values())
    load = dict(in_progress)
    waiting = {endpoint_id: list(deliveries) for endpoint_id, deliveries in due.items()}
    chosen: list[DueDelivery] = []
    while free > 0:
        slow_load = sum(count for endpoint_id, count in load.items() if endpoint_id in slow)
        candidates = [
            endpoint_id
            for endpoint_id, deliveries in waiting.items()
            if deliveries
            and load.get(endpoint_id, 0) < (1 if endpoint_id in slow else max(1, workers // 2))
            and (endpoint_id not in slow or workers == 1 or slow_load < workers - 1)
        ]
        if not candidates:
            break
        endpoint_id = min(
            candidates, key=lambda each: (load.get(each, 0), each in slow, waiting[each][0].queued_at)
        )
        chosen.append(waiting[endpoint_id].pop(0))
        load[endpoint_id] = load.get(endpoint_id, 0) + 1
        free -= 1
    return chosen
