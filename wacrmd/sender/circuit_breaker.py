"""The circuit breaker of a broadcast: pauses it when its messages are refused one after the other; pure.

It counts answers. `domain/failure_streak.py` counts what Meta's statuses report later.

- half-open: no message was accepted since the start or the last pause. Only as many requests are in flight as
  may fail in a row, so that a faulty template costs few recipients.
- closed: a message was accepted. Only the number's rate limiter counts.
- open: too many failures in a row. The broadcast is paused in the database; resuming it starts half-open.
"""

from dataclasses import dataclass, replace

from wacrmd.domain.recipient import RecipientStatus
from wacrmd.errors import counted
from wacrmd.sender.decision import Decision, Effect


@dataclass(slots=True)
class CircuitBreaker:
    """One broadcast's requests in flight, and its failures since the last accepted message."""

    in_flight: int = 0
    is_half_open: bool = True
    failure_streak: int = 0

    def free_requests(self, max_streak: int) -> int | None:
        """How many more requests may start now; None when closed: it sets no limit then."""
        if not self.is_half_open:
            return None
        at_least = 0 if self.in_flight else 1  # a reload may have lowered `max_streak`
        return max(at_least, max_streak - self.failure_streak - self.in_flight)

    def observe(self, decision: Decision, max_streak: int) -> Decision:
        """Count one result; the decision, which also pauses the broadcast at `max_streak` failures in a row.

        Only failures that may concern every recipient count (`Effect.COUNT_FAILURE`).
        """
        if decision.result.status is RecipientStatus.SENT:
            self.is_half_open, self.failure_streak = False, 0
        elif decision.effect is Effect.COUNT_FAILURE:
            self.failure_streak += 1
            if self.failure_streak >= max_streak:
                detail = f"{counted(self.failure_streak, 'recipient')} in a row failed; the last: {decision.detail}"
                self.is_half_open, self.failure_streak = True, 0
                return replace(decision, effect=Effect.PAUSE_BROADCAST, detail=detail)
        return decision

    def reset_streak(self) -> None:
        """Reset the failure streak: a person changed what may have caused the failures."""
        self.failure_streak = 0


class CircuitBreakers:
    """The breakers of all broadcasts that have work or requests in flight."""

    def __init__(self) -> None:
        self._by_broadcast: dict[int, CircuitBreaker] = {}

    def of(self, broadcast_id: int) -> CircuitBreaker:
        """The breaker of a broadcast; a new one is half-open."""
        return self._by_broadcast.setdefault(broadcast_id, CircuitBreaker())

    def remove_idle(self, broadcast_id: int) -> None:
        """Remove the breaker of a broadcast without more work, unless requests are in flight."""
        breaker = self._by_broadcast.get(broadcast_id)
        if breaker is not None and breaker.in_flight == 0:
            del self._by_broadcast[broadcast_id]

    def reset_streaks(self) -> None:
        """A person changed what may have caused the failures."""
        for breaker in self._by_broadcast.values():
            breaker.reset_streak()
