"""How many of Meta's webhooks may wait. Those that could not be stored soon are refused, and Meta sends them again; pure."""

from dataclasses import dataclass

from wacrmd.clock import HOUR, SECOND, Millis, iso

MAX_WAIT_S = 0.06
"""How much work may lie before a webhook: of the event loop to serve requests, and of the writer to apply updates."""

STALL_S = 0.5
"""When one transaction takes longer, the disk stands still, and nothing more may wait."""

ALWAYS_WEBHOOKS = 32
ALWAYS_BYTES = 128 << 10
"""So much may wait in any case: a slow commit alone refuses nobody."""

FIRST_REQUEST_S = 0.5e-3
FIRST_BYTE_S = 0.1e-6
"""The time for a request and for a byte of updates, until both have been measured."""

LEARN_REQUESTS = 16
LEARN_BYTES = 4096
"""What is measured of less says more about what else the daemon does."""

WEIGHT = 0.2
"""How much one measurement counts against those before it."""

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
    """What waits to be stored, how much work that is, and the newest overload.

    Only webhooks with a right signature wait. So whoever posts without one cannot fill the backlog. Work is measured
    as the CPU time of the loop and as the time of the writer, not as the time from request to answer: that grows
    with the number of connections, and refusing because of it would refuse nearly all when many connections come.
    """

    def __init__(self) -> None:
        self.webhooks = 0
        """How many wait, those that are being stored included."""
        self.overload: Overload | None = None
        """The newest overload since the start, also after its end."""
        self.in_overload = False
        """Whether webhooks are being refused, until `ended`."""
        self._bytes = 0
        self._request_s = FIRST_REQUEST_S
        self._byte_s = FIRST_BYTE_S
        self._began_s: float | None = None
        self._began_cpu_s = 0.0
        self._refused = 0

    def is_full(self, now_s: float) -> bool:
        """Whether the next webhook must be refused."""
        if self.webhooks < ALWAYS_WEBHOOKS and self._bytes < ALWAYS_BYTES:
            return False
        if self._began_s is not None and now_s - self._began_s > STALL_S:
            return True
        # The loop and the writer work at the same time.
        return max(self.webhooks * self._request_s, self._bytes * self._byte_s) > MAX_WAIT_S

    def add(self, body_bytes: int) -> None:
        """A webhook waits."""
        self.webhooks += 1
        self._bytes += body_bytes

    def begin(self, now_s: float, loop_cpu_s: float) -> None:
        """A group of them is being stored; the loop has used so much CPU since its start."""
        self._began_s, self._began_cpu_s, self._refused = now_s, loop_cpu_s, 0

    def end(self, webhooks: int, body_bytes: int, apply_s: float | None, loop_cpu_s: float) -> None:
        """The group of so many webhooks is stored, and applying it took `apply_s`; None if it could not be stored."""
        self.webhooks -= webhooks
        self._bytes -= body_bytes
        self._began_s = None
        if apply_s is not None and body_bytes >= LEARN_BYTES:
            self._byte_s += WEIGHT * (apply_s / body_bytes - self._byte_s)
        # While a group is being stored, the loop serves the next one.
        served = webhooks + self._refused
        if served >= LEARN_REQUESTS:
            self._request_s += WEIGHT * ((loop_cpu_s - self._began_cpu_s) / served - self._request_s)

    def refuse(self, now: Millis) -> bool:
        """Count a webhook that is refused; True if it is the first one of an overload."""
        begins = not self.in_overload
        if begins or self.overload is None:
            self.overload = Overload(now, now)
        self.in_overload = True
        self.overload.last = now
        self.overload.refused += 1
        self._refused += 1
        return begins

    def overload_lately(self, now: Millis) -> Overload | None:
        """The newest overload, if it was within `LATELY`."""
        overload = self.overload
        return overload if overload is not None and abs(now - overload.last) < LATELY else None

    def ended(self, now: Millis) -> Overload | None:
        """The overload that has just ended, once; also when the clock was set back since then."""
        if self.in_overload and self.overload is not None and abs(now - self.overload.last) >= EPISODE_GAP:
            self.in_overload = False
            return self.overload
        return None
