"""The present throughput of a number, and the state of the sender workers."""

from dataclasses import dataclass

from wacrmd.domain.hold import Hold


@dataclass(frozen=True, slots=True)
class ThroughputState:
    """How fast a number sends now: messages per second, requests in flight, and what blocks it.

    `is_limited`: `[sender] max_in_flight` is too small for what all numbers together would send.
    """

    rate_allowed: float
    rate_now: float
    in_flight: int
    hold: Hold | None
    is_limited: bool = False


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """The sender workers: how many are configured, alive, dead and busy, and how many jobs wait for one."""

    workers: int
    workers_alive: int
    workers_dead: int
    """Those that have died; after the workers were stopped none is alive and none dead."""
    busy: int
    waiting: int
