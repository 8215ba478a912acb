"""Whatever order payloads come in, once or twice, who is opted out in the end is the same."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import pytest

from tests.store.rows import N1, NOW, database, opted_out
from tests.store.test_people import resume, stop
from tests.support.exhaustive import spread
from wacrmd.clock import SECOND
from wacrmd.domain.person import names
from wacrmd.store import people
from wacrmd.store.database import Tx
from wacrmd.store.people import Sighting

ORDERS = 30
"""How many are tried of those of a scenario, which has up to 720."""

A, B, C = "+14155550101", "+14155550102", "+14155550103"
UA, UB, UC, UN, P = "US.1", "US.2", "US.3", "US.9", "US.ENT.1"


@dataclass(frozen=True)
class Event:
    """A message, a preference or a system message (with `previous`), so many seconds after the start."""

    at: int
    addresses: tuple[str, ...]
    says: str = "hi"
    previous: tuple[str, ...] = ()


def hi(at: int, *addresses: str) -> Event:
    return Event(at, addresses)


def no(at: int, *addresses: str) -> Event:
    return Event(at, addresses, "stop")


def yes(at: int, *addresses: str) -> Event:
    return Event(at, addresses, "resume")


def moved(at: int, *previous: str, to: tuple[str, ...]) -> Event:
    return Event(at, to, previous=previous)


SCENARIOS: dict[str, tuple[list[Event], set[str]]] = {
    "a stop after an announced number": ([hi(1, A, UA), moved(3, A, to=(B,)), no(5, B, UB)], {A, B, UA, UB}),
    "a stop before it": ([no(1, A, UA), moved(3, A, to=(B,)), hi(5, B, UB)], {A, B, UA, UB}),
    "a return after it": ([no(1, A, UA), moved(3, A, to=(B,)), hi(5, B, UB), yes(9, UB)], set()),
    "the new id alone": (
        [hi(1, A, UA), moved(3, A, to=(B,)), hi(5, B, UB), no(6, UB)],
        {A, B, UA, UB},
    ),
    "with all ids": (
        [hi(1, A, UA), moved(3, A, UA, to=(B, UB)), no(5, B, UB), hi(2, UA)],
        {A, B, UA, UB},
    ),
    "with the new id": ([no(1, A, UA), moved(3, A, to=(B, UB)), hi(5, UB)], {A, B, UA, UB}),
    "with the old id": ([no(1, UA), moved(3, A, UA, to=(B,)), hi(5, B, UB)], {A, B, UA, UB}),
    "two numbers without ids": ([no(1, A), moved(3, A, to=(B,)), moved(5, B, to=(C,))], {A, B, C}),
    "a stop at the end of two": ([moved(3, A, to=(B,)), moved(5, B, to=(C,)), no(7, C)], {A, B, C}),
    "a stop in the middle of two": (
        [moved(3, A, to=(B,)), no(4, B), moved(5, B, to=(C,)), hi(6, C, UC)],
        {A, B, C, UC},
    ),
    "two numbers with known ids": (
        [no(1, A, UA), moved(3, A, to=(B,)), hi(4, B, UB), moved(5, B, to=(C,)), hi(7, C, UC)],
        {A, B, C, UA, UB, UC},
    ),
    "the last of two numbers stops": (
        [hi(1, A, UA), moved(3, A, to=(B,)), hi(4, B, UB), moved(5, B, to=(C,)), no(7, UC), hi(8, C, UC)],
        {A, B, C, UA, UB, UC},
    ),
    "the old number's next holder": (
        [moved(2, A, to=(B,)), no(1, A, UA), hi(4, A, UN), hi(6, B, UB)],
        {A, B, UA, UB, UN},
    ),
    "the old number's next holder, with ids": (
        [moved(2, A, UA, to=(B, UB)), no(1, A, UA), hi(4, A, UN)],
        {A, B, UA, UB, UN},
    ),
    "the old number's next holder stops": (
        [hi(1, A, UA), moved(2, A, to=(B,)), no(4, A, UN), hi(6, B, UB)],
        {A, UN},
    ),
    "the mover stops when the old number has a next holder": (
        [hi(1, A, UA), moved(2, A, to=(B,)), hi(4, A, UN), no(6, B, UB)],
        {B, UA, UB},
    ),
    "the new number had a holder": ([hi(1, A, UA), hi(2, B, UN), moved(4, A, to=(B,)), no(6, UN)], {UN}),
    "a changed id": ([no(1, A, UA), moved(3, UA, to=(UB,)), hi(5, A, UB)], {A, UA, UB}),
    "changed ids": (
        [no(1, UA), moved(3, UA, to=(UB,)), moved(5, UB, to=(UN,)), hi(6, A, UN)],
        {A, UA, UB, UN},
    ),
    "there and back": (
        [no(1, A, UA), moved(2, A, UA, to=(B, UB)), moved(4, B, UB, to=(A, UA))],
        {A, B, UA, UB},
    ),
    "another holder": ([no(1, A, UA), hi(3, A, UN)], {A, UA, UN}),
    "another holder returns": ([no(1, A, UA), hi(3, A, UN), yes(5, UN, A)], {UA}),
    "another holder stops": ([hi(1, A, UA), hi(3, A, UN), no(5, UN)], {A, UN}),
    "the former holder stops": ([hi(1, A, UA), hi(3, A, UN), no(5, UA)], {UA}),
    "stop, return, stop": ([no(1, A), yes(3, A, UA), no(5, UA)], {A, UA}),
    "stop, stop, and a return before": ([no(1, A, UA), yes(2, UA), no(4, A)], {A, UA}),
    "a parent id": ([no(1, P), hi(3, A, UA, P), moved(5, UA, to=(UB,))], {A, UA, UB, P}),
    "a number without ids": ([moved(2, A, to=(B,)), no(4, B)], {A, B}),
}


BY_PHONE: dict[str, tuple[list[Event], set[str]]] = {
    "the next holder stops": ([hi(1, A, UA), hi(3, A, UN), no(5, A)], {A, UN}),
    "who moved to it stops": ([hi(1, A, UA), hi(2, B, UN), moved(4, A, to=(B,)), no(6, B)], {A, B, UA}),
    "both holders stop": ([no(1, A, UA), hi(3, A, UN), no(5, A), hi(6, UN)], {A, UA, UN}),
}
"""Stops by the phone alone: perhaps they are taken for those of an earlier holder too."""

NEXT_HOLDER = [hi(1, A, UA), moved(3, A, to=(B,)), hi(5, B, UB), hi(7, B, UN), no(9, UN)]
"""Of a changed number: whose id is seen with it first is taken for the one who changed it."""


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Tx]:
    with database(tmp_path) as connection:
        yield connection


def suppressed_after(tx: Tx, events: list[Event], concerned: set[str]) -> frozenset[str]:
    """Who is opted out after these payloads, in this order; afterwards nothing is stored."""
    tx.execute("SAVEPOINT before")
    told = set[Event]()
    for event in events:
        if event.previous and event in told:  # Meta repeats system messages, and each counts once
            continue
        told.add(event)
        at = NOW + event.at * SECOND
        user_ids = [each for each in event.addresses if not each.startswith("+")]
        phones = [each for each in event.addresses if each.startswith("+")]
        named = names(*phones, user_ids=user_ids, previous=event.previous)
        (person_id,) = people.see(
            tx, [Sighting(N1.account_id, named, at, N1.waba_id)], NOW + 100 * SECOND
        ).people
        assert person_id is not None
        if event.says == "stop":
            stop(tx, person_id, at, phone=next(iter(phones), None), user_id=next(iter(user_ids), None))
        elif event.says == "resume":
            resume(tx, person_id, at)
    found = opted_out(tx, *concerned)
    tx.execute("ROLLBACK TO before")
    return frozenset(found)


@pytest.mark.exhaustive(enough=14)
@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("doubled", [False, True])
def test_in_any_order_the_same_people_are_opted_out(tx: Tx, name: str, *, doubled: bool) -> None:
    events, expected = SCENARIOS[name]
    concerned = {one for event in events for one in (*event.addresses, *event.previous)}
    chance = random.Random(5)
    wrong = dict[tuple[int, ...], frozenset[str]]()
    for order in spread(permutations(range(len(events))), ORDERS):
        told = list(order)
        for index in order if doubled else ():
            told.insert(chance.randint(told.index(index) + 1, len(told)), index)
        found = suppressed_after(tx, [events[index] for index in told], concerned)
        if found != expected:
            wrong[tuple(told)] = found
    assert not wrong


@pytest.mark.exhaustive
def test_who_says_stop_is_opted_out_in_any_order_though_it_is_not_certain_who_that_is(tx: Tx) -> None:
    found = {
        order: suppressed_after(tx, [NEXT_HOLDER[index] for index in order], {A, B, UA, UB, UN})
        for order in spread(permutations(range(len(NEXT_HOLDER))), ORDERS)
    }
    assert found[0, 1, 2, 3, 4] == {B, UN}
    assert [order for order, people in found.items() if not people >= {B, UN}] == []


@pytest.mark.parametrize("name", BY_PHONE)
def test_a_stop_by_the_phone_alone_is_that_of_who_had_it_then_in_any_order(tx: Tx, name: str) -> None:
    events, stopped = BY_PHONE[name]
    concerned = {one for event in events for one in (*event.addresses, *event.previous)}
    missed = {
        order: missing
        for order in permutations(range(len(events)))
        if (missing := stopped - suppressed_after(tx, [events[index] for index in order], concerned))
    }
    assert not missed
