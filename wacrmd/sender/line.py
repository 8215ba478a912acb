"""The order in which the broadcasts of one number take turns; pure."""

from collections import OrderedDict


class Line:
    """The broadcasts of a number that have work, each once. A turn is one claim.

    Turns alternate: one for the newest broadcast that has had none yet, one for the broadcast that has waited longest.
    So a small new broadcast waits neither for twenty large ones nor for as many new ones, and nobody waits for ever.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[int, None] = OrderedDict()
        """All, the one that has waited longest first."""
        self._new: OrderedDict[int, None] = OrderedDict()
        """Those that have had no turn, the newest last."""
        self._newest_was_last = False

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, broadcast_id: int) -> bool:
        return broadcast_id in self._waiting

    def add(self, broadcast_id: int) -> None:
        """Put a broadcast that has had no turn into the line; one that is in it already keeps its place."""
        if broadcast_id not in self._waiting:
            self._waiting[broadcast_id] = self._new[broadcast_id] = None

    def first(self) -> int | None:
        """Whose turn is next; None when nobody waits."""
        return next(iter(self.order(1)), None)

    def order(self, count: int) -> list[int]:
        """Whose turns are the next `count`, in order, if each leaves the line after its own."""
        newest, longest = reversed(self._new), iter(self._waiting)
        found: dict[int, None] = {}
        newest_was_last, oldest = self._newest_was_last, None
        while len(found) < min(count, len(self._waiting)):
            if oldest is None or oldest in found:
                oldest = next(each for each in longest if each not in found)
            turn = oldest
            if not newest_was_last:
                turn = next((each for each in newest if each not in found), oldest)
            newest_was_last = turn != oldest
            found[turn] = None
        return list(found)

    def end_turn(self, broadcast_id: int, *, has_more: bool) -> None:
        """A broadcast has had its turn: it goes to the end, or leaves when it has no more work."""
        self._newest_was_last = broadcast_id != self._longest()
        self.remove(broadcast_id)
        if has_more:
            self._waiting[broadcast_id] = None

    def remove(self, broadcast_id: int) -> None:
        """Take a broadcast out of the line, if it is there."""
        self._waiting.pop(broadcast_id, None)
        self._new.pop(broadcast_id, None)

    def _longest(self) -> int | None:
        return next(iter(self._waiting), None)
