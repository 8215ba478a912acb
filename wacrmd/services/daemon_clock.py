"""The time by which the daemon goes: the machine's clock while that is trusted, else its own."""

from collections.abc import Iterable
from dataclasses import replace

from wacrmd.clock import SECOND, MachineClock, Millis
from wacrmd.domain.clock_trust import EARLIEST, Evidence, difference
from wacrmd.domain.downtime import Downtime, Downtimes
from wacrmd.domain.hold import Hold, HoldReason

STEADY: Millis = 100
"""Smaller corrections of the clock change no time that is shown."""

MAX_APART: Millis = 10
"""How far apart the two clocks may be read: this process may be stopped in between."""


class DaemonClock:
    """A `Clock` that does not leap with the machine's.

    Each call of `now` looks whether the machine's clock is trusted, so nothing can happen between a leap and its
    discovery. A time of the machine's that is not trusted becomes the daemon's once Meta or an operator confirms it.
    """

    def __init__(self, machine: MachineClock) -> None:
        self._machine = machine
        self._started = machine.monotonic()
        monotonic, offset = self._read()
        self._evidence = Evidence(max(offset, EARLIEST - monotonic))
        self._downtimes = Downtimes()
        self._went_by = self._evidence.own
        """The offset by which the daemon went last."""
        self.stored_offset = self._went_by
        """The one by which the last process went, or at the first start this one."""
        self._shown_offset = 0
        self.distrusted_since: Millis | None = None
        """Since when the machine's clock is not trusted, once that was noticed."""

    def resume(
        self, known_at: Millis, *, is_confirmed: bool, accepted: Millis, downtimes: Iterable[Downtime]
    ) -> None:
        """Go on from the time at which the daemon ran last."""
        monotonic, machine = self._read()
        known = known_at - monotonic
        self._evidence = Evidence(known, is_confirmed=is_confirmed, accepted=accepted)
        if self._evidence.trusts(machine):
            self._evidence = replace(self._evidence, own=machine)
        self._downtimes = Downtimes(downtimes)
        self._went_by = self.stored_offset = known

    def now(self) -> Millis:
        """The time in milliseconds since the epoch."""
        return sum(self._go_by())

    def monotonic(self) -> Millis:
        """Milliseconds since some moment of this run."""
        return self._machine.monotonic()

    async def sleep(self, duration: Millis) -> None:
        """Return after so much time of `monotonic`."""
        await self._machine.sleep(duration)

    def time_of(self, monotonic: Millis) -> Millis:
        """Which time it is, or was, at a moment of `monotonic`; the same for each call, unless the clock is corrected."""
        offset = self.offset
        if abs(offset - self._shown_offset) > STEADY:
            self._shown_offset = offset
        return monotonic + self._shown_offset

    @property
    def offset(self) -> Millis:
        """How far the time by which the daemon goes is ahead of `monotonic`."""
        return self._go_by()[1]

    @property
    def uptime(self) -> Millis:
        """For how long this process has run."""
        return self._machine.monotonic() - self._started

    @property
    def machine(self) -> Millis:
        """The machine's clock, trusted or not: what other programs of the machine take for the time."""
        return self._machine.wall()

    @property
    def machine_ahead(self) -> Millis:
        """How far that is ahead of the time by which the daemon goes; 0 while it is trusted."""
        _, machine = self._read()
        return machine - self._evidence.offset(machine)

    @property
    def meta(self) -> Millis | None:
        """Meta's clock, as its newest answer says; None if none has come since the start."""
        return None if self._evidence.meta is None else self._evidence.meta + self._machine.monotonic()

    @property
    def evidence(self) -> Evidence:
        """What is known of the time."""
        return self._evidence

    @property
    def is_trusted(self) -> bool:
        """Whether the daemon goes by the machine's clock without doubt."""
        return self._evidence.trusts(self._read()[1])

    def doubted(self) -> Millis | None:
        """The time for what would go by the machine's clock itself, such as TLS; None while that is trusted."""
        return None if self.is_trusted else self.now()

    @property
    def hold(self) -> Hold | None:
        """What an operator reads about a clock that is not trusted."""
        if self.is_trusted:
            return None
        now, machine, meta = self.now(), self.machine, self.meta
        if meta is None:
            reason = f"{difference(machine, now)} what the daemon knew last, and Meta could not be asked yet"
        else:
            reason = f"{difference(machine, meta)} Meta's"
        detail = (
            f"This machine's clock is {reason}: the daemon goes by its own time, and deletes nothing. Set the clock; or if"
            " it is right: wacrmd clock accept"
        )
        return Hold(HoldReason.CLOCK, detail, self.distrusted_since or now)

    def heard(self, meta: Millis) -> None:
        """Meta's clock has just said this time."""
        monotonic, machine = self._read()
        self._evidence = self._evidence.heard(machine, meta - monotonic)

    def accept(self) -> None:
        """An operator says that the machine's clock is right."""
        self._evidence = self._evidence.accept(self._read()[1])

    def was_set_back(self, now: Millis) -> None:
        """The daemon's time was set back."""
        self._downtimes.move_back(now)

    def age(self, since: Millis) -> Millis:
        """For how long the daemon has run since a time."""
        now = self.now()
        return self._downtimes.age(since, now)

    def ago(self, duration: Millis) -> Millis:
        """The latest time since which the daemon has run for so long."""
        now = self.now()
        return self._downtimes.ago(duration, now)

    def _go_by(self) -> tuple[Millis, Millis]:
        """The monotonic clock, and the offset by which the daemon goes; time that is skipped was a downtime."""
        monotonic, machine = self._read()
        offset = self._evidence.offset(machine)
        if abs(offset - self._went_by) >= SECOND:
            if offset > self._went_by:
                self._downtimes.add(Downtime(monotonic + self._went_by, monotonic + offset))
            self._went_by = offset
        return monotonic, offset

    def _read(self) -> tuple[Millis, Millis]:
        """The monotonic clock, and how far the machine's clock is ahead of it."""
        before = self._machine.monotonic()
        while True:
            wall, after = self._machine.wall(), self._machine.monotonic()
            if after - before <= MAX_APART:
                return after, wall - after
            before = after
