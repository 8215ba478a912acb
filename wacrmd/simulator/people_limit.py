"""The messaging limit of the simulated portfolio: to how many different people its numbers may write first in 24 hours."""

from dataclasses import dataclass, field

DAY_MS = 24 * 3600 * 1000


@dataclass(slots=True)
class PeopleLimit:
    """Who was written to, and who wrote, when; by user id."""

    _written: dict[str, int] = field(default_factory=dict)
    _wrote: dict[tuple[str, str], int] = field(default_factory=dict)

    def wrote(self, number: str, user_id: str, at_ms: int) -> None:
        """A person writes to a number: for 24 hours what it answers does not count."""
        self._wrote[number, user_id] = max(at_ms, self._wrote.get((number, user_id), 0))

    def count(self, number: str, user_id: str, limit: int, now_ms: int) -> bool:
        """Count a message; False if it is beyond the limit, and then it does not count."""
        if now_ms - self._wrote.get((number, user_id), -DAY_MS) < DAY_MS:
            return True
        if user_id not in self._written and self.used(now_ms) >= limit:
            return False
        self._written[user_id] = now_ms
        return True

    def used(self, now_ms: int) -> int:
        """How many different people count now."""
        self._written = {who: at for who, at in self._written.items() if now_ms - at < DAY_MS}
        return len(self._written)
