"""How fast a number may send now: a token bucket, a window of requests in flight, and what blocks both.

Pure: every call is given the time. Rates are messages per second, times milliseconds since the epoch.
"""

from dataclasses import replace

from wacrmd.clock import MINUTE, SECOND, Millis, iso
from wacrmd.domain.hold import Hold, HoldReason
from wacrmd.services.context import ThroughputState

BURST_S = 0.1
"""How much unused rate may be saved up."""
QUANTUM_S = 0.04
"""How much rate is collected before any of it is handed out: fewer, larger claims."""
FIRST_WINDOW = 32
MIN_WINDOW = 4
MIN_RATE = 1.0
RECOVERY_EVERY = 10 * SECOND
RECOVERY_SHARE = 0.1
SILENT_AFTER = 5
"""Requests in a row without any answer of Meta after which the number is blocked for a while."""
FIRST_BLOCK = 1 * SECOND
LONGEST_BLOCK = 1 * MINUTE


class RateLimiter:
    """One number's bucket, window and blocks."""

    def __init__(self, rate: float, ceiling: int, now: Millis) -> None:
        self.in_flight = 0
        self._configured = rate
        self._rate = rate
        self._ceiling = ceiling
        self._window = min(FIRST_WINDOW, ceiling)
        self._tokens = self._capacity()
        self._filled_at = now
        self._eased_at: Millis = 0
        self._blocked_until: Millis = 0
        self._block: Hold | None = None
        self._blocks = 0
        self._unanswered = 0

    def configure(self, rate: float, ceiling: int) -> None:
        """Take over changed settings."""
        if rate != self._configured:
            self._configured = self._rate = rate
        self._ceiling = ceiling
        self._window = min(self._window, ceiling)

    def acquire(self, wanted: int, now: Millis) -> tuple[int, Millis]:
        """(how many may be sent now, 0 and when to ask again in milliseconds from now).

        What is taken and not sent is given back with `give_back`.
        """
        self._fill(now)
        if now < self._blocked_until:
            return 0, self._blocked_until - now
        room = max(0, (1 if self._unanswered >= SILENT_AFTER else self._window) - self.in_flight)
        if room == 0:
            return 0, 0
        quantum = min(max(1.0, self._rate * QUANTUM_S), wanted, room)
        if self._tokens < quantum:
            return 0, max(1, round((quantum - self._tokens) / self._rate * SECOND))
        granted = min(wanted, room, int(self._tokens))
        self._tokens -= granted
        self.in_flight += granted
        return granted, 0

    def release(self, unused: int) -> None:
        """Return what was taken for recipients that were not there."""
        self._tokens = min(self._capacity(), self._tokens + unused)
        self.in_flight -= unused

    def answered(self, now: Millis, *, accepted: bool) -> None:
        """A request ended with an answer of Meta."""
        self.in_flight -= 1
        self._unanswered = 0
        if accepted:
            self._window = min(self._window + 1, self._ceiling)
            if now >= self._blocked_until:
                self._block, self._blocks = None, 0

    def unanswered(self, now: Millis, detail: str) -> None:
        """A request ended without an answer; a row of those blocks the number, then lets single
        probes out.
        """
        self.in_flight -= 1
        self._unanswered += 1
        self._window = max(MIN_WINDOW, self._window // 2)
        if self._unanswered >= SILENT_AFTER and now >= self._blocked_until:  # a burst of them counts once
            self.block(now, self._next_block(), HoldReason.META_UNREACHABLE, detail)

    def throttle(self, now: Millis, detail: str) -> None:
        """Meta says too fast: halve the rate, and wait a moment. A burst of such answers counts once."""
        self._fill(now)
        if now - self._eased_at >= SECOND or not self._eased_at:
            self._rate = max(min(MIN_RATE, self._configured), self._rate / 2)
            self._eased_at = now
            self.block(now, self._next_block(), HoldReason.THROTTLED, detail)

    def block(self, now: Millis, duration: Millis, reason: HoldReason, detail: str) -> None:
        """Send nothing for a while; a shorter block never shortens a longer one."""
        self._follow(now)
        if now + duration > self._blocked_until:
            since = self._block.since if self._block and self._block.reason is reason else now
            self._block = Hold(reason, detail, since)
            self._blocked_until = now + duration
        self._tokens = 0.0

    def state(self, now: Millis) -> ThroughputState:
        """The present state, for people."""
        self._fill(now)
        hold = self._block if now < self._blocked_until or self._unanswered >= SILENT_AFTER else None
        if hold is not None and now < self._blocked_until:
            hold = replace(hold, detail=f"{hold.detail} (until {iso(self._blocked_until)})")
        return ThroughputState(self._configured, self._rate, self.in_flight, hold)

    def unblock(self) -> None:
        """A person has mended what blocked the number: try at once."""
        self._block, self._blocked_until, self._blocks, self._unanswered = None, 0, 0, 0

    def limit_block(self, now: Millis) -> Millis:
        """How long a call limit blocks where Meta does not say: a minute, doubling while it lasts."""
        if now >= self._blocked_until:  # the answers of one burst double it once
            self._blocks += 1
        return min(MINUTE << max(0, self._blocks - 1), 16 * MINUTE)

    def _next_block(self) -> Millis:
        self._blocks += 1
        return min(FIRST_BLOCK << min(16, self._blocks - 1), LONGEST_BLOCK)

    def _capacity(self) -> float:
        return max(1.0, self._rate * BURST_S)

    def _fill(self, now: Millis) -> None:
        self._follow(now)
        if self._rate < self._configured and now - self._eased_at >= RECOVERY_EVERY:
            steps = (now - self._eased_at) // RECOVERY_EVERY
            self._rate = min(self._configured, self._rate + steps * RECOVERY_SHARE * self._configured)
            self._eased_at += steps * RECOVERY_EVERY
        self._tokens = min(self._capacity(), self._tokens + (now - self._filled_at) / SECOND * self._rate)
        self._filled_at = now

    def _follow(self, now: Millis) -> None:
        """The wall clock may be set back: what was to last some seconds must not last as long as that."""
        back = self._filled_at - now
        if back > 0:
            self._filled_at = now
            self._eased_at = max(1, self._eased_at - back) if self._eased_at else 0
            self._blocked_until -= back
