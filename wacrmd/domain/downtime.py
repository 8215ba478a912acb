"""Time in which the daemon did not run: ages do not count it; pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from wacrmd.clock import DAY, Millis

KEPT_FOR: Millis = 60 * DAY
"""How long a downtime is remembered. No age is longer that has an end, such as `[sender] max_age_hours`."""


@dataclass(frozen=True, slots=True, order=True)
class Downtime:
    """A time in which the daemon did not run, or that was left out when its time was corrected."""

    began_at: Millis
    ended_at: Millis


class Downtimes:
    """The downtimes of the last weeks."""

    def __init__(self, known: Iterable[Downtime] = ()) -> None:
        self._known = _joined(known)

    def add(self, downtime: Downtime) -> None:
        """Remember one more, and forget those that are old."""
        kept = [each for each in self._known if each.ended_at > downtime.ended_at - KEPT_FOR]
        self._known = _joined([*kept, downtime])

    def move_back(self, now: Millis) -> None:
        """The time was set back to `now`: nothing was after it."""
        self._known = [
            Downtime(each.began_at, min(each.ended_at, now)) for each in self._known if each.began_at < now
        ]

    def age(self, since: Millis, now: Millis) -> Millis:
        """For how long the daemon has run since a time; 0 for one that is in the future."""
        down = sum(max(0, min(each.ended_at, now) - max(each.began_at, since)) for each in self._known)
        return max(0, now - since - down)

    def ago(self, duration: Millis, now: Millis) -> Millis:
        """The latest time since which the daemon has run for so long."""
        at = now - duration
        for each in reversed(self._known):
            if each.began_at < now and each.ended_at > at:
                at -= min(each.ended_at, now) - each.began_at
        return at


def _joined(known: Iterable[Downtime]) -> list[Downtime]:
    """In order, and those that overlap as one."""
    joined: list[Downtime] = []
    for each in sorted(known):
        if joined and each.began_at <= joined[-1].ended_at:
            joined[-1] = Downtime(joined[-1].began_at, max(joined[-1].ended_at, each.ended_at))
        else:
            joined.append(each)
    return joined
