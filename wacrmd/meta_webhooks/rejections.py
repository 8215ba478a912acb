"""How often rejected requests are logged: anybody can send them, as many as they like; pure."""

from wacrmd.clock import MINUTE, Millis

INTERVAL: Millis = 1 * MINUTE


class Rejections:
    """Requests that were rejected for one reason, and when they were logged."""

    def __init__(self) -> None:
        self._count = 0
        self._logged_at: Millis | None = None

    def add(self, now: Millis) -> int | None:
        """Count a request; how many there were since the last one that was logged, if this one is to be logged.

        `now` is of the monotonic clock.
        """
        self._count += 1
        if self._logged_at is not None and now - self._logged_at < INTERVAL:
            return None
        count, self._count, self._logged_at = self._count, 0, now
        return count
