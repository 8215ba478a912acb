"""The hold of a broadcast: the first reason in a fixed order, or none."""

from dataclasses import replace

import pytest

from wacrmd.domain.broadcast import Broadcast, BroadcastKind, BroadcastStatus, Counted, Progress
from wacrmd.domain.broadcast_hold import broadcast_hold, idle_hold, pace_hold, waiting_hold
from wacrmd.domain.drain import Drain
from wacrmd.domain.hold import Hold, HoldReason
from wacrmd.domain.number import Number, NumberState
from wacrmd.domain.send_between import SendBetween

NOW = 1_795_000_000_000
PAUSED = Hold(HoldReason.PAUSED_BY_OPERATOR, "Paused by ann", NOW - 1)
STORAGE = Hold(HoldReason.STORAGE, "The disk is full", NOW - 2)
THROTTLED = Hold(HoldReason.THROTTLED, "Meta says slower", NOW - 3)
BROADCAST = Broadcast(
    kind=BroadcastKind.BROADCAST,
    id=1,
    uuid="6f1e2d3c-0000-4000-8000-000000000001",
    account_id="a1",
    number_id="n1",
    name="test",
    template_name="hello",
    template_language="en_US",
    status=BroadcastStatus.SENDING,
    hold=None,
    created_at=NOW - 100,
    updated_at=NOW - 50,
    scheduled_at=None,
    started_at=NOW - 100,
    completed_at=None,
    revision=7,
    kept_counts=None,
)
NUMBER = Number(
    id="n1",
    account_id="a1",
    account="shop",
    phone_number_id="106540352242922",
    waba_id="102290129340398",
    label=None,
    display_phone=None,
    messages_per_second=None,
    is_default=True,
    state=NumberState.ACTIVE,
    hold=None,
    quality=None,
    limit_tier=None,
    verified_name=None,
    checked_at=None,
    created_at=NOW - 100,
    removed_at=None,
    access_token=b"sealed",
)
PAUSED_NUMBER = replace(NUMBER, state=NumberState.PAUSED, hold=Hold(HoldReason.ACCOUNT, "131031", NOW - 9))


def hold(
    broadcast: Broadcast = BROADCAST,
    number: Number | None = NUMBER,
    *,
    pending: int = 3,
    storage: Hold | None = None,
    throughput: Hold | None = None,
    drain: Drain | None = None,
    next_attempt_at: int | None = NOW,
    opens_at: int | None = NOW,
) -> Hold | None:
    progress = replace(Progress.of(Counted()), total_recipients=9, pending_count=pending)
    waiting = None
    if next_attempt_at is not None:
        waiting = waiting_hold(broadcast, pending, next_at=next_attempt_at, opens_at=opens_at, now=NOW)
    return broadcast_hold(
        broadcast, progress, number, storage=storage, throughput=throughput, drain=drain, waiting=waiting
    )


def reason(found: Hold | None) -> str | None:
    return found.reason.value if found else None


def test_a_sending_broadcast_is_not_held() -> None:
    assert hold() is None


def test_a_paused_broadcast_gives_the_reason_of_its_pause_before_any_other() -> None:
    paused = replace(BROADCAST, status=BroadcastStatus.PAUSED, hold=PAUSED)
    assert hold(paused, PAUSED_NUMBER, storage=STORAGE, drain=Drain(NOW)) == PAUSED


@pytest.mark.parametrize(
    "status", [BroadcastStatus.SCHEDULED, BroadcastStatus.SENT, BroadcastStatus.CANCELLED]
)
def test_a_broadcast_that_is_neither_sending_nor_scheduled_is_not_held(status: BroadcastStatus) -> None:
    assert hold(replace(BROADCAST, status=status), PAUSED_NUMBER, storage=STORAGE) is None


def test_a_broadcast_without_pending_recipients_is_not_held_and_one_for_a_single_person_is() -> None:
    assert hold(number=PAUSED_NUMBER, pending=0, next_attempt_at=None) is None
    assert reason(hold(number=PAUSED_NUMBER, pending=1)) == "number_paused"


def test_the_reasons_come_in_a_fixed_order() -> None:
    """Each line removes the first reason. Reasons that need an operator come before those that end by themselves."""
    retry = NOW + 5000
    removed = replace(NUMBER, removed_at=NOW, access_token=b"")
    steps = [
        hold(number=removed, storage=STORAGE),
        hold(number=PAUSED_NUMBER, storage=STORAGE),
        hold(storage=STORAGE, throughput=THROTTLED, drain=Drain(NOW), next_attempt_at=retry),
        hold(throughput=THROTTLED, drain=Drain(NOW), next_attempt_at=retry),
        hold(drain=Drain(NOW - 7), next_attempt_at=retry),
        hold(next_attempt_at=retry),
        hold(),
    ]
    assert [reason(found) for found in steps] == [
        "number_removed",
        "number_paused",
        "storage",
        "throttled",
        "draining",
        "waiting_for_retry",
        None,
    ]


def test_a_removed_number_holds_its_broadcast() -> None:
    assert hold(number=None) == Hold(
        HoldReason.NUMBER_REMOVED,
        "Its number was removed: cancel it, and make a new broadcast from another number",
        BROADCAST.updated_at,
    )


def test_a_paused_number_gives_its_own_reason_and_time() -> None:
    assert hold(number=PAUSED_NUMBER) == Hold(
        HoldReason.NUMBER_PAUSED, "Number 106540352242922 is paused: 131031", NOW - 9
    )


def test_a_drain_holds_since_it_began() -> None:
    assert hold(drain=Drain(NOW - 7)) == Hold(
        HoldReason.DRAINING, "The daemon is draining: sending continues after its restart", NOW - 7
    )


@pytest.mark.parametrize(
    ("next_attempt_at", "held"),
    [(NOW + 1, True), (NOW, False), (None, False)],
    ids=["all of them wait", "the first is due", "one is in flight"],
)
def test_a_retry_holds_a_broadcast_only_if_every_pending_recipient_waits_for_one(
    next_attempt_at: int | None, held: bool
) -> None:
    found = hold(next_attempt_at=next_attempt_at)
    assert (reason(found) == "waiting_for_retry") is held
    if found is not None:
        assert found.since == BROADCAST.updated_at
        assert found.detail == "3 people are tried again, the first at 2026-11-18T11:06:40.001Z"


@pytest.mark.parametrize(
    ("opens_at", "wanted"), [(NOW, "waiting_for_retry"), (NOW + 5000, "hours"), (None, "hours")]
)
def test_who_waits_outside_of_the_hours_waits_for_them_and_not_for_a_retry(
    opens_at: int | None, wanted: str
) -> None:
    broadcast = replace(BROADCAST, send_between=SendBetween("09:00", "20:00"))
    found = hold(broadcast, next_attempt_at=NOW + 5000, opens_at=opens_at)
    assert reason(found) == wanted
    assert found is not None
    assert found.detail.endswith("2026-11-18T11:06:45.000Z")
    assert reason(
        hold(replace(broadcast, send_between=None), next_attempt_at=NOW + 5000, opens_at=opens_at)
    ) == ("waiting_for_retry")


def test_one_person_who_waits_is_told_as_one() -> None:
    broadcast = replace(BROADCAST, send_between=SendBetween("09:00", "20:00"))
    at = "2026-11-18T11:06:45.000Z"
    hours = hold(broadcast, pending=1, next_attempt_at=NOW + 5000, opens_at=NOW + 5000)
    retry = hold(pending=1, next_attempt_at=NOW + 5000)
    assert hours == Hold(
        HoldReason.HOURS,
        f"1 person waits for the hours 09:00-20:00 at each person's place, the first until {at}",
        BROADCAST.updated_at,
    )
    assert retry == Hold(
        HoldReason.WAITING_FOR_RETRY, f"1 person is tried again, the first at {at}", BROADCAST.updated_at
    )
    several = hold(broadcast, pending=2, next_attempt_at=NOW + 5000, opens_at=NOW + 5000)
    assert several is not None
    assert several.detail.startswith("2 people wait for the hours")


def test_a_slow_pace_holds_until_its_next_message() -> None:
    assert pace_hold(BROADCAST, None) is None
    assert pace_hold(BROADCAST, NOW) == Hold(
        HoldReason.PACE,
        "It is sent slowly, as it was asked for: the next message goes at 2026-11-18T11:06:40.000Z",
        BROADCAST.updated_at,
    )


def test_messages_that_meta_holds_back_are_told_by_how_and_since_the_first() -> None:
    since = (("held_for_quality_assessment", 3, NOW - 5), ("paused", 1, NOW - 8))
    progress = replace(Progress.of(Counted()), held=since)
    found = idle_hold(replace(BROADCAST, status=BroadcastStatus.SENT), progress)
    assert found == Hold(
        HoldReason.HELD_BY_META,
        "Meta holds messages back (3 held_for_quality_assessment, 1 paused): it sends or drops them once it has seen how"
        " people react to others",
        NOW - 8,
    )
