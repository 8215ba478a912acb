"""Which deliveries start next: each webhook has a lane of its own, and silent ones take nothing from the others; pure."""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum

from wacrmd.domain.webhook_delivery import DueDelivery

SLOW_S = 2.0
"""An endpoint that takes this long for an answer is slow until it answers faster."""

BATCH = 2
"""How many deliveries a read takes for each free worker of a lane; what waits in memory is small."""


class Pace(Enum):
    """How fast an endpoint answers."""

    NEW = "new"
    """It has not ended an attempt since the start of the daemon."""
    QUICK = "quick"
    SLOW = "slow"
    """Its last attempt took `SLOW_S`, or one in flight already does: it may be hanging. So may one that failed before
    the start of the daemon."""


PLACES: Mapping[Pace, int] = {Pace.NEW: 128, Pace.QUICK: 256, Pace.SLOW: 512}
"""How many places the lanes of one pace have together, which bounds the open connections.

Those of another pace take none of them: apps that hang, however many, leave the quick ones theirs. A new lane that gets no
answer counts as slow after `SLOW_S`, and frees its place for the next new one.
"""


@dataclass(slots=True)
class Lane:
    """The deliveries of one endpoint: those that wait in memory, and those in flight."""

    last_pace: Pace = Pace.NEW
    has_failed: bool = False
    """Whether its last attempt failed: it gets one worker until one succeeds."""
    calls: int = 0
    """Requests in flight."""
    overdue: int = 0
    """Those that have taken `SLOW_S`."""
    unfinished: set[int] = field(default_factory=set)
    """Deliveries that have started and whose result is not written yet."""
    waiting: deque[DueDelivery] = field(default_factory=deque)
    may_have_more: bool = True
    """Whether the outbox may hold due deliveries that are not in memory."""
    turn: int = 0
    """When it started a delivery last."""

    @property
    def pace(self) -> Pace:
        """Its present pace; slow as soon as an attempt in flight is overdue."""
        return Pace.SLOW if self.overdue else self.last_pace

    @property
    def places(self) -> int:
        """The places that it takes: one if it is slow, also when more were in flight as it became slow."""
        return min(self.calls, 1) if self.pace is Pace.SLOW else self.calls

    def free(self, workers: int) -> int:
        """How many more deliveries it may have in flight."""
        is_sound = self.pace is Pace.QUICK and not self.has_failed
        return max(0, (workers if is_sound else 1) - self.calls)

    def ended(self, duration_s: float, *, succeeded: bool) -> None:
        """Note how long an attempt took."""
        self.last_pace = Pace.SLOW if duration_s >= SLOW_S else Pace.QUICK
        self.has_failed = not succeeded


class Lanes:
    """The lanes by endpoint id; `workers` is how many deliveries a quick one may have in flight."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._turn = 0

    def __getitem__(self, endpoint_id: str) -> Lane:
        return self._lanes.setdefault(endpoint_id, Lane())

    @property
    def unfinished(self) -> int:
        """How many deliveries have started and are not written yet."""
        return sum(len(lane.unfinished) for lane in self._lanes.values())

    @property
    def is_busy(self) -> bool:
        """Whether a lane that is not slow has unfinished deliveries, or any lane one that is only to be written."""
        return any(
            lane.unfinished and (lane.pace is not Pace.SLOW or len(lane.unfinished) > lane.calls)
            for lane in self._lanes.values()
        )

    def forget_waiting(self) -> None:
        """What waits in memory may have changed in the outbox: it is read again."""
        for lane in self._lanes.values():
            lane.waiting.clear()
            lane.may_have_more = True

    def is_hungry(self, workers: int) -> bool:
        """Whether a lane may start more than it has in memory, and the outbox may hold it."""
        return any(
            lane.may_have_more and not lane.waiting and lane.free(workers) for lane in self._lanes.values()
        )

    def wanted(self, workers: int) -> dict[str, int]:
        """How many deliveries to read for each known lane; 0 for those that can start none or have some in memory."""
        return {
            endpoint_id: BATCH * lane.free(workers) if lane.may_have_more and not lane.waiting else 0
            for endpoint_id, lane in self._lanes.items()
        }

    def in_progress(self) -> dict[str, Collection[int]]:
        """The unfinished deliveries of each lane that has some."""
        return {
            endpoint_id: list(lane.unfinished) for endpoint_id, lane in self._lanes.items() if lane.unfinished
        }

    def take_in(self, due: Mapping[str, list[DueDelivery]], wanted: Mapping[str, int]) -> None:
        """Add what was read as `wanted`; `due` has all active endpoints, and idle lanes of others are dropped."""
        for endpoint_id, deliveries in due.items():
            limit = wanted.get(endpoint_id, BATCH)
            if limit:
                lane = self[endpoint_id]
                if lane.last_pace is Pace.NEW and any(each.is_failing for each in deliveries):
                    lane.last_pace = Pace.SLOW  # it may have hung before the daemon was started again
                lane.waiting.extend(deliveries)
                lane.may_have_more = len(deliveries) == limit
        for endpoint_id in [each for each in self._lanes if each not in due]:
            lane = self._lanes[endpoint_id]
            lane.waiting.clear()
            lane.may_have_more = False
            if not lane.unfinished:
                del self._lanes[endpoint_id]

    def start(self, workers: int) -> list[DueDelivery]:
        """The deliveries to start now, counted as in flight: oldest first in a lane, in turns between lanes."""
        taken = dict.fromkeys(Pace, 0)
        for lane in self._lanes.values():
            taken[lane.pace] += lane.places
        started: list[DueDelivery] = []
        ready = [lane for lane in self._lanes.values() if lane.waiting and lane.free(workers)]
        while ready:
            # Those with the fewest in flight first: each gets one before any gets a second one.
            ready.sort(key=lambda lane: (lane.calls, lane.turn))
            ready = [lane for lane in ready if taken[lane.pace] < PLACES[lane.pace]]
            for lane in ready:
                if taken[lane.pace] < PLACES[lane.pace]:
                    taken[lane.pace] += 1
                    started.append(self._start_one(lane))
            ready = [lane for lane in ready if lane.waiting and lane.free(workers)]
        return started

    def _start_one(self, lane: Lane) -> DueDelivery:
        self._turn += 1
        lane.turn = self._turn
        lane.calls += 1
        delivery = lane.waiting.popleft()
        lane.unfinished.add(delivery.id)
        return delivery
