"""The points of a broadcast's progress over time."""

import pytest

from wacrmd.clock import DAY, HOUR, MINUTE, SECOND
from wacrmd.domain.timeline import MAX_POINTS, WIDTHS, points, width_for


@pytest.mark.parametrize(
    ("duration", "width"),
    [
        (0, SECOND),
        (95 * SECOND, SECOND),
        (96 * SECOND, 5 * SECOND),
        (HOUR, MINUTE),
        (DAY - 1, 15 * MINUTE),
        (96 * 30 * DAY - 1, 30 * DAY),
        (96 * 30 * DAY, 60 * DAY),
        (96 * 60 * DAY - 1, 60 * DAY),
        (96 * 60 * DAY, 90 * DAY),
    ],
)
def test_the_width_is_a_round_one(duration: int, width: int) -> None:
    assert width_for(duration) == width


@pytest.mark.parametrize("duration", [*(width * MAX_POINTS for width in WIDTHS), 366 * DAY, 100_000 * DAY])
def test_there_are_never_more_points_than_can_be_drawn(duration: int) -> None:
    for each in (duration - 1, duration, duration + 1):
        assert each // width_for(each) + 1 <= MAX_POINTS


def test_each_point_has_all_before_it() -> None:
    counts = [("sent", 0, 3), ("sent", 2, 1), ("delivered", 1, 2), ("failed", 2, 1)]
    found = points(counts, 1000, 10, 3, scale=2)
    assert [each.at for each in found] == [1000, 1010, 1020, 1030]
    assert [each.sent for each in found] == [0, 6, 6, 8]
    assert [each.delivered for each in found] == [0, 0, 4, 4]
    assert [each.failed for each in found] == [0, 0, 0, 2]
