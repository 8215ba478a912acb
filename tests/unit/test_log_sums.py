"""Lines that others can cause: the first is written, those of the next minute are summed up."""

from wacrmd.clock import MINUTE, SECOND
from wacrmd.log_sums import INTERVAL, MAX_CAUSES, LineSums, SummedLine

EVENT = ("warning", "wacrmd.x", "request_refused")


def test_the_first_line_is_written_and_those_of_the_next_minute_are_one() -> None:
    sums = LineSums()
    assert sums.admit((*EVENT, True), {"bytes": 1}, 1000)
    assert not any(sums.admit((*EVENT, True), {"bytes": each}, 2000) for each in (2, 3, 4))
    assert sums.due(1000 + INTERVAL - 1) == []
    assert sums.due(1000 + INTERVAL) == [SummedLine(*EVENT, {"bytes": 4, "count": 3})]


def test_who_goes_on_gets_one_line_a_minute_and_who_stops_gets_none() -> None:
    sums = LineSums()
    written = summed = 0
    for second in range(600):
        now = second * SECOND
        written += sums.admit((*EVENT, True), {}, now)
        summed += len(sums.due(now))
    assert (written, summed) == (1, 9)
    assert len(sums.due(11 * MINUTE)) == 1
    assert sums.due(20 * MINUTE) == []
    assert sums.admit((*EVENT, True), {}, 20 * MINUTE)


def test_counts_are_added_up_and_nothing_is_lost() -> None:
    sums = LineSums()
    sums.admit((*EVENT, True), {"count": 2}, 0)
    for count in (3, 4):
        sums.admit((*EVENT, True), {"count": count}, 0)
    assert [line.values["count"] for line in sums.due(None)] == [7]


def test_causes_are_told_apart_and_those_who_can_invent_more_count_as_one() -> None:
    sums = LineSums()
    written = sum(sums.admit((*EVENT, each), {}, 0) for each in range(10 * MAX_CAUSES))
    assert written == MAX_CAUSES + 1
    (line,) = sums.due(INTERVAL)
    assert line.values["count"] == 10 * MAX_CAUSES - written


def test_a_sum_keeps_no_traceback() -> None:
    sums = LineSums()
    for _ in range(2):
        sums.admit((*EVENT, True), {"exc_info": True}, 0)
    assert [line.values for line in sums.due(None)] == [{"count": 1}]
