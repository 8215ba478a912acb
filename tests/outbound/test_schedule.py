"""When deliveries are tried again, and how workers are shared."""

from wacrmd.clock import HOUR, SECOND
from wacrmd.outbound.schedule import GAPS, choose, next_try
from wacrmd.store.outbox import Due

MAX_AGE = 72 * HOUR


def due(number: int, endpoint: str, queued_at: int = 0) -> Due:
    return Due(number, endpoint, "http://h/", b"", "e", "evt", "{}", 0, queued_at)


def test_gaps_grow_over_about_three_days_and_then_end() -> None:
    now = attempts = 0
    gaps = []
    while (at := next_try(attempts + 1, 0, now, max_age=MAX_AGE, jitter=0.0)) is not None:
        gaps.append(at - now)
        now, attempts = at, attempts + 1
    assert gaps == sorted(gaps)
    assert gaps[0] == 5 * SECOND
    assert 60 * HOUR < now <= MAX_AGE
    assert len(gaps) == 16


def test_jitter_adds_at_most_a_tenth() -> None:
    for attempts, gap in enumerate(GAPS, start=1):
        at = next_try(attempts, 0, 0, max_age=MAX_AGE, jitter=0.999)
        assert at is not None
        assert gap < at <= gap * 1.1


def test_one_endpoint_has_at_most_half_of_the_workers() -> None:
    chosen = choose({"a": [due(n, "a") for n in range(9)]}, {}, set(), 4)
    assert [each.id for each in chosen] == [0, 1]


def test_a_slow_endpoint_has_one_worker_and_leaves_one_to_the_others() -> None:
    rows = {name: [due(n, name) for n in range(9)] for name in "abcde"}
    chosen = choose(rows, {}, set("abcde"), 4)
    assert sorted(each.endpoint_id for each in chosen) == ["a", "b", "c"]
    with_quick = choose(rows | {"f": [due(100, "f", 99)]}, {"a": 1, "b": 1, "c": 1}, set("abcde"), 4)
    assert [each.endpoint_id for each in with_quick] == ["f"]


def test_the_least_loaded_comes_first_and_the_oldest_among_equals() -> None:
    rows = {"a": [due(1, "a", 5)], "b": [due(2, "b", 3)], "c": [due(3, "c", 4)]}
    assert [each.endpoint_id for each in choose(rows, {"b": 1}, set(), 4)] == ["c", "a", "b"]


def test_a_single_worker_serves_everybody_even_the_slow() -> None:
    assert [each.id for each in choose({"a": [due(1, "a")]}, {}, {"a"}, 1)] == [1]
    assert choose({"a": [due(1, "a")]}, {"b": 1}, set(), 1) == []
