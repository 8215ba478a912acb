"""How many of Meta's webhooks may wait. Those that could not be stored soon are refused, and Meta sends them again; pure."""

from dataclasses import dataclass

from wacrmd.clock import HOUR, SECOND, Millis, iso

MAX_WAIT_S = 0.1
"""How long the waiting webhooks may need until they are stored. Reading and answering a request come on top."""

REQUEST_BYTES = 4096
"""A request is as much work as applying this many bytes of updates."""

ALWAYS_BYTES = 32 * REQUEST_BYTES * 5 // 4
"""So much may wait however slow the disk is: some 32 webhooks with one status each."""

FIRST_GUESS_S = 0.1e-6
"""Seconds per byte, until it has been measured."""

LEARN_BYTES = 16 * REQUEST_BYTES
"""A smaller group says more about the disk's commit than about the work."""

EPISODE_GAP: Millis = 10 * SECOND
"""An overload ends when no webhook has been refused for so long."""


LATELY: Millis = HOUR
"""So long operators are warned of an overload."""


@dataclass(slots=True)
class Overload:
    """A time in which webhooks were refused."""

    since: Millis
    last: Millis
    refused: int = 0

    def text(self) -> str:
        """A sentence for operators."""
        return (
            f"Meta's webhooks came faster than they could be stored: {self.refused} were refused between"
            f" {iso(self.since)} and {iso(self.last)}; Meta sends them again"
        )


class Backlog:
    """What waits to be stored, how fast that went lately, and the newest overload.

    Only webhooks with a right signature wait. So whoever posts without one cannot fill the backlog.
    """

    def __init__(self) -> None:
        self.webhooks = 0
        """How many wait, those that are being stored included."""
        self.overload: Overload | None = None
        """The newest overload since the start, also after its end."""
        self._bytes = 0
        self._seconds_per_byte = FIRST_GUESS_S
        self._began_s: float | None = None
        self._open_episode = False

    def is_full(self, now_s: float) -> bool:
        """Whether the next webhook must be refused, because those before it need longer than `MAX_WAIT_S`."""
        if self._bytes < ALWAYS_BYTES:
            return False
        running_s = 0.0 if self._began_s is None else now_s - self._began_s
        return max(self._bytes * self._seconds_per_byte, running_s) > MAX_WAIT_S

    def add(self, body_bytes: int) -> None:
        """A webhook waits."""
        self.webhooks += 1
        self._bytes += REQUEST_BYTES + body_bytes

    def begin(self, now_s: float) -> None:
        """A group of them is being stored."""
        self._began_s = now_s

    def end(self, webhooks: int, body_bytes: int, now_s: float) -> None:
        """The group of so many webhooks is stored, or could not be."""
        done = webhooks * REQUEST_BYTES + body_bytes
        self.webhooks -= webhooks
        self._bytes -= done
        if self._began_s is not None and done >= LEARN_BYTES:
            self._seconds_per_byte += 0.2 * ((now_s - self._began_s) / done - self._seconds_per_byte)
        self._began_s = None

    def refuse(self, now: Millis) -> bool:
        """Count a webhook that is refused; True if it is the first one of an overload."""
        begins = not self._open_episode
        if begins or self.overload is None:
            self.overload = Overload(now, now)
        self._open_episode = True
        self.overload.last = now
        self.overload.refused += 1
        return begins

    def overload_lately(self, now: Millis) -> Overload | None:
        """The newest overload, if it was within `LATELY`."""
        overload = self.overload
        return overload if overload is not None and now - overload.last < LATELY else None

    @property
    def in_overload(self) -> bool:
        """Whether webhooks are being refused; `ended` ends it."""
        return self._open_episode

    def ended(self, now: Millis) -> Overload | None:
        """The overload that has just ended, once."""
        if self._open_episode and self.overload is not None and now - self.overload.last >= EPISODE_GAP:
            self._open_episode = False
            return self.overload
        return None
