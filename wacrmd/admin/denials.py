"""Calls that were denied, for the audit: the first is written at once, those of the next minute are summed up; pure."""

from dataclasses import dataclass

from wacrmd.admin.identity import Caller
from wacrmd.domain.actor import Level

INTERVAL_S = 60.0

MAX_CAUSES = 100
"""How many pairs of user and method are told apart; the others count by method. A user may own thousands of user ids."""

SEVERAL = Caller(pid=0, uid=-1, gid=-1, user="(several users)", level=Level.READ)


@dataclass(slots=True)
class Denial:
    """Calls of one method that were denied to one user and are not written yet; the caller is that of the last one."""

    caller: Caller
    method: str
    since_s: float
    calls: int = 0


class Denials:
    """The denied calls of the last minute. Without sums, whoever may only read could fill the disk."""

    def __init__(self) -> None:
        self._denials: dict[tuple[int, str], Denial] = {}

    def admit(self, caller: Caller, method: str, now_s: float) -> Caller | None:
        """Whose call to write now; None if it is counted."""
        if (caller.uid, method) not in self._denials and len(self._denials) >= MAX_CAUSES:
            caller = SEVERAL
        denial = self._denials.get((caller.uid, method))
        if denial is None:
            self._denials[caller.uid, method] = Denial(caller, method, now_s)
            return caller
        denial.caller = caller
        denial.calls += 1
        return None

    def due(self, now_s: float | None) -> list[Denial]:
        """The sums of minutes that have ended, each of which then begins again; all of them for None."""
        due = []
        for key, denial in list(self._denials.items()):
            if now_s is not None and now_s - denial.since_s < INTERVAL_S:
                continue
            del self._denials[key]
            if denial.calls:
                due.append(denial)
                if now_s is not None:
                    self._denials[key] = Denial(denial.caller, denial.method, now_s)
        return due
