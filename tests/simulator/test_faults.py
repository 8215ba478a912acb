"""Faults, throughput and webhooks, as tables."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wacrmd.simulator.faults import Fault, TokenBucket, code_for, fault_for
from wacrmd.simulator.options import Options
from wacrmd.simulator.updates import UpdateKind, is_early, random_numbers, updates_for

ALL = Options(
    error_share=0.1,
    close_before_share=0.1,
    close_after_share=0.1,
    half_answer_share=0.1,
    hang_share=0.1,
    bad_gateway_share=0.1,
)


@pytest.mark.parametrize(
    ("draw", "fault"),
    [
        (0.0, Fault.ERROR),
        (0.05, Fault.ERROR),
        (0.15, Fault.CLOSE_BEFORE),
        (0.25, Fault.CLOSE_AFTER),
        (0.35, Fault.HALF_ANSWER),
        (0.45, Fault.HANG),
        (0.55, Fault.BAD_GATEWAY),
        (0.65, Fault.NONE),
        (0.999, Fault.NONE),
    ],
)
def test_each_fault_has_its_own_share(draw: float, fault: Fault) -> None:
    assert fault_for(ALL, draw) is fault


def test_without_shares_there_are_no_faults() -> None:
    assert fault_for(Options(), 0.0) is Fault.NONE


def names(options: Options, key: str = "k", number: str = "1", *, button: bool = False) -> list[str]:
    return [s.kind.value for s in updates_for(options, key, number, has_button=button)]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"delivered_share": 0.0}, ["sent"]),
        ({"read_share": 0.0}, ["sent", "delivered"]),
        ({"read_share": 1.0}, ["sent", "delivered", "read"]),
        ({"read_share": 1.0, "replied_share": 1.0}, ["sent", "delivered", "read", "reply"]),
        ({"failed_share": 1.0}, ["failed"]),
        ({"failed_recipients": ("+1=131049",)}, ["failed"]),
        ({"failed_recipients": ("+2=131049",), "read_share": 0.0}, ["sent", "delivered"]),
    ],
)
def test_the_shares_decide_the_webhooks(chosen: dict[str, Any], expected: list[str]) -> None:
    assert names(Options(**chosen)) == expected


@pytest.mark.parametrize(
    ("button_share", "button", "expected"),
    [(1.0, True, UpdateKind.TAP), (1.0, False, UpdateKind.REPLY), (0.0, True, UpdateKind.REPLY)],
)
def test_a_stop_is_a_button_tap_only_if_there_is_a_button(
    button_share: float, button: bool, expected: UpdateKind
) -> None:
    options = Options(read_share=1.0, replied_share=1.0, stop_share=1.0, button_share=button_share)
    last = updates_for(options, "k", "1", has_button=button)[-1]
    assert (last.kind, last.text) == (expected, "STOP")


def test_the_code_of_a_failure_is_the_one_of_the_recipient_or_of_the_list() -> None:
    options = Options(failed_share=1.0, failed_codes=(131026, 131049), failed_recipients=("+1 555=131050",))
    assert updates_for(options, "k", "1555", has_button=False)[0].code == 131050
    codes = {updates_for(options, f"k{n}", "2", has_button=False)[0].code for n in range(50)}
    assert codes == {131026, 131049}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**12), st.text(max_size=30))
def test_the_same_seed_and_key_give_the_same_updates(seed: int, key: str) -> None:
    options = Options(seed=seed, read_share=0.5, delivered_share=0.5, failed_share=0.3, twice_share=0.5)
    assert updates_for(options, key, "1", has_button=True) == updates_for(options, key, "1", has_button=True)
    assert all(0 <= d < 1 for d in random_numbers(seed, key))


def test_updates_come_in_their_shares() -> None:
    options = Options(failed_share=0.2, delivered_share=0.9, read_share=0.5)
    seen = Counter(status for n in range(4000) for status in names(options, f"k{n}"))
    assert seen["failed"] / 4000 == pytest.approx(0.2, abs=0.03)
    assert seen["delivered"] / seen["sent"] == pytest.approx(0.9, abs=0.03)
    assert seen["read"] / seen["delivered"] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("key", ["a", "b", "c", "d", "e"])
def test_shuffled_statuses_are_posted_in_another_order_with_their_own_times(key: str) -> None:
    options = Options(read_share=1.0, shuffle=True)
    updates = updates_for(options, key, "1", has_button=False)
    order = [s.kind.value for s in updates]
    assert sorted(order) == ["delivered", "read", "sent"]
    assert order != ["sent", "delivered", "read"]
    assert [s.post_after_ms for s in updates] == [50, 300, 1000]
    assert {s.kind.value: s.happens_after_ms for s in updates} == {
        "sent": 50,
        "delivered": 300,
        "read": 1000,
    }


def test_late_statuses_are_late_and_doubles_are_marked() -> None:
    updates = updates_for(Options(read_share=0.0, late_ms=700, twice_share=1.0), "k", "1", has_button=False)
    assert [(s.post_after_ms, s.happens_after_ms, s.twice) for s in updates] == [
        (750, 50, True),
        (1000, 300, True),
    ]


@pytest.mark.parametrize(("share", "early"), [(0.0, False), (1.0, True)])
def test_the_share_of_early_statuses_is_kept(share: float, early: bool) -> None:
    assert is_early(Options(early_share=share), "k") is early


@pytest.mark.parametrize(
    ("number", "code"), [("15551230001", 131026), ("4915", 100), ("1555", None), ("", None)]
)
def test_codes_are_found_by_the_digits_of_a_number(number: str, code: int | None) -> None:
    assert code_for(("+1 (555) 123-0001=131026", "4915=100"), number) == code


def test_a_bucket_allows_a_burst_of_one_second_and_then_the_rate() -> None:
    bucket = TokenBucket(10, 0.0)
    assert sum(bucket.take(10, 0.0) for _ in range(50)) == 10
    assert sum(bucket.take(10, 0.5) for _ in range(50)) == 5
    assert sum(bucket.take(10, 100.0) for _ in range(50)) == 10
