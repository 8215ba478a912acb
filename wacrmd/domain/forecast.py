"""When a broadcast will have been sent: by its rate, its hours, its first few, and Meta's limit. Pure.

It is a rehearsal in steps of a quarter of an hour. Everybody is taken for somebody who counts for the limit, so that it is
rather too late than too early.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, inf
from typing import Annotated

from wacrmd.clock import DAY, MINUTE, SECOND, Millis
from wacrmd.domain.canary_sample import shares_of
from wacrmd.domain.messaging_limit import PERIOD
from wacrmd.domain.sending_hours import next_open, zones_for
from wacrmd.domain.sending_plan import SendingPlan
from wacrmd.fields import Doc, Time

STEP: Millis = 15 * MINUTE
HORIZON: Millis = 60 * DAY
"""How far it looks ahead."""

Zones = tuple[str, ...]


class Wait(StrEnum):
    """What a broadcast waits for on its way."""

    LIMIT = "limit"
    HOURS = "hours"
    CANARY = "canary"


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a broadcast will have been sent, as far as that can be said now."""

    first_day: Annotated[int, Doc("to how many people it is sent in the first 24 hours")]
    last_at: Annotated[Time | None, Doc("when the last message is sent; null: not within 60 days")]
    waits_for: Annotated[
        list[str],
        Doc("what it waits for on the way: `limit`, `hours`, `canary`; empty: it is sent without a break"),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a forecast is made of, beside the plan of the broadcast."""

    start: Millis
    rate: float
    """Messages per second of the number."""
    ahead: int = 0
    """Messages that are sent before."""
    limit: float = inf
    counted: Iterable[tuple[Millis, int]] = ()
    """Who counts for the limit: since when, and how many."""


def places(plan: SendingPlan, addresses: Iterable[str]) -> Counter[str]:
    """How many people with these addresses are in which time zones, each as a text with commas; one without hours."""
    hours = plan.send_between
    return Counter("" if hours is None else ",".join(zones_for(hours, each)) for each in addresses)


def forecast(people: Mapping[str, int], plan: SendingPlan, outlook: Outlook) -> Forecast:
    """How a broadcast to so many people in each place (`places`) will go."""
    in_zones = {tuple(zones.split(",")): count for zones, count in people.items()}
    return _Rehearsal(in_zones, plan, outlook).run()


class _Rehearsal:
    def __init__(self, people: Mapping[Zones, int], plan: SendingPlan, outlook: Outlook) -> None:
        self._left = {zones: count for zones, count in people.items() if count}
        self._total = sum(self._left.values())
        self._plan = plan
        self._ahead = outlook.ahead
        own = plan.rate_for(self._total)
        self._rate, self._others_rate = min(outlook.rate, own or inf), outlook.rate
        self._limit = outlook.limit
        self._counted = deque(sorted((at + PERIOD, count) for at, count in outlook.counted))
        self._used = sum(count for _, count in self._counted)
        self._start = self._now = outlook.start
        self._end = outlook.start
        self._first_day = self._sent = 0
        self._waits = dict[Wait, None]()

    def run(self) -> Forecast:
        canary = self._plan.canary
        if canary is not None and canary.count < self._total:
            others = self._set_first_aside(canary.count)
            self._run_until(canary.count)
            self._left = {zones: self._left.get(zones, 0) + count for zones, count in others.items()}
            self._waits[Wait.CANARY] = None
            self._now = max(self._now, self._end + canary.wait_minutes * MINUTE)
        done = self._run_until(self._total)
        return Forecast(self._first_day, self._end if done else None, list(self._waits))

    def _set_first_aside(self, count: int) -> dict[Zones, int]:
        """Leave the first few only, of each place its share; returns how many others there are."""
        groups = sorted(self._left.items(), key=lambda each: each[1], reverse=True)
        shares = shares_of([size for _, size in groups], count)
        self._left = {zones: share for (zones, _), share in zip(groups, shares, strict=True) if share}
        return {
            zones: size - share for (zones, size), share in zip(groups, shares, strict=True) if size > share
        }

    def _run_until(self, target: int) -> bool:
        """Go on until so many have been sent to; False if that takes too long."""
        while self._sent < target:
            if self._now > self._start + HORIZON:
                return False
            self._forget()
            room = self._limit - self._used
            if room < 1:
                self._waits[Wait.LIMIT] = None
                self._now = max(self._now + 1, self._counted[0][0]) if self._counted else self._now + HORIZON
                continue
            self._step(target, int(min(room, target + self._ahead)))
        return True

    def _step(self, target: int, room: int) -> None:
        """Send for a quarter of an hour; or go to the next opening, if nobody is awake."""
        time_left = STEP / SECOND
        first = min(self._ahead, room, ceil(time_left * self._others_rate))
        self._ahead -= first
        time_left -= first / self._others_rate
        awake, opens_at = self._awake()
        if not awake and not first:
            self._waits[Wait.HOURS] = None
            self._now = opens_at if opens_at is not None else self._now + HORIZON
            return
        wanted = min(room - first, target - self._sent, ceil(max(0.0, time_left) * self._rate))
        sent = self._take(awake, wanted) if not self._ahead else 0
        self._count(first + sent)
        self._sent += sent
        before_ms, took_ms = first / self._others_rate * SECOND, sent / self._rate * SECOND
        if sent:
            self._end = self._now + round(before_ms + took_ms)
            if self._now < self._start + DAY:
                self._first_day += sent
        self._now += max(1, round(before_ms + took_ms))

    def _awake(self) -> tuple[list[Zones], Millis | None]:
        """The zones in which it is a decent hour, and when the first of the others open."""
        hours = self._plan.send_between
        if hours is None:
            return list(self._left), None
        opens = {zones: next_open(hours, zones, self._now) for zones in self._left}
        later = [at for at in opens.values() if at is not None and at > self._now]
        return [zones for zones, at in opens.items() if at == self._now], min(later, default=None)

    def _take(self, awake: list[Zones], wanted: int) -> int:
        taken = 0
        for zones in awake:
            here = min(self._left[zones], wanted - taken)
            self._left[zones] -= here
            taken += here
            if not self._left[zones]:
                del self._left[zones]
        return taken

    def _count(self, people: int) -> None:
        if people and self._limit != inf:
            self._counted.append((self._now + PERIOD, people))
            self._used += people

    def _forget(self) -> None:
        while self._counted and self._counted[0][0] <= self._now:
            self._used -= self._counted.popleft()[1]
