"""Denied calls in the audit, and the pace of readers: neither lets a reader take the disk or the event loop."""

import pytest

from wacrmd.admin.identity import Caller
from wacrmd.admin.pace import BURST_S, MAX_USERS, OF_ALL, PER_USER, Pace
from wacrmd.admin.server import SEVERAL
from wacrmd.domain.actor import Level
from wacrmd.domain.summed_calls import INTERVAL_S, MAX_CAUSES, SummedCalls


def reader(uid: int, pid: int = 1) -> Caller:
    return Caller(pid, uid, uid, f"user{uid}", Level.READ)


def test_the_first_call_of_a_method_is_written_and_the_others_are_one_entry() -> None:
    denials = SummedCalls(lambda caller: caller.uid, SEVERAL)
    assert denials.admit(reader(7), "account.add", 0) == reader(7)
    assert denials.admit(reader(7), "account.remove", 0) == reader(7)
    assert [denials.admit(reader(7, pid), "account.add", 1) for pid in range(4)] == [None] * 4
    assert denials.due(INTERVAL_S - 1) == []
    (denial,) = denials.due(INTERVAL_S)
    assert (denial.caller, denial.method, denial.calls) == (reader(7, 3), "account.add", 4)


def test_some_calls_may_be_written_before_the_others_are_summed_up() -> None:
    calls = SummedCalls(lambda caller: caller.uid, SEVERAL, at_once=3)
    shown = [calls.admit(reader(7), "login", 0) is not None for _ in range(5)]
    assert shown == [True, True, True, False, False]
    assert [each.calls for each in calls.due(INTERVAL_S)] == [2]
    assert calls.admit(reader(7), "login", INTERVAL_S) is None
    calls.due(2 * INTERVAL_S)
    assert calls.due(3 * INTERVAL_S) == []
    assert calls.admit(reader(7), "login", 4 * INTERVAL_S) is not None


def test_who_goes_on_gets_an_entry_a_minute() -> None:
    denials = SummedCalls(lambda caller: caller.uid, SEVERAL)
    entries = calls = 0
    for second in range(600):
        entries += denials.admit(reader(7), "account.add", second) is not None
        summed = denials.due(second)
        entries, calls = entries + len(summed), calls + sum(each.calls for each in summed)
    assert (entries, calls) == (10, 540)
    assert [each.calls for each in denials.due(None)] == [600 - 1 - 540]


def test_a_user_with_thousands_of_ids_is_several_users() -> None:
    """Who owns subordinate ids (subuid(5)) can connect as each of them."""
    denials = SummedCalls(lambda caller: caller.uid, SEVERAL)
    shown = [denials.admit(reader(uid), "account.add", 0) for uid in range(65536)]
    written = [each for each in shown if each is not None]
    assert len(written) == MAX_CAUSES + 1
    assert written[-1] == SEVERAL
    assert [each.calls for each in denials.due(None)] == [65536 - len(written)]


def test_a_reader_waits_for_a_turn_after_a_burst() -> None:
    pace = Pace()
    delays = [pace.delay_s(7, 1000.0) for _ in range(300)]
    assert sum(delay == 0 for delay in delays) == BURST_S * PER_USER + 1
    assert round(delays[-1], 6) == (300 - 1) / PER_USER - BURST_S
    assert pace.delay_s(8, 1000.0) == 0
    assert pace.delay_s(7, 2000.0) == 0


@pytest.mark.exhaustive(only=True)
def test_all_readers_together_have_a_pace_and_are_not_remembered_for_ever() -> None:
    pace = Pace()
    delays = [pace.delay_s(uid, 1000.0) for uid in range(65536)]
    assert delays[-1] > 65536 / OF_ALL - BURST_S - 1
    assert len(pace._next_s) <= MAX_USERS + 2
    pace.delay_s(1, 10_000.0)
    assert len([pace.delay_s(uid, 10_000.0) for uid in range(MAX_USERS)]) == MAX_USERS
    assert len(pace._next_s) <= MAX_USERS + 2
