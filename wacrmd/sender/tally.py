"""How a broadcast goes, and when a row of failures says that something concerns all of it; pure."""

from dataclasses import dataclass, replace

from wacrmd.model import RecipientStatus
from wacrmd.sender.policy import Effect, Verdict


@dataclass(slots=True)
class Tally:
    """A broadcast since it was last started or resumed: guards against burning all of it.

    Until one of its messages has been taken (`proven`), only as many are in flight as may fail in a row.
    """

    in_flight: int = 0
    proven: bool = False
    suspects: int = 0

    def room(self, pause_after: int) -> int | None:
        """How many more may be in flight now; None where only the number's own window counts."""
        return None if self.proven else max(0, pause_after - self.in_flight)

    def note(self, verdict: Verdict, pause_after: int) -> Verdict:
        """The verdict, or one that also pauses the broadcast when `pause_after` suspects came in a row."""
        if verdict.result.status is RecipientStatus.SENT:
            self.proven, self.suspects = True, 0
        elif verdict.effect is Effect.SUSPECT:
            self.suspects += 1
            if self.suspects >= pause_after:
                detail = f"{self.suspects} recipients in a row failed; the last: {verdict.detail}"
                self.suspects, self.proven = 0, False
                return replace(verdict, effect=Effect.PAUSE_BROADCAST, detail=detail)
        return verdict
