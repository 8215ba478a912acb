"""Bars of a chart, as numbers for SVG: wide for what was sent, narrower within for delivered and read. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wacrmd.views.statistics import MessageSums

LENGTH = 360.0
"""The side along which bars stand, and how long the longest one is that lies: in units of the drawing."""
HEIGHT = 150.0
"""How long the longest one is that stands."""
ROW = 36.0
THICKNESS = 18.0
"""How high a row is where bars lie, and its bar."""
_WIDTHS = {"sent": 0.9, "delivered": 0.62, "read": 0.34}
"""How much of the place of a bar each stage takes: they differ in more than their colours."""
_FAILED_WIDTH = 0.9


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, and what it is about."""

    stage: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Place:
    """What one place of the axis shows, and what is written there."""

    label: str
    sums: MessageSums | None


def nice(most: int) -> int:
    """The end of an axis for values up to `most`: a round number, 1 at least."""
    step = 1
    while True:
        for factor in (1, 2, 3, 4, 5, 6, 8):
            if factor * step >= most:
                return factor * step
        step *= 10


def end_of(places: Iterable[Place]) -> int:
    """The end of the axis of counts."""
    return nice(max((each.sums.total_count for each in places if each.sums is not None), default=1))


def columns(places: Sequence[Place]) -> list[Bar]:
    """Bars that stand side by side; failed messages stand on top of those that were sent."""
    end, room = end_of(places), LENGTH / max(1, len(places))
    found = []
    for at, place in enumerate(places):
        for stage, thickness, begin, count in _parts(place.sums):
            x = room * (at + (1 - thickness) / 2)
            tall, above = HEIGHT * count / end, HEIGHT * (end - begin - count) / end
            found.append(_rounded(stage, x, above, room * thickness, tall))
    return found


def rows(places: Sequence[Place]) -> list[Bar]:
    """Bars that lie one below the other, each in the lower part of a row: its name stands above it."""
    end = end_of(places)
    found = []
    for at, place in enumerate(places):
        for stage, share, begin, count in _parts(place.sums):
            y = ROW * at + (ROW - THICKNESS) + THICKNESS * (1 - share) / 2
            found.append(_rounded(stage, LENGTH * begin / end, y, LENGTH * count / end, THICKNESS * share))
    return found


def _parts(sums: MessageSums | None) -> list[tuple[str, float, int, int]]:
    """(stage, thickness, where it begins, how much) of each bar that has a length."""
    if sums is None:
        return []
    counts = {"sent": sums.sent_count, "delivered": sums.delivered_count, "read": sums.read_count}
    found = [(stage, _WIDTHS[stage], 0, count) for stage, count in counts.items()]
    found.append(("failed", _FAILED_WIDTH, sums.sent_count, sums.failed_count))
    return [each for each in found if each[3]]


def _rounded(stage: str, x: float, y: float, width: float, height: float) -> Bar:
    return Bar(stage, round(x, 2), round(y, 2), round(width, 2), round(height, 2))
