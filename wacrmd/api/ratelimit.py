"""How many requests a key may make: a window of a minute that begins with the first request. Pure."""

from dataclasses import dataclass

from wacrmd.clock import MINUTE, SECOND, Millis

MAX_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a key has left, and when its window ends."""

    allowed: bool
    limit: int
    remaining: int
    reset_at: Millis
    retry_after_s: int

    def headers(self) -> dict[str, str]:
        """The X-RateLimit headers; `Reset` is in Unix seconds."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(-(-self.reset_at // SECOND)),
        }


class RateLimit:
    """The windows of all keys, in memory: a restart begins them afresh."""

    def __init__(self) -> None:
        self._windows: dict[str, tuple[Millis, int]] = {}

    def spend(self, key_id: str, limit: int, now: Millis) -> Allowance:
        """Count one request of the key."""
        began, used = self._windows.get(key_id, (now, 0))
        if not began <= now < began + MINUTE:
            began, used = now, 0
            if len(self._windows) > MAX_KEYS:
                self._windows = {
                    key: window for key, window in self._windows.items() if now < window[0] + MINUTE
                }
        allowed = used < limit
        if allowed:
            used += 1
            self._windows[key_id] = (began, used)
        reset_at = began + MINUTE
        return Allowance(allowed, limit, limit - used, reset_at, max(1, -(-(reset_at - now) // SECOND)))
