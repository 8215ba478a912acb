"""A timeline looks at a bounded number of rows, and at no row of another broadcast."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from wacrmd.store import timeline
from wacrmd.store.timeline import ALL_ROWS, SAMPLE_ROWS

SCHEMA = Path(timeline.__file__).parent / "migrations" / "0001_initial.sql"


@pytest.fixture
def tx() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as made:
        made.executescript(SCHEMA.read_text())
        yield made


def store(tx: sqlite3.Connection, broadcast: int, count: int) -> None:
    """People of a broadcast, sent to each millisecond, and read a second later by every second one."""
    tx.execute(
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2) INSERT INTO recipient"
        " (broadcast_id, \"to\", status, sent_at, delivered_at, read_at) SELECT ?1, i, iif(i % 2, 'sent', 'read'),"
        " i, iif(i % 2, NULL, i), iif(i % 2, NULL, i + 1000) FROM n",
        (broadcast, count),
    )


@pytest.mark.parametrize("count", [1, 2, 999, ALL_ROWS])
def test_a_small_broadcast_is_counted_exactly(tx: sqlite3.Connection, count: int) -> None:
    store(tx, 1, 10)
    store(tx, 2, count)
    store(tx, 3, 10)
    which = timeline.sample(tx, 2, count)
    assert which.step == 1
    assert timeline.last_at(tx, which) == 1000 + (count - 1) // 2 * 2
    found = timeline.counts(tx, which, start=0, width=1000, until=10**9)
    assert sum(number for stage, _, number in found if stage == "sent") == count
    assert sum(number for stage, _, number in found if stage == "read") == (count + 1) // 2
    assert {place for stage, place, _ in found if stage == "sent"} == set(range(-(-count // 1000)))


def test_a_broadcast_without_people_has_nothing(tx: sqlite3.Connection) -> None:
    store(tx, 1, 10)
    which = timeline.sample(tx, 2, 0)
    assert timeline.last_at(tx, which) == 0
    assert timeline.counts(tx, which, start=0, width=1, until=10) == []


def test_a_large_broadcast_is_estimated_from_few_rows(tx: sqlite3.Connection) -> None:
    count = 3 * ALL_ROWS + 7
    store(tx, 1, count)
    which = timeline.sample(tx, 1, count)
    found = timeline.counts(tx, which, start=0, width=count, until=10**9)
    looked = sum(number for stage, _, number in found if stage == "sent")
    assert looked <= SAMPLE_ROWS
    assert abs(looked * which.step - count) <= which.step


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("count", [1, ALL_ROWS // 4, ALL_ROWS])
def test_a_broadcast_whose_people_came_in_between_those_of_others(tx: sqlite3.Connection, count: int) -> None:
    """A program fills a draft while others are sent."""
    parts = 4
    for _ in range(parts):
        store(tx, 2, count)
        store(tx, 1, 3 * count + 9)
    store(tx, 2, 1)
    which = timeline.sample(tx, 2, parts * count + 1)
    assert which.is_scattered
    found = timeline.counts(tx, which, start=0, width=count, until=10**9)
    looked = sum(number for stage, _, number in found if stage == "sent")
    assert looked <= ALL_ROWS
    assert abs(looked * which.step - (parts * count + 1)) <= which.step
    read = sum(number for stage, _, number in found if stage == "read")
    assert abs(read * which.step - parts * ((count + 1) // 2)) <= 2 * which.step
    assert timeline.last_at(tx, which) <= 1000 + count


def test_what_came_later_or_earlier_than_the_time_that_is_wanted(tx: sqlite3.Connection) -> None:
    store(tx, 1, 100)
    which = timeline.sample(tx, 1, 100)
    found = timeline.counts(tx, which, start=50, width=10, until=80)
    assert [(place, number) for stage, place, number in found if stage == "sent"] == [
        (0, 60),
        (1, 10),
        (2, 10),
    ]
    assert not [each for each in found if each[0] == "read"]
