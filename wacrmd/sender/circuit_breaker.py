"""How a broadcast goes, and when a row of failures says that something concerns all of it; pure."""

from dataclasses import dataclass, replace

from wacrmd.domain.recipient import RecipientStatus
from wacrmd.sender.decision import Decision, Effect


@dataclass(slots=True)
class CircuitBreaker:
    """A broadcast since it was last started or resumed: guards against burning all of it.

    Until one of its messages has been taken (`proven`), only as many are in flight as may fail in a row.
    """

    in_flight: int = 0
    has_succeeded: bool = False
    failure_streak: int = 0

    def room(self, pause_after: int) -> int | None:
        """How many more may be in flight now; None where only the number's own window counts."""
        return None if self.has_succeeded else max(0, pause_after - self.in_flight)

    def note(self, decision: Decision, pause_after: int) -> Decision:
        """The verdict, or one that also pauses the broadcast when `pause_after` suspects came in a row."""
        if decision.result.status is RecipientStatus.SENT:
            self.has_succeeded, self.failure_streak = True, 0
        elif decision.effect is Effect.COUNT_FAILURE:
            self.failure_streak += 1
            if self.failure_streak >= pause_after:
                detail = f"{self.failure_streak} recipients in a row failed; the last: {decision.detail}"
                self.failure_streak, self.has_succeeded = 0, False
                return replace(decision, effect=Effect.PAUSE_BROADCAST, detail=detail)
        return decision
