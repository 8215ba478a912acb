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
"""No more are in flight than the rate sends in `CEILING_S`, and these, unless answers take longer than that. Beyond `FEW`
they only ask in a silence whether it is over."""
SILENCE_S = 2.0
FIRST_SILENCE_S = 4.0
"""The same until the first answer: it is not known yet that Meta is slow."""
SILENCE_LATENCIES = 2
"""An answer is overdue after this time, or after so many times the latency if that is longer."""
QUIET_S = 1.5
"""Meta does not answer if an answer is overdue, and for so long none has come to a request that is as new or newer."""
MANY = 16
"""When so many requests have gone unanswered since then, the latency of the newest ones says when an answer is overdue."""
RISE, FALL = 1 / 4, 1 / 16
"""How much one answer moves the latency, when it took longer and when it took less time."""
PROBE_S = 2.0
"""How long after the newest request another one asks whether a Meta that does not answer answers again."""
PROBES = 8
"""In a long silence that time is one in so many of it; and what may still be lost lasts as long as the oldest has waited."""
MAX_PROBE_S = 60.0
"""And no longer than this: so long it is, too, once no more may be lost."""
FIRST_AFTER_SILENCE = 2
"""How many requests may be in flight after the answer that ended a silence, and how many more after each further answer."""
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
        self._silent_from: float | None = None
        """When the oldest request was started that ended without an answer in a silence, until the next answer."""
        self._lost = 0
        """How many have ended like that since."""
        self._newest_started = 0.0
        self._left_before = 0.0
        """When the request was started whose answer ended the last silence: of older ones no answer is expected."""
        self._silence_ended_at = 0.0
        """When that answer came."""
        self._ramp: int | None = None
        """How many requests may be in flight after a silence, beside those that are overdue; None: it is long over."""

    @property
    def in_flight(self) -> int:
        """Requests that are granted or started and have not ended."""
        return self.granted + len(self._started)

    @property
    def latency_s(self) -> float:
        """How long answers take lately."""
        return self._latency_s or 0.0

    def begun_again_s(self, now: float) -> float | None:
        """For how long Meta has answered again, while only a few requests are sent at a time after a silence."""
        return None if self._ramp is None else now - self._silence_ended_at

    @property
    def is_probing(self) -> bool:
        """Whether the last requests ended without an answer: then only one at a time is sent."""
        return self._unanswered_streak >= MAX_UNANSWERED_STREAK

    def start(self, request: tuple[int, int], now: float) -> None:
        """A granted request begins."""
        if not self._started and self._silent_from is None:
            self._quiet_since = now
        self._newest_started = now
        self.granted -= 1
        self._started[request] = now
        self._since_newest.append((now, request))

    def answered(self, request: tuple[int, int], now: float) -> None:
        """A request ended with an answer from Meta."""
        was_silent = self.is_silent(now)
        started = self._started.pop(request)
        if started >= self._newest_answered:
            if was_silent:
                self._silent_from, self._lost = None, 0
                self._left_before, self._ramp, self._silence_ended_at = started, 0, now
            if self._ramp is not None:
                self._ramp += FIRST_AFTER_SILENCE
            self._newest_latency_s = _moved(self._newest_latency_s, now - started)
            self._newest_answered, self._newest_answered_at = started, now
        self._latency_s = _moved(self._latency_s, now - started)
        self._quiet_since = now
        self._unanswered_streak = 0

    def unanswered(self, request: tuple[int, int], now: float, *, was_sent: bool = True) -> None:
        """A request ended without an answer; in a silence that is no news. One that was not sent is not lost."""
        is_old = now - self._started[request] > _patience_s(self._latency_s) and self.is_silent(now)
        started = self._started.pop(request)
        if is_old:
            self._silent_from = min(started, self._silent_from or started)
            self._lost += was_sent
        else:
            self._unanswered_streak += 1

    def dropped(self, request: tuple[int, int]) -> None:
        """A request was not made after all; that says nothing about Meta."""
        del self._started[request]

    def forgive(self) -> None:
        """Stop probing: a person removed the cause."""
        self._unanswered_streak = self._lost = 0
        self._silent_from = self._ramp = None

    def need(self, rate: float, batch: float, now: float) -> int:
        """How many requests in flight the rate needs now, including those that occupy a place without an answer.

        So many of a `batch` start at the same moment, however fast the answers are.
        """
        if self.is_probing:
            return self.overdue(now) + 1
        if self.is_silent(now):
            return self._need_in_silence(rate, now)
        latency = ASSUMED_LATENCY_S if self._latency_s is None else self._latency_s
        need = int(rate * latency * HEADROOM + batch) + FEW
        if self._latency_s is None:
            return min(need, MAX_UNTIL_FIRST_ANSWER)
        overdue = self.overdue(now) if len(self._started) >= FEW else 0
        left = self._left()
        ceiling = int(rate * max(CEILING_S, latency)) + FEW + min(left, int(rate * latency * HEADROOM))
        if self._ramp is not None:
            overdue = max(overdue, left)
            if self._ramp < need:
                need = self._ramp
            else:
                self._ramp = None
        return min(need + overdue, ceiling)

    def _need_in_silence(self, rate: float, now: float) -> int:
        """One more than those without an answer if another may ask now whether Meta answers again."""
        latency, unanswered = self._latency_s or 0.0, len(self._started)
        at_risk = unanswered + self._lost - min(self._left(), int(rate * latency * HEADROOM))
        may_be_lost = int(rate * max(CEILING_S, latency)) + CEILING - at_risk
        wait_s = max(PROBE_S, latency, self.silence_s(now) / PROBES, self.oldest_s(now) / max(1, may_be_lost))
        if may_be_lost <= 0:
            wait_s = MAX_PROBE_S
        return unanswered + int(now - self._newest_started >= min(wait_s, MAX_PROBE_S))

    def _left(self) -> int:
        """How many requests of a silence that is over are still waited for."""
        count = 0
        for started in self._started.values():
            if started >= self._left_before:
                break
            count += 1
        return count

    def is_silent(self, now: float) -> bool:
        """Whether Meta answers nothing though it should; not while it has nothing to answer.

        Answers still come for a while to requests that Meta took before it stopped: those say nothing.
        """
        if self._silent_from is not None:
            return True
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
        """How long the oldest request has been waiting for its answer, or had waited in this silence."""
        return now - min(next(iter(self._started.values()), now), self._silent_from or now)

    def silence_s(self, now: float) -> float:
        """For how long Meta has answered nothing; requests of a silence that is over may be waited for since longer."""
        return min(self.oldest_s(now), now - self._newest_answered_at)

    def unanswered_count(self, now: float) -> int:
        """How many requests Meta has not answered in time, in this silence."""
        return max(
            1, self.overdue(now) + self._lost
        )  # it may be noticed before the first one counts as overdue


def _patience_s(latency_s: float | None) -> float:
    return FIRST_SILENCE_S if latency_s is None else max(SILENCE_S, SILENCE_LATENCIES * latency_s)


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
