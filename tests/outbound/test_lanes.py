"""Which deliveries start: each lane has its own places, and slow lanes take none of the others'."""

from dataclasses import replace

import pytest

from wacrmd.domain.webhook_delivery import DueDelivery
from wacrmd.outbound.lanes import BATCH, PLACES, SLOW_S, Lanes, Pace

WORKERS = 4


def due(endpoint: str, *numbers: int) -> list[DueDelivery]:
    return [DueDelivery(n, endpoint, "http://h/", b"", "e", "evt", "{}", 0, n) for n in numbers]


def lanes(**waiting: int) -> Lanes:
    """Lanes with so many deliveries that wait in each."""
    made = Lanes()
    rows = {name: due(name, *range(count)) for name, count in waiting.items()}
    made.take_in(rows, dict.fromkeys(rows, 100))
    return made


def paced(made: Lanes, pace: Pace, *names: str) -> None:
    for name in names:
        made[name].ended(SLOW_S if pace is Pace.SLOW else 0.1, succeeded=True)


def started(made: Lanes) -> list[str]:
    return [each.endpoint_id for each in made.start(WORKERS)]


def test_a_new_lane_starts_one_and_a_quick_one_as_many_as_it_has_workers() -> None:
    made = lanes(new=9, quick=9)
    paced(made, Pace.QUICK, "quick")
    assert sorted(started(made)) == ["new"] + ["quick"] * WORKERS
    assert started(made) == []


@pytest.mark.parametrize(
    ("duration_s", "succeeded", "workers"),
    [(SLOW_S - 0.01, True, WORKERS), (SLOW_S, True, 1), (0.1, False, 1), (30.0, False, 1)],
)
def test_a_lane_that_was_slow_or_failed_starts_one(
    duration_s: float, *, succeeded: bool, workers: int
) -> None:
    made = lanes(app=9)
    made["app"].ended(duration_s, succeeded=succeeded)
    assert len(started(made)) == workers


def test_a_lane_with_an_overdue_attempt_starts_no_more_until_it_ends() -> None:
    made = lanes(app=9)
    paced(made, Pace.QUICK, "app")
    assert len(started(made)) == WORKERS
    lane = made["app"]
    lane.overdue = 1
    lane.calls = 1
    assert lane.pace is Pace.SLOW
    assert started(made) == []
    lane.overdue = lane.calls = 0
    lane.ended(0.1, succeeded=True)
    assert len(started(made)) == WORKERS


@pytest.mark.parametrize(("filled", "pace"), [(each, other) for each in Pace for other in Pace])
def test_lanes_of_one_pace_take_no_places_of_another(filled: Pace, pace: Pace) -> None:
    many = {f"x{number}": 9 for number in range(PLACES[filled] + 1)}
    made = lanes(**many, one=1)
    for which, names in ((filled, many), (pace, ["one"])):
        if which is not Pace.NEW:
            paced(made, which, *names)
    made["one"].turn = 1  # those of the same pace come first
    names = started(made)
    assert ("one" in names) == (filled is not pace)
    assert len(names) == PLACES[filled] + (filled is not pace)


def test_a_slow_lane_takes_one_place_however_many_were_in_flight() -> None:
    made = lanes(app=9)
    paced(made, Pace.QUICK, "app")
    assert len(started(made)) == WORKERS
    assert made["app"].places == WORKERS
    made["app"].overdue = 2
    assert made["app"].places == 1
    made["app"].calls = 0
    assert made["app"].places == 0


def test_each_lane_gets_one_before_any_gets_a_second_and_turns_alternate() -> None:
    made = lanes(a=9, b=9)
    paced(made, Pace.QUICK, "a", "b")
    assert started(made) == ["a", "b"] * WORKERS
    for name in ("b", "a"):
        made[name].calls -= 1
    assert started(made) == ["a", "b"]


def test_a_lane_delivers_in_the_order_of_what_was_read_and_keeps_what_is_unfinished() -> None:
    made = lanes(app=3)
    paced(made, Pace.QUICK, "app")
    assert [each.id for each in made.start(2)] == [0, 1]
    assert made.unfinished == 2
    assert made.in_progress() == {"app": [0, 1]}
    made["app"].calls = 0
    assert [each.id for each in made.start(2)] == [2]


def test_only_lanes_that_can_start_more_are_read() -> None:
    made = lanes(busy=9, idle=0)
    started(made)
    made.forget_waiting()
    assert made.wanted(WORKERS) == {"busy": 0, "idle": BATCH}
    assert made.is_hungry(WORKERS)
    made.take_in({"busy": [], "idle": []}, made.wanted(WORKERS))
    assert not made.is_hungry(WORKERS), "the idle one has no more, and the busy one has no free worker"
    made["busy"].calls = 0
    paced(made, Pace.QUICK, "busy")
    assert made.is_hungry(WORKERS)
    assert made.wanted(WORKERS) == {"busy": BATCH * WORKERS, "idle": 0}


def test_a_lane_of_which_all_was_read_is_not_read_again_until_something_changes() -> None:
    made = Lanes()
    made.take_in({"app": due("app", 1)}, {"app": BATCH})
    started(made)
    made["app"].calls = 0
    assert not made.is_hungry(WORKERS)
    made.forget_waiting()
    assert made.is_hungry(WORKERS)


def test_an_endpoint_that_is_gone_is_forgotten_when_its_last_delivery_is_written() -> None:
    made = lanes(gone=2, other=1)
    started(made)
    made.take_in({"other": []}, {"other": 0})
    assert started(made) == [], "what waited for it is not started"
    assert not made.is_hungry(WORKERS)
    made["gone"].calls = 0
    assert "gone" in made.wanted(WORKERS)
    made["gone"].unfinished.clear()
    made.take_in({"other": []}, {"other": 0})
    assert "gone" not in made.wanted(WORKERS)


def test_a_lane_is_busy_unless_it_only_waits_for_a_slow_answer() -> None:
    made = lanes(app=1)
    assert not made.is_busy
    started(made)
    assert made.is_busy
    made["app"].overdue = 1
    assert not made.is_busy
    made["app"].overdue = made["app"].calls = 0
    made["app"].ended(SLOW_S, succeeded=False)
    assert made.is_busy, "its result is not written yet"
    made["app"].unfinished.clear()
    assert not made.is_busy


def test_a_lane_that_failed_before_the_start_takes_no_place_of_a_new_one() -> None:
    made = Lanes()
    names = [f"x{number}" for number in range(PLACES[Pace.NEW] + 1)]
    failing = {name: [replace(each, is_failing=True) for each in due(name, 1)] for name in names}
    made.take_in(failing | {"one": due("one", 1)}, {})
    assert len(started(made)) == len(names) + 1
    made["x1"].calls = 0
    made["x1"].ended(0.1, succeeded=True)
    made.take_in({"x1": [replace(each, is_failing=True) for each in due("x1", 2)]}, {})
    assert made["x1"].pace is Pace.QUICK, "it is known better by now"
