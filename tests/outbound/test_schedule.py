"""When deliveries are retried, and how workers are shared."""

import pytest

from wacrmd.clock import HOUR, MINUTE, SECOND
from wacrmd.domain.webhook_delivery import DueDelivery
from wacrmd.outbound.schedule import GONE, RETRY_DELAYS, disabled_reason, next_attempt_at, next_deliveries

MAX_AGE = 72 * HOUR


def due(number: int, endpoint: str, queued_at: int = 0) -> DueDelivery:
    return DueDelivery(number, endpoint, "http://h/", b"", "e", "evt", "{}", 0, queued_at)


def test_delays_grow_over_three_days_and_then_a_delivery_fails() -> None:
    now = attempts = 0
    delays = []
    while (at := next_attempt_at(attempts + 1, 0, now, max_age=MAX_AGE, jitter=0.0)) is not None:
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
    assert next_attempt_at(1, 1000, 2000, max_age=5 * SECOND + 1000, jitter=0.0) == 2000 + 5 * SECOND
    assert next_attempt_at(1, 1000, 2000, max_age=5 * SECOND + 999, jitter=0.0) is None


@pytest.mark.parametrize("jitter", [0.0, 0.5, 0.999])
def test_jitter_adds_its_share_of_a_tenth(jitter: float) -> None:
    for attempts, delay in enumerate(RETRY_DELAYS, start=1):
        at = next_attempt_at(attempts, 0, 0, max_age=MAX_AGE, jitter=jitter)
        assert at == delay + round(delay * jitter / 10)


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
        has_given_up=has_given_up,
        max_age=MAX_AGE,
        now=since + failing_for,
    )
    assert reason == disabled


def test_one_endpoint_has_at_most_half_of_the_workers() -> None:
    chosen = next_deliveries({"a": [due(n, "a") for n in range(9)]}, {}, set(), 4)
    assert [each.id for each in chosen] == [0, 1]
    assert next_deliveries({"a": [due(1, "a")]}, {"a": 2}, set(), 4) == []
    assert [each.id for each in next_deliveries({"a": [due(1, "a")]}, {"a": 1}, set(), 4)] == [1]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_half_of_few_workers_is_one(workers: int) -> None:
    assert len(next_deliveries({"a": [due(n, "a") for n in range(9)]}, {}, set(), workers)) == 1


def test_a_slow_endpoint_that_has_a_worker_gets_no_second_one() -> None:
    assert next_deliveries({"a": [due(1, "a")]}, {"a": 1}, {"a"}, 8) == []


def test_as_many_deliveries_start_as_workers_are_free() -> None:
    rows = {name: [due(n, name) for n in range(9)] for name in "abcde"}
    assert len(next_deliveries(rows, {}, set(), 4)) == 4
    assert len(next_deliveries(rows, {"x": 3}, set(), 4)) == 1
    assert next_deliveries(rows, {"x": 4}, set(), 4) == []
    assert next_deliveries(rows, {"x": 5}, set(), 4) == []


def test_choosing_does_not_change_its_input() -> None:
    rows = {"a": [due(1, "a"), due(2, "a")]}
    in_progress = {"b": 1}
    next_deliveries(rows, in_progress, set(), 8)
    assert rows == {"a": [due(1, "a"), due(2, "a")]}
    assert in_progress == {"b": 1}


def test_slow_endpoints_have_one_worker_each_and_leave_one_free() -> None:
    rows = {name: [due(n, name) for n in range(9)] for name in "abcde"}
    chosen = next_deliveries(rows, {}, set("abcde"), 4)
    assert sorted(each.endpoint_id for each in chosen) == ["a", "b", "c"]
    with_quick = next_deliveries(rows | {"f": [due(100, "f", 99)]}, {"a": 1, "b": 1, "c": 1}, set("abcde"), 4)
    assert [each.endpoint_id for each in with_quick] == ["f"]


def test_quick_endpoints_do_not_count_as_slow_ones() -> None:
    rows = {"slow": [due(1, "slow")]}
    assert [each.id for each in next_deliveries(rows, {"quick": 3}, {"slow"}, 4)] == [1]


def test_the_least_loaded_comes_first_then_the_quick_then_the_oldest() -> None:
    rows = {"a": [due(1, "a", 5)], "b": [due(2, "b", 3)], "c": [due(3, "c", 4)]}
    assert [each.endpoint_id for each in next_deliveries(rows, {"b": 1}, set(), 4)] == ["c", "a", "b"]
    assert [each.endpoint_id for each in next_deliveries(rows, {}, {"b"}, 4)] == ["c", "a", "b"]
    assert [each.endpoint_id for each in next_deliveries(rows, {}, set(), 4)] == ["b", "c", "a"]


def test_a_single_worker_also_serves_slow_endpoints() -> None:
    assert [each.id for each in next_deliveries({"a": [due(1, "a")]}, {}, {"a"}, 1)] == [1]
    assert next_deliveries({"a": [due(1, "a")]}, {"b": 1}, set(), 1) == []


def test_an_endpoint_without_due_deliveries_is_skipped() -> None:
    assert next_deliveries({"a": [], "b": [due(1, "b")]}, {}, set(), 4) == [due(1, "b")]
    assert next_deliveries({}, {}, set(), 4) == []
