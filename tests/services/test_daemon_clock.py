"""The daemon's clock on two clocks that a test sets."""

from tests.support.clock import START, ManualClock
from wacrmd.clock import DAY, HOUR, MINUTE, SECOND, Millis
from wacrmd.domain.clock_trust import EARLIEST
from wacrmd.domain.hold import HoldReason
from wacrmd.services.daemon_clock import MAX_APART, STEADY, DaemonClock


class Interrupted(ManualClock):
    """A machine on which this process is stopped for hours between two readings, now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.readings = 0

    def monotonic(self) -> Millis:
        self.readings += 1
        if self.readings % 3 == 0:
            self.advance(HOUR)
        return super().monotonic()


def test_a_process_that_is_stopped_between_two_readings_sees_no_leap() -> None:
    machine = Interrupted()
    clock = DaemonClock(machine)
    for _ in range(50):
        assert clock.is_trusted
        assert abs(clock.offset - START) <= MAX_APART
    before = clock.now()
    assert before - START <= clock.age(START) <= clock.now() - START, "and no downtime"


def test_a_leap_is_seen_by_the_next_call() -> None:
    machine = ManualClock()
    clock = DaemonClock(machine)
    machine.leap(400 * DAY)
    assert clock.now() == START
    assert clock.machine == START + 400 * DAY
    assert clock.machine_ahead == 400 * DAY
    machine.advance(SECOND)
    assert clock.now() == START + SECOND
    hold = clock.hold
    assert hold is not None
    assert (hold.reason, hold.since) == (HoldReason.CLOCK, START + SECOND)
    assert "400 days ahead of what the daemon knew last, and Meta could not be asked yet" in hold.detail
    clock.heard(START)
    hold = clock.hold
    assert hold is not None
    assert "400 days ahead of Meta's" in hold.detail
    machine.leap(-400 * DAY)
    assert clock.hold is None
    assert clock.machine_ahead == 0


def test_time_that_is_skipped_counts_for_no_age_from_its_first_moment_on() -> None:
    machine = ManualClock()
    clock = DaemonClock(machine)
    machine.advance(MINUTE)
    machine.leap(DAY)
    assert clock.age(START) == MINUTE
    clock.heard(machine.wall())
    assert clock.age(START) == MINUTE
    assert clock.now() == START + MINUTE + DAY
    machine.advance(MINUTE)
    assert clock.age(START) == 2 * MINUTE
    assert clock.ago(2 * MINUTE) == START
    assert clock.uptime == 2 * MINUTE


def test_the_time_of_a_moment_is_the_same_for_each_call_and_follows_corrections() -> None:
    machine = ManualClock()
    clock = DaemonClock(machine)
    assert clock.time_of(clock.monotonic()) == START
    machine.leap(STEADY)
    machine.advance(5)
    assert clock.time_of(clock.monotonic() - 5) == START
    machine.leap(MINUTE)
    assert clock.time_of(clock.monotonic() - 5) == START + MINUTE + STEADY


def test_what_the_last_process_knew_goes_on() -> None:
    machine = ManualClock()
    clock = DaemonClock(machine)
    clock.resume(START - 21 * DAY, is_confirmed=True, accepted=0, downtimes=[])
    assert clock.now() == START - 21 * DAY
    assert not clock.is_trusted
    clock.heard(START + SECOND)
    assert clock.is_trusted
    assert clock.now() == START
    assert clock.age(START - 21 * DAY) == 0
    assert clock.age(START - 22 * DAY) == DAY


def test_no_clock_is_before_the_first_release() -> None:
    clock = DaemonClock(ManualClock(0))
    assert not clock.is_trusted
    assert clock.now() == EARLIEST
