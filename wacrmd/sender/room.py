"""How many requests of a number may be in flight: what its rate needs, and few while answers stay away; pure.

Every call gets the time, in seconds of a clock that nobody sets. Rates are messages per second.
"""

from collections import deque
from collections.abc import Mapping
from typing import TypeVar

FEW = 4
"""What a number may have in flight beyond its need, and all that it may have while Meta does not answer."""
HEADROOM = 1.5
"""How much more than rate x latency a number may have in flight: latencies vary."""
MAX_UNTIL_FIRST_ANSWER = 32
"""The most requests in flight until the first answer: when Meta hangs from the start, no more become uncertain."""
ASSUMED_LATENCY_S = 0.5
"""The latency of a number that has had no answer yet."""
CEILING_S = 2.0
CEILING = 10
"""No more are in flight than the rate sends in `CEILING_S`, and these, unless answers take longer than that."""
SILENCE_S = 2.0
SILENCE_LATENCIES = 2
"""An answer is overdue after this time, or after so many times the latency if that is longer."""
QUIET_S = 1.5
"""Meta does not answer if an answer is overdue, and for so long none has come to a request that is as new or newer."""
MANY = 16
"""When so many requests have gone unanswered since then, the latency of the newest ones says when an answer is overdue."""
RISE, FALL = 1 / 4, 1 / 16
"""How much one answer moves the latency, when it took longer and when it took less time."""
MAX_UNANSWERED_STREAK = 5
"""After so many requests in a row that ended without an answer, one request at a time is sent."""
MARGIN = 16
"""One in so many of the places in `[sender] max_in_flight` is left free by one number alone, for one that begins."""
OVERCOMMIT = 8
"""Several numbers together may have one in so many more than all places: as many are empty on average, until the next
claims."""

K = TypeVar("K")


class Room:
    """One number's requests in flight, how long answers take, and whether they come at all."""

    def __init__(self) -> None:
        self.granted = 0
        """Requests that are granted and not started yet: their claim is being written."""
        self._started: dict[tuple[int, int], float] = {}
        """When each request in flight was started, oldest first, by (recipient id, attempt)."""
        self._since_newest: deque[tuple[float, tuple[int, int]]] = deque()
        """Requests that were started after the newest one that was answered, oldest first; some may have ended."""
        self._newest_answered = 0.0
        """When the newest request that was answered was started."""
        self._newest_answered_at = 0.0
        """When its answer came."""
        self._newest_latency_s: float | None = None
        """As `_latency_s`, of answers to requests that were newer than all answered before: late answers to old ones, which
        are the only ones when Meta has stopped answering, do not raise it."""
        self._latency_s: float | None = None
        self._quiet_since = 0.0
        """When the last answer came, or when the first request after a pause was started."""
        self._unanswered_streak = 0

    @property
    def in_flight(self) -> int:
        """Requests that are granted or started and have not ended."""
        return self.granted + len(self._started)

    @property
    def is_probing(self) -> bool:
        """Whether the last requests ended without an answer: then only one at a time is sent."""
        return self._unanswered_streak >= MAX_UNANSWERED_STREAK

    def start(self, request: tuple[int, int], now: float) -> None:
        """A granted request begins."""
        if not self._started:
            self._quiet_since = now
        self.granted -= 1
        self._started[request] = now
        self._since_newest.append((now, request))

    def answered(self, request: tuple[int, int], now: float) -> None:
        """A request ended with an answer from Meta."""
        started = self._started.pop(request)
        if started >= self._newest_answered:
            self._newest_latency_s = _moved(self._newest_latency_s, now - started)
            self._newest_answered, self._newest_answered_at = started, now
        self._latency_s = _moved(self._latency_s, now - started)
        self._quiet_since = now
        self._unanswered_streak = 0

    def unanswered(self, request: tuple[int, int]) -> None:
        """A request ended without an answer."""
        del self._started[request]
        self._unanswered_streak += 1

    def dropped(self, request: tuple[int, int]) -> None:
        """A request was not made after all; that says nothing about Meta."""
        del self._started[request]

    def forgive(self) -> None:
        """Stop probing: a person removed the cause."""
        self._unanswered_streak = 0

    def need(self, rate: float, batch: float, now: float) -> int:
        """How many requests in flight the rate needs now, including those that occupy a place without an answer.

        So many of a `batch` start at the same moment, however fast the answers are.
        """
        if self.is_probing:
            return 1
        if self.is_silent(now):
            return FEW
        latency = ASSUMED_LATENCY_S if self._latency_s is None else self._latency_s
        need = int(rate * latency * HEADROOM + batch) + FEW
        if self._latency_s is None:
            return min(need, MAX_UNTIL_FIRST_ANSWER)
        if len(self._started) >= FEW:
            need += self.overdue(now)
        return min(need, int(rate * max(CEILING_S, latency)) + CEILING)

    def is_silent(self, now: float) -> bool:
        """Whether Meta answers nothing though it should; not while it has nothing to answer.

        Answers still come for a while to requests that Meta took before it stopped: those say nothing.
        """
        if not self._started:
            return False
        if now - self._quiet_since > _patience_s(self._latency_s):
            return True
        since = self._since_newest
        while since and (since[0][0] <= self._newest_answered or since[0][1] not in self._started):
            since.popleft()
        if not since or now - self._newest_answered_at <= QUIET_S:
            return False
        latency = self._newest_latency_s if len(since) >= MANY else self._latency_s
        return now - since[0][0] > _patience_s(latency)

    def overdue(self, now: float) -> int:
        """How many requests have been waiting for their answer for too long."""
        before = now - _patience_s(self._latency_s)
        count = 0
        for started in self._started.values():
            if started >= before:
                break
            count += 1
        return count

    def hung(self, now: float) -> int:
        """How many requests Meta leaves without an answer: they occupy a connection, and no place of other numbers."""
        return len(self._started) if self.is_silent(now) else self.overdue(now)

    def oldest_s(self, now: float) -> float:
        """How long the oldest request has been waiting for its answer."""
        return now - next(iter(self._started.values()), now)


def _patience_s(latency_s: float | None) -> float:
    return max(SILENCE_S, SILENCE_LATENCIES * (latency_s or 0.0))


def _moved(average: float | None, latency: float) -> float:
    """The average after one more latency."""
    if average is None:
        return latency
    return average + (latency - average) * (RISE if latency > average else FALL)


def shares(needs: Mapping[K, int], places: int) -> dict[K, int]:
    """How many of all `places` each number may use: its need; where that is too much for all, the large ones get less.

    A number that needs few gets them all the same. No number gets all places, and all together get a few more than there
    are: on average as many are empty, until the next claims.
    """
    margin = places // MARGIN
    left = places + places // OVERCOMMIT
    given: dict[K, int] = {}
    for index, (number, need) in enumerate(sorted(needs.items(), key=_need)):
        given[number] = max(1, min(need, left // (len(needs) - index), places - margin))
        left -= given[number]
    return given


def _need(item: tuple[object, int]) -> int:
    return item[1]
