"""How many webhooks may wait, and when an overload begins and ends."""

import pytest

from wacrmd.services.meta_webhook_backlog import (
    ALWAYS_BYTES,
    EPISODE_GAP,
    LATELY,
    MAX_WAIT_S,
    REQUEST_BYTES,
    Backlog,
)

NOW = 1_795_000_000_000
BODY = 1000


def filled(webhooks: int) -> Backlog:
    backlog = Backlog()
    for _ in range(webhooks):
        backlog.add(BODY)
    return backlog


def stored(backlog: Backlog, webhooks: int, seconds: float) -> None:
    backlog.begin(100.0)
    backlog.end(webhooks, webhooks * BODY, 100.0 + seconds)


def room(seconds_per_webhook: float) -> int:
    """How many webhooks may wait after groups of a hundred that took so long for each."""
    backlog = Backlog()
    for _ in range(50):
        for _ in range(100):
            backlog.add(BODY)
        stored(backlog, 100, 100 * seconds_per_webhook)
    while not backlog.is_full(100.0):
        backlog.add(BODY)
    return backlog.webhooks


def test_as_many_may_wait_as_can_be_stored_in_time() -> None:
    for seconds in (0.0002, 0.0005, 0.001):
        assert room(seconds) == pytest.approx(MAX_WAIT_S / seconds, rel=0.02)


def test_some_may_always_wait() -> None:
    few = ALWAYS_BYTES // (REQUEST_BYTES + BODY)
    assert few == 32
    assert room(1.0) == few + 1
    backlog = filled(few)
    backlog.begin(0.0)
    assert not backlog.is_full(3600.0)


def test_nothing_more_may_wait_while_the_disk_stands_still() -> None:
    backlog = filled(40)
    backlog.begin(100.0)
    assert not backlog.is_full(100.0 + MAX_WAIT_S)
    assert backlog.is_full(100.1 + MAX_WAIT_S)
    backlog.end(40, 40 * BODY, 101.0)
    assert not backlog.is_full(101.0)
    assert backlog.webhooks == 0


def test_a_small_group_says_nothing_about_the_speed() -> None:
    backlog = Backlog()
    for _ in range(100):
        backlog.add(BODY)
        stored(backlog, 1, 0.5)
    while not backlog.is_full(100.0):
        backlog.add(BODY)
    assert backlog.webhooks > 100


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
