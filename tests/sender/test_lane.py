"""The lane of one number: turns, rate and room together. Every call gets the time."""

import pytest

from wacrmd.clock import SECOND
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.throughput import ThroughputState
from wacrmd.sender.lane import LIMITED_S, LOST_S, OVERCOMMITTED_ROOM_BATCH, Lane
from wacrmd.sender.room import FIRST_AFTER_SILENCE, MANY, MAX_UNANSWERED_STREAK, MAX_UNTIL_FIRST_ANSWER

NOW = 1_795_000_000_000
AT = 1000.0


def lane_of(rate: float = 80, share: int = 256) -> Lane:
    lane = Lane(rate, NOW)
    lane.share = share
    return lane


def send(lane: Lane, count: int, at: float = AT, start: int = 0) -> list[tuple[int, int]]:
    """Start that many requests, or as many as are granted."""
    granted = lane.acquire(count, NOW + round((at - AT) * SECOND), at)
    requests = [(start + index, 1) for index in range(granted)]
    for request in requests:
        lane.room.start(request, at)
    return requests


def test_one_turn_is_under_way_at_a_time() -> None:
    lane = lane_of()
    assert lane.take_turn(1, AT), "nobody else waits"
    assert not lane.take_turn(1, AT), "a second job of the same broadcast"
    assert not lane.take_turn(2, AT)
    assert lane.give_turn(AT) is None
    lane.line.end_turn(1, has_more=True)
    lane.end_turn()
    assert lane.give_turn(AT) == 2
    assert not lane.take_turn(1, AT), "it is the turn of 2"
    assert lane.take_turn(2, AT)
    lane.line.end_turn(2, has_more=False)
    lane.end_turn()
    assert lane.give_turn(AT) == 1


def test_a_turn_that_was_not_used_keeps_its_place() -> None:
    lane = lane_of()
    lane.take_turn(1, AT)
    lane.take_turn(2, AT)
    lane.return_turn(1)
    assert lane.turn == 1, "it claims"
    lane.end_turn()
    assert lane.turn is None
    assert 1 in lane.line
    lane.give_turn(AT)
    lane.return_turn(lane.line.first() or 0)
    assert lane.turn is None, "its job was not stored"


def test_a_job_that_was_lost_loses_its_turn_and_one_that_claims_does_not() -> None:
    lane = lane_of()
    lane.line.add(1)
    assert lane.give_turn(AT) == 1
    lane.forget_lost_turn(AT + LOST_S)
    assert lane.turn == 1
    lane.forget_lost_turn(AT + LOST_S + 0.1)
    assert lane.give_turn(AT + 6) == 1
    assert lane.take_turn(1, AT + 6)
    lane.forget_lost_turn(AT + 60)
    assert lane.turn == 1


def test_a_broadcast_that_waits_for_a_result_takes_no_turn_until_then() -> None:
    lane = lane_of()
    lane.take_turn(1, AT)
    lane.set_aside(1)
    lane.end_turn()
    assert not lane.take_turn(1, AT)
    assert not lane.line
    assert lane.put_back(1)
    assert not lane.put_back(1)
    assert lane.take_turn(1, AT)
    lane.end_turn()
    lane.leave(1)
    assert (lane.turn, len(lane.line), lane.is_active) == (None, 0, False)


def test_the_next_turn_is_when_tokens_come_or_a_request_ends() -> None:
    lane = lane_of(rate=80, share=8)
    assert lane.wait(NOW, AT, 256) == 0
    requests = send(lane, 8)
    assert len(requests) == 8
    assert lane.wait(NOW, AT, 256) is None, "all its places are taken"
    lane.answered(requests[0], NOW, AT + 0.1, accepted=True)
    assert lane.wait(NOW, AT, 256) == 13, "one place is free: one token"
    assert lane.wait(NOW + 13, AT, 256) == 0
    assert lane.wait(NOW + 13, AT, 0) is None, "other numbers have all places"


def test_a_number_waits_until_some_of_its_places_are_free() -> None:
    lane = lane_of(rate=1000, share=32)
    requests = send(lane, 32)
    for request in requests[:3]:
        lane.answered(request, NOW, AT + 0.1, accepted=True)
    assert lane.wait(NOW + SECOND, AT + 1, 256) is None
    lane.answered(requests[3], NOW, AT + 0.1, accepted=True)
    assert lane.wait(NOW + SECOND, AT + 1, 256) == 0


def test_a_number_that_shares_more_than_all_places_waits_for_more_free_ones() -> None:
    lane = lane_of(rate=1000, share=32)
    lane.room_batch = OVERCOMMITTED_ROOM_BATCH
    requests = send(lane, 32)
    for request in requests[:7]:
        lane.answered(request, NOW, AT + 0.1, accepted=True)
    assert lane.wait(NOW + SECOND, AT + 1, 256) is None
    lane.answered(requests[7], NOW, AT + 0.1, accepted=True)
    assert lane.wait(NOW + SECOND, AT + 1, 256) == 0


def test_with_few_places_each_one_is_used_again() -> None:
    lane = lane_of(rate=80, share=12)
    requests = send(lane, 8) + send(lane, 4, AT + 1, start=8)
    assert len(requests) == 12
    lane.answered(requests[0], NOW + SECOND, AT + 1, accepted=True)
    assert lane.wait(NOW + 2 * SECOND, AT + 1.1, 256) == 0


def test_a_number_that_has_all_that_it_needs_is_not_limited() -> None:
    lane = lane_of(rate=1000)
    requests = send(lane, 100)
    assert len(requests) == MAX_UNTIL_FIRST_ANSWER
    for place in (None, requests[0]):
        if place is not None:
            lane.room.dropped(place)
        assert lane.wait(NOW, AT, 256) is None, "it waits until some places are free"
        assert not lane.state(NOW, AT, int).is_limited


def test_a_blocked_number_wants_the_places_that_it_occupies_and_a_batch_to_begin_with() -> None:
    lane = lane_of()
    assert lane.wanted(NOW, AT, 0) == lane.need(NOW, AT) == MAX_UNTIL_FIRST_ANSWER
    lane.limiter.block(NOW, SECOND, HoldReason.MAINTENANCE, "503")
    assert lane.wanted(NOW, AT, 0) == 4, "80 a second: 3.2"
    assert lane.wanted(NOW + SECOND, AT + 1, 0) == MAX_UNTIL_FIRST_ANSWER
    requests = send(lane, 8, AT + 1)
    lane.limiter.block(NOW + SECOND, SECOND, HoldReason.MAINTENANCE, "503")
    lane.share = lane.wanted(NOW + SECOND, AT + 1, 0)
    assert lane.share == len(requests) + 4
    assert lane.wanted(NOW + SECOND, AT + 1, 5) == 7, "without those that hang"
    assert lane.wanted(NOW + SECOND, AT + 1, 100) == 0
    assert lane.wait(NOW + SECOND, AT + 1, 256) == SECOND, "it begins when the block ends"
    assert not lane.state(NOW + 2 * SECOND, AT + 2, int).is_limited


def test_what_is_not_sent_is_given_back() -> None:
    lane = lane_of()
    assert lane.acquire(5, NOW, AT) == lane.room.in_flight == 5
    lane.release(2)
    assert lane.room.in_flight == 3
    assert lane.acquire(100, NOW, AT) == 5


def test_a_new_lane_may_use_one_place_and_is_not_limited() -> None:
    lane = Lane(80, NOW)
    assert lane.free(NOW, 0.0) == 1
    assert lane.state(NOW, 0.0, int) == ThroughputState(80, 80, 0, None, is_limited=False)


def test_grants_add_up_until_their_requests_start() -> None:
    lane = lane_of()
    assert (lane.acquire(3, NOW, AT), lane.acquire(2, NOW, AT)) == (3, 2)
    assert lane.state(NOW, AT, int).in_flight == 5


def test_a_broadcast_that_leaves_gives_its_turn_back_and_waits_for_no_result() -> None:
    lane = lane_of()
    lane.join(1)
    lane.give_turn(AT)
    lane.leave(1)
    assert lane.turn is None
    lane.set_aside(2)
    lane.leave(2)
    assert not lane.put_back(2)


def test_when_meta_does_not_answer_the_hold_says_so_and_the_next_answer_ends_it() -> None:
    lane = lane_of()
    send(lane, 1)
    assert lane.state(NOW + SECOND, AT + 1, int).hold is None
    requests = send(lane, 100, AT + 1, start=10)
    hold = lane.state(NOW + 5100, AT + 5.1, int).hold
    assert hold is not None
    assert (hold.reason, hold.since) == (HoldReason.NO_ANSWER, NOW)
    assert hold.detail == f"no answer from Meta for 5 s, to {1 + len(requests)} requests"
    assert len(send(lane, 100, AT + 5.1, start=200)) == 1, "it asks"
    assert lane.acquire(100, NOW + 6100, AT + 6.1) == 0
    lane.answered(requests[0], NOW + 6100, AT + 6.1, accepted=True)
    assert lane.state(NOW + 6100, AT + 6.1, int).hold is None


def test_one_request_without_an_answer_is_told_although_others_may_start() -> None:
    lane = lane_of()
    send(lane, 1)
    hold = lane.state(NOW + 5 * SECOND, AT + 5, int).hold
    assert hold is not None
    assert hold.detail == "no answer from Meta for 5 s, to 1 request"
    assert lane.free(NOW + 5 * SECOND, AT + 5) == 1
    assert lane.wait(NOW + 5 * SECOND, AT + 5, 256) == 0, "not only when one ends"


def test_a_silence_that_is_noticed_before_a_request_is_overdue_names_one() -> None:
    """Late answers have raised the latency by which requests are overdue."""
    lane = Lane(80, NOW - 4800)
    lane.share = 256
    (slow,), (fast,) = send(lane, 1, AT - 4.8), send(lane, 1, AT - 1, start=1)
    lane.answered(fast, NOW - 900, AT - 0.9, accepted=True)
    lane.answered(slow, NOW, AT, accepted=True)
    assert sum(len(send(lane, 8, AT + n / 10, start=10 + 10 * n)) for n in range(3)) >= MANY
    assert lane.state(NOW + 2000, AT + 2, int).hold is None
    hold = lane.state(NOW + 2100, AT + 2.1, int).hold
    assert hold is not None
    assert hold.detail == "no answer from Meta for 2 s, to 1 request"


@pytest.mark.parametrize(
    ("hanging", "answering", "share", "told"),
    [(2, 2, 4, "2 requests"), (1, 0, 1, "1 request"), (1, 2, 3, None), (2, 2, 5, None)],
)
def test_when_half_of_the_requests_hang_and_fill_the_room_that_is_told(
    hanging: int, answering: int, share: int, told: str | None
) -> None:
    """The others are answered, so that it is no silence."""
    lane = lane_of()
    send(lane, hanging)
    (answered,) = send(lane, 1, AT, start=10)
    lane.answered(answered, NOW, AT + 0.1, accepted=True)
    (late,) = send(lane, 1, AT + 1, start=11)
    send(lane, answering, AT + 1, start=20)
    lane.answered(late, NOW + 1900, AT + 1.9, accepted=True)
    lane.share = share
    hold = lane.state(NOW + 2100, AT + 2.1, int).hold
    assert (hold.detail if hold else None) == (
        told and f"no answer from Meta to {told}, the oldest for 2 s, while it answers others"
    )


def test_a_number_whose_requests_ended_in_a_silence_stays_silent_and_asks_on() -> None:
    lane = lane_of(rate=20)
    lane.join(1)
    requests = send(lane, 2)
    for request in requests:
        lane.unanswered(request, NOW + 20 * SECOND, AT + 20, "no answer within 20 s", was_sent=True)
    hold = lane.state(NOW + 21 * SECOND, AT + 21, int).hold
    assert hold is not None
    assert (hold.reason, hold.detail) == (
        HoldReason.NO_ANSWER,
        "no answer from Meta for 21 s, to 2 requests",
    )
    (probe,) = send(lane, 10, AT + 22, start=10)
    assert lane.free(NOW + 23 * SECOND, AT + 23) == 0, "one at a time"
    lane.answered(probe, NOW + 23 * SECOND, AT + 23, accepted=True)
    assert lane.state(NOW + 23 * SECOND, AT + 23, int).hold is None
    lane.leave(1)
    (last,) = send(lane, 1, AT + 24, start=20)
    lane.unanswered(last, NOW + 44 * SECOND, AT + 44, "no answer within 20 s", was_sent=True)
    assert lane.state(NOW + 44 * SECOND, AT + 44, int).hold is None, "it has nothing to send"


def test_a_second_silence_is_told_as_one_of_its_own() -> None:
    """Meta has answered meanwhile, though not what it did not answer in the first one."""
    lane = lane_of(rate=20)
    (first,) = send(lane, 1)
    lane.answered(first, NOW + 100, AT + 0.1, accepted=True)
    send(lane, 2, AT + 1, start=10)
    assert hold_of(lane, AT + 13)[1] == "no answer from Meta for 12 s, to 2 requests"
    (probe,) = send(lane, 1, AT + 13, start=20)
    lane.answered(probe, NOW + 13_100, AT + 13.1, accepted=True)
    (after,) = send(lane, 1, AT + 20, start=30)
    lane.answered(after, NOW + 20_100, AT + 20.1, accepted=True)
    send(lane, 1, AT + 21, start=40)
    assert hold_of(lane, AT + 24.1) == (HoldReason.NO_ANSWER, "no answer from Meta for 4 s, to 3 requests", 4)


def test_messages_that_are_not_sent_because_no_connection_can_be_made_are_told_as_that() -> None:
    lane = lane_of(rate=20)
    lane.join(1)
    (first,) = send(lane, 1)
    lane.answered(first, NOW + 100, AT + 0.1, accepted=True)
    (tried,) = send(lane, 1, AT + 1, start=10)
    assert hold_of(lane, AT + 4)[0] is HoldReason.NO_ANSWER, "the cause is not known yet"
    why = "not sent (connect): no connection within 5 s"
    lane.unanswered(tried, NOW + 6 * SECOND, AT + 6, why, was_sent=False)
    told = f"no answer from Meta for 7 s; the last message was {why}"
    assert hold_of(lane, AT + 8) == (HoldReason.META_UNREACHABLE, told, 7)
    (probe,) = send(lane, 1, AT + 8, start=11)
    lane.answered(probe, NOW + 8 * SECOND, AT + 8.1, accepted=True)
    send(lane, 1, AT + 20, start=20)
    assert hold_of(lane, AT + 24)[0] is HoldReason.NO_ANSWER


def test_that_few_are_sent_after_a_silence_is_told_if_that_lasts() -> None:
    """Meta answers slowly now: it takes a while until the room is wide again."""
    lane = lane_of(rate=20)
    (first,) = send(lane, 1)
    lane.answered(first, NOW + 100, AT + 0.1, accepted=True)
    (slow,) = send(lane, 1, AT + 1, start=10)
    lane.answered(slow, NOW + 11_000, AT + 11, accepted=True)
    assert len(send(lane, 10, AT + 11.5, start=20)) == FIRST_AFTER_SILENCE
    assert lane.state(NOW + 11_900, AT + 11.9, int).hold is None
    told = "Meta answers again, in 2.6 s: 2 requests wait for it, and with each answer more are sent"
    assert hold_of(lane, AT + 14) == (HoldReason.NO_ANSWER, told, 3)


def hold_of(lane: Lane, at: float) -> tuple[HoldReason, str, int]:
    """The hold of a lane: its reason, its text, and for how many seconds it has held."""
    now = NOW + round((at - AT) * SECOND)
    hold = lane.state(now, at, int).hold
    assert hold is not None
    return hold.reason, hold.detail, round((now - hold.since) / SECOND)


def test_requests_that_end_without_an_answer_block_then_one_at_a_time_probes() -> None:
    lane = lane_of(rate=1000)
    requests = send(lane, 20)
    for request in requests[: MAX_UNANSWERED_STREAK - 1]:
        lane.unanswered(request, NOW, AT, "refused", was_sent=True)
    assert lane.state(NOW, AT, int).hold is None
    for request in requests[MAX_UNANSWERED_STREAK - 1 :]:
        lane.unanswered(request, NOW, AT, "refused", was_sent=True)
    hold = lane.state(NOW, AT, int).hold
    assert hold is not None
    assert hold.reason is HoldReason.META_UNREACHABLE
    assert "refused" in hold.detail
    assert lane.wait(NOW, AT, 256) == SECOND, "a burst of failures is one"
    (probe,) = send(lane, 10, AT + 3, start=100)
    assert lane.wait(NOW + 3 * SECOND, AT + 3, 256) is None, "one probe"
    assert lane.state(NOW + 3 * SECOND, AT + 3, int).hold is not None, "still explained while it is probed"
    lane.unanswered(probe, NOW + 4 * SECOND, AT, "refused", was_sent=True)
    assert lane.wait(NOW + 4 * SECOND, AT + 4, 256) == 2 * SECOND, "twice as long"
    (probe,) = send(lane, 10, AT + 7, start=101)
    lane.answered(probe, NOW + 7 * SECOND, AT + 7, accepted=False)
    assert lane.state(NOW + 7 * SECOND, AT + 7, int).hold is None
    assert len(send(lane, 10, AT + 8, start=200)) > 1


def test_a_person_unblocks_a_number() -> None:
    lane = lane_of()
    for request in send(lane, MAX_UNANSWERED_STREAK):
        lane.unanswered(request, NOW, AT, "refused", was_sent=True)
    lane.unblock()
    assert lane.state(NOW, AT, int).hold is None
    assert lane.acquire(100, NOW + SECOND, AT + 1) > 1


@pytest.mark.parametrize(
    ("share", "is_short", "places", "limited"),
    [(8, True, 256, True), (8, False, 256, False), (256, False, 256, False), (256, False, 0, True)],
    ids=["too small a share", "a share of a moment ago", "nothing", "no place"],
)
def test_it_is_told_for_some_seconds_that_max_in_flight_limits_a_number(
    share: int, is_short: bool, places: int, limited: bool
) -> None:
    lane = lane_of(rate=80, share=share)
    lane.is_short = is_short
    requests = send(lane, 8)
    lane.wait(NOW, AT, places)
    assert not lane.state(NOW, AT, int).is_limited, "it has no tokens either"
    lane.wait(NOW + 100, AT + 0.1, places)
    for request in requests:
        lane.answered(request, NOW, AT + 0.1, accepted=True)
    assert lane.state(NOW, AT + LIMITED_S, int).is_limited is limited
    assert not lane.state(NOW, AT + LIMITED_S + 0.1, int).is_limited
