"""How fast one broadcast is sent, beside the rate of its number; pure.

`now` is the monotonic clock in milliseconds.
"""

from math import ceil

from wacrmd.clock import MINUTE, SECOND, Millis

BATCH: Millis = SECOND // 10
"""Messages of so long may go at once: a fast broadcast need not take a turn for each of them, and one that comes late to its
turn by so much loses nothing. All other time in which nothing was sent is not made up for."""


class Pace:
    """One broadcast's messages: each comes a moment after the one before. It begins with one."""

    def __init__(self, rate: float, now: Millis) -> None:
        self._rate = rate
        self._next_at = float(now)
        """When the next message may go, by the rate alone."""

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self._rate

    @property
    def is_slow(self) -> bool:
        """Whether more than a minute passes between two messages, so that it seems to stand still."""
        return self._rate * MINUTE < SECOND

    def set_rate(self, rate: float) -> None:
        """Have another rate from the last message on."""
        self._next_at += SECOND / rate - SECOND / self._rate
        self._rate = rate

    def free(self, now: Millis) -> int:
        """How many messages may go now."""
        if now < self._next_at:
            return 0
        return 1 + int(min(now - self._next_at, BATCH) * self._rate / SECOND)

    def take(self, count: int, now: Millis) -> None:
        """So many messages go now."""
        if count:
            self._next_at = max(self._next_at, now - BATCH) + count * SECOND / self._rate

    def wait(self, now: Millis) -> Millis:
        """After how many milliseconds the next message may go."""
        return max(0, ceil(self._next_at - now))
