"""How fast users that may only read are served: each connection and each call waits for its turn; pure."""

from dataclasses import dataclass, field

PER_USER = 20.0
OF_ALL = 100.0
"""Connections and calls a second, of one user and of all of them."""

BURST_S = 5.0
"""How much of that time may be used at once after a pause."""

MAX_USERS = 256
"""How many users have a pace of their own at a time; the others share one. A user may own thousands of user ids."""

_ALL = -1
_OTHERS = -2


@dataclass(slots=True)
class Pace:
    """When each user's next turn is."""

    _next_s: dict[int, float] = field(default_factory=dict)

    def delay_s(self, uid: int, now_s: float) -> float:
        """Take a turn; how many seconds it is away."""
        if uid not in self._next_s and len(self._next_s) >= MAX_USERS:
            self._next_s = {each: at for each, at in self._next_s.items() if at > now_s - BURST_S}
            if len(self._next_s) >= MAX_USERS:
                uid = _OTHERS
        return max(self._take(uid, PER_USER, now_s), self._take(_ALL, OF_ALL, now_s))

    def _take(self, key: int, per_second: float, now_s: float) -> float:
        at = max(self._next_s.get(key, 0.0), now_s - BURST_S)
        self._next_s[key] = at + 1 / per_second
        return max(0.0, at - now_s)
