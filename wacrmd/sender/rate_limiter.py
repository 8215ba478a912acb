"""How fast one number may send: a token bucket, a limit of requests in flight, and blocks; pure.

Every call gets the time. Rates are messages per second, times are milliseconds since the epoch.
"""

from dataclasses import replace

from wacrmd.clock import MINUTE, SECOND, Millis, iso
from wacrmd.domain.hold import Hold, HoldReason
from wacrmd.domain.throughput import ThroughputState

BURST_S = 0.1
"""The capacity of the bucket: as many tokens as the rate allows in this time."""
MIN_BATCH_S = 0.04
"""Tokens are granted once there are as many as the rate allows in this time: that makes claims fewer and larger."""
INITIAL_CONCURRENCY = 32
MIN_CONCURRENCY = 4
MIN_RATE = 1.0
RECOVERY_INTERVAL: Millis = 10 * SECOND
RECOVERY_SHARE = 0.1
"""The share of the configured rate that a throttled number regains in each interval."""
MAX_UNANSWERED_STREAK = 5
"""After so many requests in a row without an answer from Meta the number is blocked for a while."""
MIN_BLOCK: Millis = 1 * SECOND
MAX_BLOCK: Millis = 1 * MINUTE
MIN_CALL_LIMIT_BLOCK: Millis = 1 * MINUTE
MAX_CALL_LIMIT_BLOCK: Millis = 16 * MINUTE


class RateLimiter:
    """One number's token bucket, concurrency limit and block.

    The concurrency limit grows by one with each accepted message and is halved by each request without an
    answer. The rate is halved when Meta throttles, and recovers with time.
    """

    def __init__(self, rate: float, max_concurrency: int, now: Millis) -> None:
        self.in_flight = 0
        self._configured_rate = rate
        self._rate = rate
        self._max_concurrency = max_concurrency
        self._concurrency = min(INITIAL_CONCURRENCY, max_concurrency)
        self._tokens = self._capacity()
        self._refilled_at = now
        self._throttled_at: Millis = 0
        """When the rate was last halved; 0: never."""
        self._recovered_at: Millis = 0
        """When the rate was last halved or partly restored."""
        self._blocked_until: Millis = 0
        self._block: Hold | None = None
        self._blocks = 0
        """Blocks in a row: each lasts twice as long as the one before."""
        self._unanswered_streak = 0

    def configure(self, rate: float, max_concurrency: int) -> None:
        """Apply changed settings."""
        if rate != self._configured_rate:
            self._configured_rate = self._rate = rate
        self._max_concurrency = max_concurrency
        self._concurrency = min(self._concurrency, max_concurrency)

    def acquire(self, wanted: int, now: Millis) -> tuple[int, Millis]:
        """(how many may be sent now, after how many milliseconds to ask again if that is 0).

        (0, 0) means that the concurrency limit is reached: ask again when a request has ended. What is not
        sent in the end must be given back with `release`.
        """
        self._refill(now)
        if now < self._blocked_until:
            return 0, self._blocked_until - now
        concurrency = 1 if self._is_probing() else self._concurrency
        free = max(0, concurrency - self.in_flight)
        if free == 0:
            return 0, 0
        batch = min(max(1.0, self._rate * MIN_BATCH_S), wanted, free)
        if self._tokens < batch:
            return 0, max(1, round((batch - self._tokens) / self._rate * SECOND))
        granted = min(wanted, free, int(self._tokens))
        self._tokens -= granted
        self.in_flight += granted
        return granted, 0

    def release(self, unused: int) -> None:
        """Give back what `acquire` granted and nothing was sent for."""
        self._tokens = min(self._capacity(), self._tokens + unused)
        self.in_flight -= unused

    def answered(self, now: Millis, *, accepted: bool) -> None:
        """A request ended with an answer from Meta."""
        self.in_flight -= 1
        self._unanswered_streak = 0
        if accepted:
            self._concurrency = min(self._concurrency + 1, self._max_concurrency)
            if now >= self._blocked_until:
                self._block, self._blocks = None, 0

    def unanswered(self, now: Millis, detail: str) -> None:
        """A request ended without an answer. Several in a row block the number; after that one request at a time is sent."""
        self.in_flight -= 1
        self._unanswered_streak += 1
        self._concurrency = max(MIN_CONCURRENCY, self._concurrency // 2)
        if self._is_probing() and now >= self._blocked_until:  # the failures of one burst cause one block
            self.block(now, self._next_block(), HoldReason.META_UNREACHABLE, detail)

    def throttle(self, now: Millis, detail: str) -> None:
        """Meta says "too fast": halve the rate and block for a moment, once for a burst of such answers."""
        self._refill(now)
        if now - self._throttled_at >= SECOND or not self._throttled_at:
            self._rate = max(min(MIN_RATE, self._configured_rate), self._rate / 2)
            self._throttled_at = self._recovered_at = now
            self.block(now, self._next_block(), HoldReason.THROTTLED, detail)

    def block(self, now: Millis, duration: Millis, reason: HoldReason, detail: str) -> None:
        """Send nothing for `duration`. A block that ends later stays as it is."""
        self._adapt_to_clock(now)
        if now + duration > self._blocked_until:
            since = self._block.since if self._block and self._block.reason is reason else now
            self._block = Hold(reason, detail, since)
            self._blocked_until = now + duration
        self._tokens = 0.0

    def state(self, now: Millis) -> ThroughputState:
        """The present rate, requests in flight, and why the number is blocked, if it is."""
        self._refill(now)
        hold = self._block if now < self._blocked_until or self._is_probing() else None
        if hold is not None and now < self._blocked_until:
            hold = replace(hold, detail=f"{hold.detail} (until {iso(self._blocked_until)})")
        return ThroughputState(self._configured_rate, self._rate, self.in_flight, hold)

    def unblock(self) -> None:
        """End the block at once: a person removed its cause."""
        self._block, self._blocked_until, self._blocks, self._unanswered_streak = None, 0, 0, 0

    def call_limit_block(self, now: Millis) -> Millis:
        """How long to block for a call limit if Meta names no time: a minute, then twice as long each time."""
        if now >= self._blocked_until:  # the answers of one burst cause one block
            self._blocks += 1
        return min(MIN_CALL_LIMIT_BLOCK << max(0, self._blocks - 1), MAX_CALL_LIMIT_BLOCK)

    def _is_probing(self) -> bool:
        """Whether Meta has not answered lately: then only one request at a time is allowed."""
        return self._unanswered_streak >= MAX_UNANSWERED_STREAK

    def _next_block(self) -> Millis:
        self._blocks += 1
        return min(MIN_BLOCK << min(16, self._blocks - 1), MAX_BLOCK)

    def _capacity(self) -> float:
        return max(1.0, self._rate * BURST_S)

    def _refill(self, now: Millis) -> None:
        self._adapt_to_clock(now)
        if self._rate < self._configured_rate and now - self._recovered_at >= RECOVERY_INTERVAL:
            steps = (now - self._recovered_at) // RECOVERY_INTERVAL
            regained = steps * RECOVERY_SHARE * self._configured_rate
            self._rate = min(self._configured_rate, self._rate + regained)
            self._recovered_at += steps * RECOVERY_INTERVAL
        self._tokens = min(self._capacity(), self._tokens + (now - self._refilled_at) / SECOND * self._rate)
        self._refilled_at = now

    def _adapt_to_clock(self, now: Millis) -> None:
        """Move all times back when the wall clock is set back, so that a block of seconds does not last hours."""
        back = self._refilled_at - now
        if back > 0:
            self._refilled_at = now
            self._throttled_at = max(1, self._throttled_at - back) if self._throttled_at else 0
            self._recovered_at -= back
            self._blocked_until -= back
