"""Calls that were denied, for the audit: the first is written at once, those of the next minute are summed up; pure."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

W = TypeVar("W")

INTERVAL_S = 60.0

MAX_CAUSES = 100
"""How many pairs of caller and method are told apart; the others count by method. A user of a machine may own thousands of
user ids."""


@dataclass(slots=True)
class Denial(Generic[W]):
    """Calls of one method that were denied to one caller and are not written yet; the caller is that of the last one."""

    caller: W
    method: str
    since_s: float
    calls: int = 0


class Denials(Generic[W]):
    """The denied calls of the last minute. Without sums, whoever may only read could fill the disk.

    `key` tells callers apart; `several` stands for those that are not told apart any more.
    """

    def __init__(self, key: Callable[[W], Hashable], several: W) -> None:
        self._denials: dict[tuple[Hashable, str], Denial[W]] = {}
        self._key = key
        self._several = several

    def admit(self, caller: W, method: str, now_s: float) -> W | None:
        """Whose call to write now; None if it is counted."""
        if (self._key(caller), method) not in self._denials and len(self._denials) >= MAX_CAUSES:
            caller = self._several
        denial = self._denials.get((self._key(caller), method))
        if denial is None:
            self._denials[self._key(caller), method] = Denial(caller, method, now_s)
            return caller
        denial.caller = caller
        denial.calls += 1
        return None

    def count(self, caller: W, method: str, now_s: float) -> None:
        """Sum up a call without writing the first at once: to write takes a time that the caller could measure."""
        if (shown := self.admit(caller, method, now_s)) is not None:
            self._denials[self._key(shown), method].calls = 1

    def due(self, now_s: float | None) -> list[Denial[W]]:
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
