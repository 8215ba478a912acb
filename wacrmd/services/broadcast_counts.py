"""The counts of broadcasts for all who show them: each broadcast is counted once for each of its revisions."""

from collections.abc import Iterable
from threading import Lock

from wacrmd.domain.broadcast import Broadcast, Counted, Progress
from wacrmd.store import broadcast_counts
from wacrmd.store.database import Tx

MAX_REMEMBERED = 2000
"""Broadcasts whose counts are remembered; those looked at longest ago are forgotten first."""


class BroadcastCounts:
    """The counts of broadcasts as of a snapshot: those kept in the file, those remembered here, or counted anew."""

    def __init__(self) -> None:
        self._remembered: dict[int, tuple[int, Counted]] = {}
        self._lock = Lock()  # the readers of the database are threads

    def progress(self, tx: Tx, found: Iterable[Broadcast]) -> dict[int, Progress]:
        """The counts of broadcasts that were read in the same transaction, by row id."""
        return {each: Progress.of(counts) for each, counts in self.counted(tx, found).items()}

    def counted(self, tx: Tx, found: Iterable[Broadcast]) -> dict[int, Counted]:
        """What is counted of these broadcasts, by row id."""
        revisions = {each.id: each.revision for each in found}
        if tx.total_changes:  # a writer: its revisions may be rolled back, and given to another state
            return broadcast_counts.count(tx, revisions)
        known = {
            each.id: broadcast_counts.kept(each.kept_counts) for each in found if each.kept_counts is not None
        }
        with self._lock:
            for each, revision in revisions.items():
                remembered = self._remembered.get(each)
                if each not in known and remembered is not None and remembered[0] == revision:
                    known[each] = remembered[1]
        unknown = [each for each in revisions if each not in known]
        if unknown:
            known |= broadcast_counts.count(tx, unknown)
        self._remember({each: (revisions[each], known[each]) for each in revisions})
        return known

    def _remember(self, counted: dict[int, tuple[int, Counted]]) -> None:
        with self._lock:
            for each, entry in counted.items():
                self._remembered.pop(each, None)  # the newest stand at the end
                self._remembered[each] = entry
            while len(self._remembered) > MAX_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
