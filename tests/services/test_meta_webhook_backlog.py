"""How many webhooks may wait, and when an overload begins and ends."""

import pytest

from wacrmd.services.meta_webhook_backlog import (
    ALWAYS_BYTES,
    ALWAYS_WEBHOOKS,
    EPISODE_GAP,
    LATELY,
    MAX_WAIT_S,
    STALL_S,
    Backlog,
)

NOW = 1_795_000_000_000
BODY = 1000
MOST = 10_000
"""More than any backlog here may hold."""


def measured(request_s: float, byte_s: float) -> Backlog:
    """An empty backlog after a time in which a request and a byte took so long."""
    backlog = Backlog()
    for _ in range(60):
        for _ in range(100):
            backlog.add(BODY)
        backlog.begin(0.0, 7.0)
        backlog.end(100, 100 * BODY, 100 * BODY * byte_s, 7.0 + 100 * request_s)
    return backlog


def fill(backlog: Backlog, body_bytes: int = BODY) -> int:
    """Fill the backlog; how many webhooks wait then. Fails if it never becomes full."""
    for _ in range(MOST):
        if backlog.is_full(0.0):
            return backlog.webhooks
        backlog.add(body_bytes)
    pytest.fail(f"{backlog.webhooks} webhooks wait, and the backlog is not full")


@pytest.mark.parametrize(("request_s", "byte_s"), [(0.0003, 0.1e-6), (0.001, 0.1e-6), (0.0001, 0.5e-6)])
def test_as_many_may_wait_as_can_be_served_and_stored_in_time(request_s: float, byte_s: float) -> None:
    each_s = max(request_s, BODY * byte_s)
    assert fill(measured(request_s, byte_s)) == pytest.approx(MAX_WAIT_S / each_s, rel=0.02)


def test_few_large_webhooks_are_as_much_work_as_many_small_ones() -> None:
    assert fill(measured(0.0003, 0.1e-6), 250_000) == 3
    assert fill(measured(1.0, 1.0)) == ALWAYS_WEBHOOKS, "however slow it is"
    assert fill(measured(1.0, 1.0), ALWAYS_BYTES) == 1


def test_nothing_more_may_wait_while_the_disk_stands_still() -> None:
    backlog = Backlog()
    for _ in range(40):
        backlog.add(BODY)
    backlog.begin(100.0, 0.0)
    assert not backlog.is_full(100.0 + STALL_S)
    assert backlog.is_full(100.1 + STALL_S)
    backlog.end(10, 10 * BODY, None, 0.0)
    assert backlog.webhooks == 30
    backlog.begin(200.0, 0.0)
    assert not backlog.is_full(300.0), "some may always wait"


def test_little_work_and_what_failed_say_nothing_about_the_speed() -> None:
    backlog, untouched = Backlog(), fill(Backlog())
    for _ in range(100):
        backlog.add(10)
        backlog.begin(0.0, 0.0)
        backlog.end(1, 10, 5.0, 5.0)
        backlog.add(10_000)
        backlog.begin(0.0, 0.0)
        backlog.end(1, 10_000, None, 5.0)
    assert fill(backlog) == untouched


def test_work_of_exactly_the_limit_may_wait() -> None:
    backlog = Backlog()
    backlog.add(600_000)
    assert not backlog.is_full(0.0)
    backlog.add(1)
    assert backlog.is_full(0.0)


@pytest.mark.parametrize(
    ("webhooks", "body_bytes", "most"),
    [(15, 4095, 121), (16, 0, ALWAYS_WEBHOOKS), (15, 4096, ALWAYS_WEBHOOKS)],
)
def test_the_least_work_of_which_the_speed_is_learned(webhooks: int, body_bytes: int, most: int) -> None:
    backlog = Backlog()
    for _ in range(webhooks):
        backlog.add(0)
    backlog.begin(0.0, 0.0)
    backlog.add(body_bytes)
    backlog.end(webhooks, body_bytes, 100.0, 100.0)
    backlog.end(1, 0, None, 0.0)
    assert fill(backlog, 1) == most


def test_refused_requests_are_served_too() -> None:
    backlog = measured(0.0003, 0.0)
    for _ in range(60):
        for _ in range(10):
            backlog.add(BODY)
        backlog.begin(0.0, 0.0)
        for _ in range(90):
            backlog.refuse(NOW)
        backlog.end(10, 10 * BODY, 0.0, 100 * 0.0001)
    assert fill(backlog) == pytest.approx(MAX_WAIT_S / 0.0001, rel=0.02)


def test_an_overload_is_counted_and_begins_and_ends_once() -> None:
    backlog = Backlog()
    assert backlog.overload_lately(NOW) is None
    assert [backlog.refuse(NOW), backlog.refuse(NOW + 1000)] == [True, False]
    assert backlog.in_overload
    assert backlog.ended(NOW + EPISODE_GAP) is None
    ended = backlog.ended(NOW + 1000 + EPISODE_GAP)
    assert ended is not None
    assert (ended.since, ended.last, ended.refused) == (NOW, NOW + 1000, 2)
    assert backlog.ended(NOW + 2 * EPISODE_GAP) is None
    assert not backlog.in_overload
    assert backlog.overload_lately(NOW + LATELY) is ended
    assert "2 were refused between" in ended.text()
    assert backlog.overload_lately(NOW + 1000 + LATELY) is None
    assert backlog.refuse(NOW + LATELY)
    assert backlog.overload is not None
    assert backlog.overload.refused == 1


def test_a_clock_that_is_set_back_ends_an_overload() -> None:
    """Otherwise none would begin, and operators would be warned of this one, until the clock has caught up."""
    backlog = Backlog()
    assert backlog.refuse(NOW)
    assert backlog.ended(NOW - 3 * LATELY) is not None
    assert backlog.overload_lately(NOW - 3 * LATELY) is None
    assert backlog.refuse(NOW - 3 * LATELY)
