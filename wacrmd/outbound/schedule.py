"""When a delivery is tried again, and which one is next; pure."""

from collections.abc import Collection, Mapping

from wacrmd.clock import HOUR, MINUTE, SECOND, Millis
from wacrmd.store.outbox import Due

GAPS: tuple[Millis, ...] = (
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
"""From a failed try to the next; the last one repeats. Three days are 16 tries."""

JITTER = 0.1
"""How much of a gap may be added, so that what failed together does not come back together."""


def next_try(
    attempts: int, queued_at: Millis, now: Millis, *, max_age: Millis, jitter: float
) -> Millis | None:
    """When to try again after `attempts` failed ones; None when that would be too late. `jitter` in [0, 1)."""
    gap = GAPS[min(attempts, len(GAPS)) - 1]
    at = now + gap + round(gap * JITTER * jitter)
    return at if at <= queued_at + max_age else None


def choose(
    due: Mapping[str, list[Due]], under_way: Mapping[str, int], slow: Collection[str], workers: int
) -> list[Due]:
    """What to deliver now on the free ones of `workers`; fair between endpoints, oldest first within one.

    No endpoint has more than half of the workers. Those that are `slow` (or failing) have one each, and all
    of them together leave one worker to the others: somebody's hanging app holds up nobody else's.
    """
    free = workers - sum(under_way.values())
    load = dict(under_way)
    waiting = {endpoint_id: list(deliveries) for endpoint_id, deliveries in due.items()}
    chosen: list[Due] = []
    while free > 0:
        slow_load = sum(count for endpoint_id, count in load.items() if endpoint_id in slow)
        ready = [
            endpoint_id
            for endpoint_id, deliveries in waiting.items()
            if deliveries
            and load.get(endpoint_id, 0) < (1 if endpoint_id in slow else max(1, workers // 2))
            and (endpoint_id not in slow or workers == 1 or slow_load < workers - 1)
        ]
        if not ready:
            break
        endpoint_id = min(
            ready, key=lambda each: (load.get(each, 0), each in slow, waiting[each][0].queued_at)
        )
        chosen.append(waiting[endpoint_id].pop(0))
        load[endpoint_id] = load.get(endpoint_id, 0) + 1
        free -= 1
    return chosen
