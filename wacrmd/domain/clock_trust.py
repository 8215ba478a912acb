"""Whether the machine's clock is trusted, and the time by which the daemon goes if it is not; pure.

Every time here is an offset: how far a clock is ahead of the monotonic clock, in milliseconds. An offset stays the same
while its clock runs, and changes when the clock is set.
"""

from dataclasses import dataclass, replace

from wacrmd.clock import DAY, HOUR, MINUTE, Millis

TOLERANCE: Millis = 5 * MINUTE
"""Clocks that are no further apart agree. Restarts and small corrections stay below it, and no wrong time zone does."""

EARLIEST: Millis = 1_767_225_600_000
"""2026-01-01: no clock that is before wacrmd was written is right."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the time. Methods get the offset of the machine's clock.

    The daemon's own time goes on from the last time that was trusted. It may be too early, because the monotonic clock
    stands still while the machine is off or suspended. It is never too late, if it is confirmed.
    """

    own: Millis
    is_confirmed: bool = False
    """Whether Meta or an operator has confirmed the time from which the daemon's own goes on."""
    meta: Millis | None = None
    """Meta's clock, as its newest answer says."""
    accepted: Millis = 0
    """How far the machine's clock may be ahead of Meta's, because an operator said that it is right."""

    def trusts(self, machine: Millis) -> bool:
        """Whether the machine's clock is trusted: it agrees with Meta's or, while that is not known, with the daemon's."""
        if self.meta is None:
            return _agree(machine, self.own)
        return _agree(machine, self.meta) or _agree(machine - self.accepted, self.meta)

    def offset(self, machine: Millis) -> Millis:
        """The offset by which the daemon goes: that of the machine's clock if it is trusted.

        Otherwise nothing may happen too early: its own time, and not more than the machine's clock and Meta's both
        say. One that is before the daemon's own time says nothing.
        """
        if self.trusts(machine):
            return machine
        own = machine if _agree(machine, self.own) else self.own
        if self.meta is None or (self.is_confirmed and self.meta <= self.own + TOLERANCE):
            return own
        if not self.is_confirmed or machine < self.own - TOLERANCE:
            return self.meta
        return min(machine, self.meta)

    def heard(self, machine: Millis, meta: Millis) -> "Evidence":
        """With a new answer of Meta's. One that was on its way for long says too early a time, which changes nothing."""
        if self.meta is not None and self.meta - TOLERANCE <= meta < self.meta:
            meta = self.meta
        found = replace(self, meta=meta)
        if not found.trusts(machine):
            return found
        accepted = 0 if _agree(machine, meta) else self.accepted
        return Evidence(machine, is_confirmed=True, meta=meta, accepted=accepted)

    def accept(self, machine: Millis) -> "Evidence":
        """With the word of an operator that the machine's clock is right, whatever Meta's says now."""
        accepted = 0 if self.meta is None or _agree(machine, self.meta) else machine - self.meta
        return Evidence(machine, is_confirmed=True, meta=self.meta, accepted=accepted)


def difference(one: Millis, other: Millis) -> str:
    """How far a clock is ahead of another one, for people, such as `3 h ahead of`."""
    minutes = round(abs(one - other) / MINUTE)
    direction = "ahead of" if one > other else "behind"
    if minutes < 2 * HOUR // MINUTE:
        return f"{minutes} min {direction}"
    hours = round(minutes / 60)
    return f"{hours} h {direction}" if hours < 2 * DAY // HOUR else f"{round(hours / 24)} days {direction}"


def _agree(one: Millis, other: Millis) -> bool:
    return abs(one - other) <= TOLERANCE
