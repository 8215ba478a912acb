"""The progress of a broadcast over time: how many messages had which status by when; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from wacrmd.clock import DAY, HOUR, MINUTE, SECOND, Millis
from wacrmd.fields import Doc, Time

MAX_POINTS = 96

WIDTHS: tuple[Millis, ...] = (
    *(SECOND, 5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE),
    *(HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY, 30 * DAY),
)
"""The time between two points is one of these, or a multiple of the last one."""

STAGES = ("sent", "delivered", "read", "replied", "failed")


@dataclass(frozen=True, slots=True)
class TimelinePoint:
    """How many people had which status by some time; each counts from when it got it."""

    at: Annotated[Time, Doc("by when")]
    sent: Annotated[int, Doc("Meta had accepted the message")]
    delivered: Annotated[int, Doc("it was on the person's phone")]
    read: Annotated[int, Doc("it was read")]
    replied: Annotated[int, Doc("the person had answered")]
    failed: Annotated[int, Doc("it had failed")]


def width_for(duration: Millis) -> Millis:
    """The time between two points of a line that lasts so long."""
    for width in WIDTHS:
        if duration < width * MAX_POINTS:
            return width
    last = WIDTHS[-1]
    return last * -(-(duration + 1) // (last * MAX_POINTS))


def points(
    counts: Iterable[tuple[str, int, int]], start: Millis, width: Millis, places: int, scale: int
) -> list[TimelinePoint]:
    """The points of a line, from how many got a status between two of them: (status, place from 0, how many) each.

    `scale` is how many people one that was counted stands for.
    """
    added = {(stage, place): count for stage, place, count in counts}
    sums, found = dict.fromkeys(STAGES, 0), [TimelinePoint(start, *(0 for _ in STAGES))]
    for place in range(places):
        for stage in STAGES:
            sums[stage] += added.get((stage, place), 0)
        found.append(TimelinePoint(start + (place + 1) * width, *(sums[stage] * scale for stage in STAGES)))
    return found
