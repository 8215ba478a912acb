"""The room in flight of one number, and how all numbers share the places. Every call gets the time."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.exhaustive import spread
from wacrmd.sender.room import (
    FEW,
    FIRST_AFTER_SILENCE,
    MANY,
    MARGIN,
    MAX_PROBE_S,
    MAX_UNANSWERED_STREAK,
    MAX_UNTIL_FIRST_ANSWER,
    OVERCOMMIT,
    PROBE_S,
    PROBES,
    QUIET_S,
    Room,
    shares,
)

START = 1000.0


class Sending:
    """A number that sends at a rate, as far as its room allows; answers come after `latency_s`, or never."""

    def __init__(self, rate: float, timeout_s: float = 7200, *, was_sent: bool = True) -> None:
        self._was_sent = was_sent
        self._timeout_s = timeout_s
        self._began: dict[tuple[int, int], float] = {}
        self.lost = 0
        self.room, self.rate, self.now = Room(), rate, START
        self.batch = max(1.0, rate * 0.04)
        self.sent = 0
        self._due = 0.0
        self._answers: list[tuple[float, tuple[int, int]]] = []
        self._random = Random(1)

    def silent_after(
        self, seconds: float, latency_s: float, hung: float = 0.0, spread: float = 0.0
    ) -> float | None:
        """Send as `run` does until the silence begins: after how many seconds, None if not within `seconds`."""
        began = self.now
        while not self.room.is_silent(self.now):
            if self.now > began + seconds:
                return None
            self.run(0.05, latency_s, hung, spread)
        return self.now - began

    def run(self, seconds: float, latency_s: float, hung: float = 0.0, spread: float = 0.0) -> int:
        """Send for a while, in steps of 10 ms; how many were sent.

        `hung` is the share that gets no answer, `spread` the sigma of log-normal latencies with this median.
        """
        before, end = self.sent, self.now + seconds
        while self.now < end:
            self.now += 0.01
            for due, request in [each for each in self._answers if each[0] <= self.now]:
                self.room.answered(request, self.now)
                self._answers.remove((due, request))
                del self._began[request]
            for request in [each for each, at in self._began.items() if self.now - at >= self._timeout_s]:
                self.room.unanswered(request, self.now, was_sent=self._was_sent)
                del self._began[request]
                self.lost += 1
            self._due = min(self._due + self.rate * 0.01, max(2.0, self.rate * 0.1))
            while self._due >= 1 and self.room.in_flight < self.room.need(self.rate, self.batch, self.now):
                self._due -= 1
                self.room.granted += 1
                request = (self.sent, 1)
                self.room.start(request, self.now)
                self._began[request] = self.now
                if int(self.sent * hung) == int((self.sent + 1) * hung):
                    latency = latency_s * self._random.lognormvariate(0, spread)
                    self._answers.append((self.now + latency, request))
                self.sent += 1
        return self.sent - before


@pytest.mark.exhaustive
@pytest.mark.parametrize("rate", spread([1, 10, 20, 1000, 80], 3))
@pytest.mark.parametrize("latency_s", [0.02, 0.1, 0.6, 1.5])
def test_the_rate_is_reached_at_any_latency(rate: float, latency_s: float) -> None:
    number = Sending(rate)
    number.run(5, latency_s)
    assert number.run(10, latency_s) >= 0.97 * rate * 10
    assert not number.room.is_silent(number.now)


def test_answers_that_become_slower_widen_the_room() -> None:
    number = Sending(80)
    number.run(5, 0.1)
    number.run(10, 1.0)
    assert number.run(10, 1.0) >= 0.97 * 800


@pytest.mark.exhaustive
@pytest.mark.parametrize("rate", spread([1, 10, 20, 1000, 80], 3))
@pytest.mark.parametrize("latency_s", [0.1, 0.4])
def test_when_meta_hangs_few_are_at_risk_and_it_is_told_within_three_seconds(
    rate: float, latency_s: float
) -> None:
    number = Sending(rate)
    number.run(10, latency_s)
    number.run(4, 3600, hung=1.0)
    assert number.room.in_flight <= 2 * rate + 10
    assert number.room.is_silent(number.now)
    assert number.room.need(rate, number.batch, number.now) <= number.room.in_flight + 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("rate", spread([10, 20, 1000, 80], 2))
@pytest.mark.parametrize("latency_s", spread([2.0, 1.0, 1.5], 2))
def test_also_a_slow_meta_that_hangs_is_told_soon_and_few_are_at_risk(rate: float, latency_s: float) -> None:
    number = Sending(rate)
    number.run(20, latency_s)
    assert number.run(10, latency_s) >= 0.97 * rate * 10
    number.run(3 * latency_s + 0.5, 3600, hung=1.0)
    assert number.room.is_silent(number.now)
    assert number.room.in_flight <= 2.01 * rate + 10, "the latency is measured in steps of 10 ms"


@pytest.mark.parametrize("rate", [1, 20, 1000])
def test_when_meta_hangs_from_the_start_few_are_at_risk(rate: float) -> None:
    number = Sending(rate)
    number.run(10, 3600, hung=1.0)
    assert number.room.in_flight <= min(MAX_UNTIL_FIRST_ANSWER + 10 // PROBE_S, 2 * rate + 10)
    assert number.room.is_silent(number.now)


def test_the_next_answer_ends_the_silence_and_the_number_sends_at_its_rate_again() -> None:
    number = Sending(80)
    number.run(5, 0.1)
    number.run(10, 3600, hung=1.0)
    assert number.room.is_silent(number.now)
    number.room.answered((number.sent - 1, 1), number.now)
    assert not number.room.is_silent(number.now)
    assert number.run(10, 0.1) >= 0.97 * 800


@pytest.mark.exhaustive
@pytest.mark.parametrize("rate", spread([10, 20, 1000, 80], 2))
@pytest.mark.parametrize(("latency_s", "hung_s"), [(0.1, 15), (0.1, 40), (1.5, 15)])
def test_in_a_silence_one_request_at_a_time_asks_and_the_first_answer_ends_it(
    rate: float, latency_s: float, hung_s: float
) -> None:
    """Meta has forgotten what it did not answer, and answers what is new: the old requests still wait."""
    number = Sending(rate, timeout_s=20)
    number.run(15, latency_s)
    assert number.silent_after(5, latency_s, hung=1.0) is not None
    assert 1 <= number.run(hung_s, latency_s, hung=1.0) <= hung_s / PROBE_S + 1
    assert number.room.is_silent(number.now)
    assert not number.room.is_probing, "that requests end after the timeout is no news"
    assert number.run(10, latency_s) >= 1, "it asks in time"
    number.run(6 * latency_s, latency_s)
    assert number.run(10, latency_s) >= 0.95 * 10 * rate
    assert not number.room.is_silent(number.now)


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("rate", [1, 10, 80])
def test_in_a_long_silence_no_more_are_at_risk_than_two_seconds_send_and_one_a_minute(rate: float) -> None:
    number = Sending(rate, timeout_s=20)
    number.run(20, 0.1)
    number.run(600, 3600, hung=1.0)
    assert number.lost + number.room.in_flight <= 2 * rate + 10 + 600 / MAX_PROBE_S
    assert number.room.is_silent(number.now)
    assert number.room.oldest_s(number.now) >= 590


@pytest.mark.parametrize("rate", [1, 20])
def test_what_was_not_sent_is_not_lost_so_that_it_asks_on_as_often(rate: float) -> None:
    """No connection can be made: each attempt ends after 5 s, and nothing is at risk."""
    number = Sending(rate, timeout_s=5, was_sent=False)
    number.run(20, 0.1)
    number.run(120, 3600, hung=1.0)
    assert number.room.is_silent(number.now)
    assert number.run(120 / PROBES + 5, 3600, hung=1.0) >= 1


def test_a_second_silence_is_asked_as_often_as_the_first_one() -> None:
    number = Sending(20)
    number.run(5, 0.1)
    number.run(20, 3600, hung=1.0)
    number.run(10, 0.1)
    assert not number.room.is_silent(number.now)
    number.run(5, 3600, hung=1.0)
    assert number.room.oldest_s(number.now) > 30
    assert number.room.silence_s(number.now) < 6
    assert number.run(PROBE_S + 0.1, 3600, hung=1.0) == 1


def test_after_a_silence_the_room_grows_with_each_answer() -> None:
    """A single answer does not show that Meta answers all."""
    number = Sending(80)
    number.run(5, 0.1)
    number.run(10, 3600, hung=1.0)
    (probe,) = started(number.room, 1, number.now, begin=10_000)
    number.room.answered(probe, number.now + 0.1)
    hung = number.room.in_flight
    assert number.room.need(80, 3.2, number.now + 0.1) == hung + FIRST_AFTER_SILENCE
    (next_one,) = started(number.room, 1, number.now + 0.1, begin=10_001)
    number.room.answered(next_one, number.now + 0.2)
    assert number.room.need(80, 3.2, number.now + 0.2) == hung + 2 * FIRST_AFTER_SILENCE


def test_a_steady_latency_of_three_seconds_from_the_start_is_no_silence() -> None:
    number = Sending(80)
    assert number.silent_after(20, 3.0) is None
    assert number.run(10, 3.0) >= 0.95 * 800


def test_a_few_requests_that_hang_do_not_slow_the_others_down() -> None:
    number = Sending(20)
    number.run(5, 0.1)
    assert number.run(60, 0.1, hung=0.01) >= 0.97 * 20 * 60
    assert 5 <= number.room.overdue(number.now) <= 12


@pytest.mark.parametrize("hung", [0.5, 0.9])
def test_when_most_requests_hang_few_are_at_risk(hung: float) -> None:
    number = Sending(20)
    number.run(5, 0.1)
    number.run(60, 0.1, hung=hung)
    assert number.room.in_flight <= 2 * 20 + 10
    assert number.room.is_silent(number.now)


@pytest.mark.parametrize(("rate", "batch"), [(500, 20), (80, 3.2), (10, 2), (1, 1)])
def test_a_whole_batch_may_start_at_once_however_fast_the_answers_are(rate: float, batch: float) -> None:
    number = Sending(rate)
    number.run(5, 0.001)
    assert number.room.need(rate, batch, number.now) >= batch + FEW


def started(room: Room, count: int, now: float, begin: int = 0) -> list[tuple[int, int]]:
    """Start so many requests."""
    requests = [(begin + index, 1) for index in range(count)]
    room.granted += count
    for request in requests:
        room.start(request, now)
    return requests


def test_the_need_follows_slower_answers_fast_and_faster_ones_slowly() -> None:
    room = Room()
    requests = started(room, 3, START)
    needs = []
    for request, latency_s in zip(requests, (0.1, 0.5, 0.1), strict=True):
        room.answered(request, START + latency_s)
        needs.append(room.need(100, 0, START + 1) - FEW)
    assert needs == [15, 30, 29], "100 a second, 1.5 times: latencies of 0.1 s, 0.2 s and 0.194 s"


def test_requests_that_are_overdue_are_added_to_the_need_if_they_are_not_all() -> None:
    room = Room()
    (first,) = started(room, 1, START - 0.1)
    room.answered(first, START)
    others = started(room, 5, START, begin=10)
    room.answered(others.pop(), START + 1.9)
    assert room.overdue(START + 2.0) == 0, "they may take so long"
    assert room.need(100, 0, START + 2.0) == 82 + FEW
    assert room.overdue(START + 2.1) == 4
    assert room.need(100, 0, START + 2.1) == 82 + FEW + 4
    room.answered(others.pop(), START + 2.1)
    assert room.overdue(START + 2.1) == 3
    assert room.need(1000, 0, START + 2.1) == room.need(1000, 0, START + 1.9), "a few say nothing"


def test_an_answer_that_takes_as_long_as_it_may_is_no_silence() -> None:
    room = Room()
    (request,) = started(room, 1, START)
    assert not room.is_silent(START + 2.0)
    room.answered(request, START + 2.0)
    started(room, 1, START + 10, begin=1)
    assert (room.is_silent(START + 14.0), room.overdue(START + 14.0)) == (False, 0), "twice the latency"
    assert (room.is_silent(START + 14.1), room.overdue(START + 14.1)) == (True, 1)


def test_of_requests_that_started_together_the_last_answer_counts() -> None:
    room = Room()
    first, second = started(room, 2, START)
    started(room, 1, START + 0.05, begin=10)
    room.answered(first, START + 0.1)
    room.answered(second, START + 1.0)
    assert not room.is_silent(START + 1.0 + QUIET_S)
    assert room.is_silent(START + 1.1 + QUIET_S)


def test_a_request_that_hangs_beside_one_that_was_answered_is_no_silence() -> None:
    """Both started together. An answer to an older request shows that Meta still answers."""
    room = Room()
    (older,) = started(room, 1, START - 1)
    answered, _ = started(room, 2, START, begin=10)
    room.answered(answered, START + 0.1)
    room.answered(older, START + 1.5)
    assert (room.is_silent(START + 2.2), room.overdue(START + 2.2)) == (False, 1)


@pytest.mark.exhaustive
@pytest.mark.parametrize("rate", [5, 20, 80])
@pytest.mark.parametrize("sigma", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("latency_s", spread([0.1, 0.5, 1.0, 1.5, 2.0], 2))
def test_a_hang_is_told_soon_however_slow_and_uneven_the_answers_were(
    latency_s: float, sigma: float, rate: float
) -> None:
    """Those to requests that Meta took before still come for a while."""
    number = Sending(rate)
    number.run(30, latency_s, spread=sigma)
    told = number.silent_after(10, latency_s, hung=1.0, spread=sigma)
    assert told is not None
    assert told <= (4.5 if rate > 5 or not sigma else 6.0)


@pytest.mark.parametrize("rate", [3, 10, 80])
@pytest.mark.parametrize("latency_s", [0.3, 1.2, 2.0])
def test_uneven_answers_are_no_silence(latency_s: float, rate: float) -> None:
    number = Sending(rate)
    number.run(20, latency_s, spread=0.5)
    assert number.silent_after(200 / rate + 20, latency_s, spread=0.5) is None


def test_late_answers_to_old_requests_do_not_end_a_silence_and_one_to_a_new_one_does() -> None:
    room = Room()
    old = started(room, 2, START - 1.0)
    (newest,) = started(room, 1, START, begin=2)
    room.answered(newest, START + 1.0)
    new = started(room, MANY, START + 1.0, begin=3)
    room.answered(old[0], START + 2.9)
    assert not room.is_silent(START + 3.0), "they may take so long"
    assert room.is_silent(START + 3.1)
    room.answered(old[1], START + 3.1)
    assert room.is_silent(START + 3.1)
    room.answered(new[0], START + 3.1)
    assert not room.is_silent(START + 3.1)


def test_a_new_answer_a_moment_ago_is_no_silence() -> None:
    room = Room()
    (first,) = started(room, 1, START - 1.0)
    room.answered(first, START - 0.9)
    (second,) = started(room, 1, START, begin=1)
    started(room, MANY, START + 0.1, begin=2)
    room.answered(second, START + 2.0)
    assert not room.is_silent(START + 2.0 + QUIET_S)
    assert room.is_silent(START + 2.1 + QUIET_S)


@pytest.mark.parametrize(("count", "patience_s"), [(MANY, 2.0), (MANY - 1, 4.5)])
def test_only_many_requests_are_judged_by_the_latency_of_the_newest(count: int, patience_s: float) -> None:
    room = Room()
    (slow,) = started(room, 1, START)
    (fast,) = started(room, 1, START + 1.0, begin=1)
    room.answered(fast, START + 2.0)
    room.answered(slow, START + 6.0)
    started(room, count, START + 10, begin=2)
    assert not room.is_silent(START + 10 + patience_s)
    assert room.is_silent(START + 10.1 + patience_s)


def test_a_pause_without_requests_is_no_silence() -> None:
    number = Sending(1)
    number.run(3.5, 0.1)
    number.now += 3600
    room = number.room
    assert room.in_flight == 0
    room.granted += 1
    room.start((0, 9), number.now)
    assert not room.is_silent(number.now + 1.9)
    assert room.is_silent(number.now + 2.1)
    room.unanswered((0, 9), START)
    assert not room.is_silent(number.now + 3), "nothing is out"


def test_after_five_requests_without_an_answer_one_at_a_time_probes_until_one_is_answered() -> None:
    room = Room()
    for number in range(MAX_UNANSWERED_STREAK):
        assert not room.is_probing
        room.granted += 1
        room.start((number, 1), START)
        room.unanswered((number, 1), START)
    assert (room.is_probing, room.need(80, 3.2, START)) == (True, 1)
    room.granted += 1
    room.start((9, 1), START)
    room.answered((9, 1), START + 0.1)
    assert not room.is_probing
    assert room.need(80, 3.2, START + 0.1) > FEW
    for request in started(room, MAX_UNANSWERED_STREAK - 1, START, begin=20):
        room.unanswered(request, START)
    assert not room.is_probing, "they are counted from the answer on"


def test_a_request_that_was_not_made_says_nothing() -> None:
    room = Room()
    room.granted += 2
    room.start((1, 1), START)
    room.start((2, 1), START + 1)
    room.dropped((1, 1))
    assert (room.in_flight, room.is_probing, room.oldest_s(START + 3)) == (1, False, 2)
    room.dropped((2, 1))
    assert (room.in_flight, room.oldest_s(START + 3)) == (0, 0)


def test_a_person_ends_the_probing() -> None:
    room = Room()
    for number in range(MAX_UNANSWERED_STREAK):
        room.granted += 1
        room.start((number, 1), START)
        room.unanswered((number, 1), START)
    room.forgive()
    assert room.need(80, 3.2, START) > 1
    for request in started(room, MAX_UNANSWERED_STREAK - 1, START, begin=20):
        room.unanswered(request, START)
    assert not room.is_probing


def test_numbers_that_need_few_places_get_them_and_the_large_ones_share_the_others() -> None:
    assert shares({"a": 5, "b": 10}, 256) == {"a": 5, "b": 10}
    assert shares({"a": 16, "b": 154, "c": 154, "d": 154}, 256) == {"a": 16, "b": 90, "c": 91, "d": 91}
    assert shares({"a": 1000}, 256) == {"a": 240}, "some stay free for a number that begins"
    assert shares({"a": 5, "b": 1000}, 256) == {"a": 5, "b": 240}
    assert shares({"a": 1000, "b": 5}, 256) == {"a": 240, "b": 5}, "whatever their names"
    assert shares({"a": 1000}, 24) == {"a": 23}
    assert shares({"a": 1000}, 1) == {"a": 1}
    assert shares({}, 256) == {}


@given(st.dictionaries(st.integers(), st.integers(1, 4000), max_size=80), st.integers(1, 4096))
def test_shares_fit_into_the_places(needs: dict[int, int], places: int) -> None:
    margin = places // MARGIN
    given = shares(needs, places)
    assert given.keys() == needs.keys()
    assert all(1 <= given[number] <= min(need, places - margin) for number, need in needs.items())
    assert sum(given.values()) <= max(places + places // OVERCOMMIT, len(needs))
    if sum(needs.values()) <= places - margin:
        assert given == needs
