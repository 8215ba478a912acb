"""Calls of which somebody can make very many, for the audit: the first are written at once, the others summed up; pure."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

W = TypeVar("W")

INTERVAL_S = 60.0

MAX_CAUSES = 100
"""How many pairs of caller and method are told apart; the others count by method. A user of a machine may own thousands of
user ids."""


EXPORTS_AT_ONCE = 10
"""Of files with people's data: so many by one user within a minute are entries of their own."""

MAX_ADDRESSES = 5
"""Of those that the calls of a sum came from; whoever has many is not to fill the disk with them."""
OTHERS = "and others"


@dataclass(slots=True)
class SummedCall(Generic[W]):
    """Calls of one method by one caller in a minute; the caller is that of the last one."""

    caller: W
    method: str
    since_s: float
    written: int = 1
    calls: int = 0
    """Those that are not written yet."""
    addresses: list[str] = field(default_factory=list)
    """Where they came from; `OTHERS` stands for what is more than `MAX_ADDRESSES`."""

    def add(self, address: str | None) -> None:
        """Count a call that is not written."""
        self.calls += 1
        if address is not None and address not in self.addresses and len(self.addresses) <= MAX_ADDRESSES:
            self.addresses.append(address if len(self.addresses) < MAX_ADDRESSES else OTHERS)


class SummedCalls(Generic[W]):
    """The calls of the last minute, such as those that were denied. Without sums, whoever may only read could fill the disk.

    `key` tells callers apart; `several` stands for those that are not told apart any more. `at_once` calls of a caller
    and a method are written one by one before the others are summed up.
    """

    def __init__(self, key: Callable[[W], Hashable], several: W, at_once: int = 1) -> None:
        self._at_once = at_once
        self._sums: dict[tuple[Hashable, str], SummedCall[W]] = {}
        self._key = key
        self._several = several

    def admit(self, caller: W, method: str, now_s: float, address: str | None = None) -> W | None:
        """Whose call to write now; None if it is counted."""
        if (self._key(caller), method) not in self._sums and len(self._sums) >= MAX_CAUSES:
            caller = self._several
        found = self._sums.get((self._key(caller), method))
        if found is None:
            self._sums[self._key(caller), method] = SummedCall(caller, method, now_s)
            return caller
        found.caller = caller
        if found.written < self._at_once:
            found.written += 1
            return caller
        found.add(address)
        return None

    def count(self, caller: W, method: str, now_s: float, address: str | None) -> None:
        """Sum up a call without writing the first at once: to write takes a time that the caller could measure."""
        if (shown := self.admit(caller, method, now_s, address)) is not None:
            self._sums[self._key(shown), method].add(address)

    def due(self, now_s: float | None) -> list[SummedCall[W]]:
        """The sums of minutes that have ended, each of which then begins again; all of them for None."""
        due = []
        for key, found in list(self._sums.items()):
            if now_s is not None and now_s - found.since_s < INTERVAL_S:
                continue
            del self._sums[key]
            if found.calls:
                due.append(found)
                if now_s is not None:
                    self._sums[key] = SummedCall(found.caller, found.method, now_s, self._at_once)
        return due
