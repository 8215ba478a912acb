"""Lines that others can cause as often as they like: the first is written, those of the next minute are summed up."""

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from wacrmd.clock import MINUTE, Millis

INTERVAL: Millis = 1 * MINUTE

MAX_CAUSES = 256
"""How many causes are told apart. Who can invent more must not get a line for each: the others count as one."""

Cause = tuple[str, str, str, Hashable]
"""Level, logger and event of a line, and who or what causes it."""

_OTHERS = object()


@dataclass(slots=True)
class _Sum:
    since: Millis
    count: int = 0
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SummedLine:
    """A line that stands for `values["count"]` of them; the other values are those of the last one."""

    level: str
    logger: str
    event: str
    values: dict[str, Any]


class LineSums:
    """The lines of the last minute that were not written; from any thread. Times are of the monotonic clock."""

    def __init__(self) -> None:
        self._sums: dict[Cause, _Sum] = {}
        self._lock = threading.Lock()

    def admit(self, cause: Cause, values: dict[str, Any], now: Millis) -> bool:
        """Whether to write this line; else it is counted, by `values["count"]` or as one."""
        with self._lock:
            if cause not in self._sums and len(self._sums) >= MAX_CAUSES:
                cause = (*cause[:3], _OTHERS)
            found = self._sums.get(cause)
            if found is None:
                self._sums[cause] = _Sum(now)
                return True
            found.count += values.get("count", 1)
            found.values = {name: value for name, value in values.items() if name != "exc_info"}
            return False

    def due(self, now: Millis | None) -> list[SummedLine]:
        """The sums of a minute that has ended, which then begins again; all of them for None."""
        lines = []
        with self._lock:
            for cause, found in list(self._sums.items()):
                if now is not None and now - found.since < INTERVAL:
                    continue
                if not found.count:
                    del self._sums[cause]
                    continue
                lines.append(SummedLine(*cause[:3], found.values | {"count": found.count}))
                self._sums[cause] = _Sum(now or found.since)
        return lines
