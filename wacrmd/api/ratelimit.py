"""How many requests a key may make: a window of a minute that begins with the first request. Pure.

Times are of the monotonic clock, which nobody sets.
"""

from dataclasses import dataclass

from wacrmd.clock import MINUTE, SECOND, Millis

MAX_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key has left, and after what time its window ends."""

    allowed: bool
    limit: int
    remaining: int
    ends_in: Millis

    @property
    def retry_after_s(self) -> int:
        """The seconds until then, rounded up."""
        return max(1, -(-self.ends_in // SECOND))

    def headers(self, now: Millis) -> dict[str, str]:
        """The X-RateLimit headers; `now` is the time since the epoch, `Reset` is in Unix seconds."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(-(-(now + self.ends_in) // SECOND)),
        }


class RateLimit:
    """The windows of all keys, in memory: a restart begins them afresh."""

    def __init__(self) -> None:
        self._windows: dict[str, tuple[Millis, int]] = {}

    def spend(self, key_id: str, limit: int, now: Millis) -> Allowance:
        """Count one request of the key."""
        began, used = self._windows.get(key_id, (now, 0))
        if now >= began + MINUTE:
            began, used = now, 0
            if len(self._windows) > MAX_KEYS:
                self._windows = {
                    key: window for key, window in self._windows.items() if now < window[0] + MINUTE
                }
        allowed = used < limit
        if allowed:
            used += 1
            self._windows[key_id] = (began, used)
        return Allowance(allowed, limit, limit - used, began + MINUTE - now)
