"""The time in which the process really ran: deadlines count this time only; pure."""

TICK_S = 0.1
"""How often the time is counted, so also how late a deadline may be."""

LATE_S = 0.25
"""A tick after a longer time came late: the process was stopped, or something blocked its event loop."""


class RunningTime:
    """A clock that is told the time every TICK_S and counts a longer gap between two ticks as one TICK_S.

    While the process does not run (SIGSTOP, a paused virtual machine, a blocked event loop) answers arrive and
    cannot be read. That time must not count as time in which a peer did not answer.
    """

    def __init__(self, now: float) -> None:
        self.seconds = 0.0
        self._last = now
        self._was_late = False

    def tick(self, now: float) -> bool:
        """Count the time since the last tick; whether deadlines may be judged now.

        They may not after a gap: what arrived meanwhile must be read first, which takes until the next tick. If
        that one is late too, they may, or a loop that is always blocked would never give up.
        """
        gap, self._last = now - self._last, now
        is_late = gap > LATE_S
        self.seconds += TICK_S if is_late else gap
        may_judge = not is_late or self._was_late
        self._was_late = is_late
        return may_judge

    def at(self, now: float) -> float:
        """The time in seconds at `now`, since the last tick at most one TICK_S more."""
        return self.seconds + min(now - self._last, TICK_S)

    def restart(self, now: float) -> None:
        """Begin to count again after a time without ticks."""
        self._last = now
        self._was_late = False
