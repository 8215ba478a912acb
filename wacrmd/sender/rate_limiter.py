"""How fast one number may send: a token bucket, and blocks; pure.

Every call gets the time: milliseconds of the monotonic clock, which nobody sets. Rates are messages per second.
"""

from dataclasses import dataclass
from math import ceil

from wacrmd.clock import MINUTE, SECOND, Millis
from wacrmd.domain.hold import HoldReason

BURST_S = 0.1
"""The capacity of the bucket: as many tokens as the rate allows in this time."""
MIN_BATCH_S = 0.04
"""Tokens are granted once there are as many as the rate allows in this time: that makes claims fewer and larger."""
LATENESS: Millis = 1 * SECOND
"""How long after the promised time tokens are kept beyond the capacity, a batch and one more: a turn may be late."""
MIN_RATE = 1.0
RECOVERY_INTERVAL: Millis = 10 * SECOND
RECOVERY_SHARE = 0.1
"""The share of the configured rate that a throttled number regains in each interval."""
MIN_BLOCK: Millis = 1 * SECOND
MAX_BLOCK: Millis = 1 * MINUTE
MIN_CALL_LIMIT_BLOCK: Millis = 1 * MINUTE
MAX_CALL_LIMIT_BLOCK: Millis = 16 * MINUTE


@dataclass(frozen=True, slots=True)
class Block:
    """Why a number sends nothing, since when and until when."""

    reason: HoldReason
    detail: str
    since: Millis
    until: Millis


class RateLimiter:
    """One number's token bucket and block. The rate is halved when Meta throttles, and recovers with time."""

    def __init__(self, rate: float, now: Millis) -> None:
        self.batch_s = MIN_BATCH_S
        """How much of the rate a batch is; more where many numbers send, so that all of them need not be asked as often."""
        self._configured_rate = rate
        self._rate = rate
        self._promised_at: Millis = 0
        """When tokens were promised to a turn that waits, or waited last."""
        self._tokens = self._capacity(now)
        self._refilled_at = now
        self._throttled_at: Millis = 0
        """When the rate was last halved; 0: never."""
        self._recovered_at: Millis = 0
        """When the rate was last halved or partly restored."""
        self._blocked_until: Millis = 0
        self._block: Block | None = None
        self._blocks = 0
        """Blocks in a row: each lasts twice as long as the one before."""

    @property
    def rate(self) -> float:
        """Messages per second that are allowed now."""
        return self._rate

    def configure(self, rate: float) -> None:
        """Apply a changed rate."""
        if rate != self._configured_rate:
            self._configured_rate = self._rate = rate

    def wait(self, wanted: int, now: Millis) -> Millis:
        """After how many milliseconds some of `wanted` messages may be sent; 0 is now."""
        self._refill(now)
        if now < self._blocked_until:
            return self._blocked_until - now
        batch = min(self.batch, wanted)
        if self._tokens >= (batch if self._is_waiting(now) else 1.0):  # what was saved needs no batch
            return 0
        wait = max(1, ceil((batch - self._tokens) / self._rate * SECOND - 1e-6))
        self._promised_at = now + wait
        return wait

    def has_batch(self, now: Millis) -> bool:
        """Whether as many messages as are granted together may be sent now."""
        self._refill(now)
        return now >= self._blocked_until and self._tokens >= self.batch

    def acquire(self, wanted: int, now: Millis) -> int:
        """How many of `wanted` messages may be sent now. What is not sent must be given back with `release`."""
        if wanted <= 0 or self.wait(wanted, now):
            return 0
        granted = min(wanted, int(self._tokens))
        self._tokens -= granted
        return granted

    def release(self, unused: int) -> None:
        """Give back what `acquire` granted and nothing was sent for."""
        self._tokens = min(self._capacity(self._refilled_at), self._tokens + unused)

    def accepted(self, now: Millis) -> None:
        """Meta accepted a message: the next block is a short one again."""
        if now >= self._blocked_until:
            self._block, self._blocks = None, 0

    def unanswered(self, now: Millis, detail: str) -> None:
        """Meta does not answer: block, once for the failures of one burst."""
        if now >= self._blocked_until:
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
        if now + duration > self._blocked_until:
            since = self._block.since if self._block and self._block.reason is reason else now
            self._blocked_until = now + duration
            self._block = Block(reason, detail, since, self._blocked_until)
        self._tokens = 0.0

    def rates(self, now: Millis) -> tuple[float, float]:
        """The configured rate, and the present one."""
        self._refill(now)
        return self._configured_rate, self._rate

    def is_blocked(self, now: Millis) -> bool:
        """Whether the number is blocked now."""
        return now < self._blocked_until

    def last_block(self, now: Millis, *, is_probing: bool = False) -> Block | None:
        """The block that lasts, or the one that ended before single requests probe whether Meta answers again."""
        return self._block if is_probing or self.is_blocked(now) else None

    def unblock(self) -> None:
        """End the block at once: a person removed its cause."""
        self._block, self._blocked_until, self._blocks = None, 0, 0

    def call_limit_block(self, now: Millis) -> Millis:
        """How long to block for a call limit if Meta names no time: a minute, then twice as long each time."""
        if now >= self._blocked_until:  # the answers of one burst cause one block
            self._blocks += 1
        return min(MIN_CALL_LIMIT_BLOCK << max(0, self._blocks - 1), MAX_CALL_LIMIT_BLOCK)

    def _next_block(self) -> Millis:
        self._blocks += 1
        return min(MIN_BLOCK << min(16, self._blocks - 1), MAX_BLOCK)

    @property
    def batch(self) -> float:
        """How many tokens are granted together, at least."""
        return max(1.0, self._rate * self.batch_s)

    def _is_waiting(self, now: Millis) -> bool:
        """Whether tokens are promised to a turn, or were lately."""
        return now <= self._promised_at + LATENESS

    def _capacity(self, now: Millis) -> float:
        capacity = max(1.0, self._rate * BURST_S)
        return capacity + self.batch + 1 if self._is_waiting(now) else capacity

    def _refill(self, now: Millis) -> None:
        if self._rate < self._configured_rate and now - self._recovered_at >= RECOVERY_INTERVAL:
            steps = (now - self._recovered_at) // RECOVERY_INTERVAL
            regained = steps * RECOVERY_SHARE * self._configured_rate
            self._rate = min(self._configured_rate, self._rate + regained)
            self._recovered_at += steps * RECOVERY_INTERVAL
        self._tokens = min(
            self._capacity(now), self._tokens + (now - self._refilled_at) / SECOND * self._rate
        )
        self._refilled_at = now
