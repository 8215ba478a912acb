"""The failures in a row that Meta's statuses report of one broadcast; pure.

Answers are counted by `sender/circuit_breaker.py`. A status comes later than the answer, after a restart too, and together
with others, so this streak is stored with the broadcast.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from wacrmd.clock import Millis


@dataclass(frozen=True, slots=True)
class FailureStreak:
    """How many messages in a row failed; only those of attempts since `since` count, when a person last resumed."""

    length: int = 0
    since: Millis = 0

    def after(self, failures: Iterable[bool], max_streak: int) -> tuple["FailureStreak", bool]:
        """The streak after statuses that came together, and whether they pause the broadcast.

        Each is True for a failure that may concern every recipient, False for a message that was delivered. The order of
        what comes together says little: it pauses nothing if at least as many were delivered as failed.
        """
        length, longest, failed, delivered = self.length, 0, 0, 0
        for is_failure in failures:
            if is_failure:
                failed += 1
                length += 1
                longest = max(longest, length)
            else:
                delivered += 1
                length = 0
        pauses = longest >= max_streak and failed > delivered
        return FailureStreak(0 if pauses else length, self.since), pauses
