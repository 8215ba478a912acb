"""The line of a number's broadcasts: who has the next turn."""

from hypothesis import given
from hypothesis import strategies as st

from wacrmd.sender.line import Line


def turns(line: Line, count: int, sizes: dict[int, int] | None = None) -> list[int]:
    """The next turns; a broadcast leaves after as many as `sizes` says."""
    left, taken = dict(sizes or {}), []
    for _ in range(count):
        if (first := line.first()) is None:
            break
        taken.append(first)
        left[first] = left.get(first, count) - 1
        line.end_turn(first, has_more=left[first] > 0)
    return taken


def line_of(*broadcasts: int) -> Line:
    line = Line()
    for broadcast in broadcasts:
        line.add(broadcast)
    return line


def test_an_empty_line_has_no_first() -> None:
    line = Line()
    assert (line.first(), len(line), 1 in line) == (None, 0, False)


def test_the_newest_one_begins() -> None:
    assert turns(line_of(1, 2, 3), 3) == [3, 1, 2]


def test_broadcasts_take_turns() -> None:
    line = line_of(1, 2, 3)
    turns(line, 6)
    assert sorted(turns(line, 3)) == [1, 2, 3]
    assert turns(line, 3) == turns(line, 3), "always in the same order"


def test_a_new_broadcast_has_its_turn_before_all_that_have_had_one() -> None:
    line = line_of(*range(20))
    turns(line, 100)
    line.add(99)
    assert 99 in turns(line, 2)


def test_a_new_broadcast_does_not_wait_for_twenty_that_have_had_no_turn_either() -> None:
    line = line_of(*range(20))
    turns(line, 3)
    line.add(99)
    assert 99 in turns(line, 2)


def test_every_second_turn_goes_to_the_one_that_has_waited_longest() -> None:
    line = line_of(1)
    turns(line, 1, {1: 1000})
    taken = []
    for new in range(100, 150):
        line.add(new)
        line.add(new + 1000)
        taken += turns(line, 2, {new: 1, new + 1000: 1, 1: 1000})
    assert taken.count(1) > 1, "it is not starved by a hundred new ones"


def test_adding_again_changes_no_place() -> None:
    line = line_of(1, 2)
    first = line.first()
    line.add(2)
    line.add(1)
    assert (line.first(), len(line)) == (first, 2)


def test_one_that_left_is_not_in_the_line() -> None:
    line = line_of(1, 2)
    line.end_turn(1, has_more=False)
    line.remove(2)
    line.remove(3)
    assert (len(line), line.first(), 1 in line) == (0, None, False)
    line.end_turn(1, has_more=False)
    assert len(line) == 0, "it left during its turn"


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(1, 5))
def test_nobody_waits_for_ever(arrivals: list[int], size: int) -> None:
    """Whatever arrives, each broadcast is done after as many turns as there are to take, and none is lost."""
    line, left = Line(), dict[int, int]()
    for broadcast in arrivals:
        line.add(broadcast)
        left.setdefault(broadcast, size)
        first = line.first()
        assert first is not None
        left[first] -= 1
        line.end_turn(first, has_more=left[first] > 0)
        if not left[first]:
            del left[first]
        assert {one for one in left if one in line} == set(left)
        assert len(line) == len(left)
    turns(line, sum(left.values()), left)
    assert len(line) == 0


@given(st.lists(st.integers(0, 12), max_size=30), st.lists(st.booleans(), max_size=12), st.integers(1, 9))
def test_the_order_is_that_of_turns_after_which_all_leave(
    arrivals: list[int], has_more: list[bool], count: int
) -> None:
    line = line_of(*arrivals)
    for more in has_more:
        if (first := line.first()) is not None:
            line.end_turn(first, has_more=more)
    line.add(99)
    expected = line.order(count)
    assert turns(line, count, dict.fromkeys([*range(13), 99], 1)) == expected
