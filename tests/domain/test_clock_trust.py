"""Which clock is trusted, and which time the daemon goes by. Every time is an offset from the monotonic clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.clock import DAY, HOUR, MINUTE, SECOND, Millis
from wacrmd.domain.clock_trust import TOLERANCE, Evidence, difference

NOW: Millis = 1_795_000_000_000
YEAR = 365 * DAY

offsets = st.integers(NOW - 60 * YEAR, NOW + 60 * YEAR)
known = st.builds(
    Evidence,
    own=offsets,
    is_confirmed=st.just(True),
    meta=st.none() | offsets,
    accepted=st.just(0) | st.integers(-3 * YEAR, 3 * YEAR),
)


def confirmed(meta: Millis | None = None, accepted: Millis = 0) -> Evidence:
    """The daemon's own time is NOW."""
    return Evidence(NOW, is_confirmed=True, meta=meta, accepted=accepted)


@pytest.mark.parametrize(
    ("evidence", "machine", "goes_by", "is_trusted"),
    [
        pytest.param(confirmed(), NOW, NOW, True, id="nothing has happened"),
        pytest.param(confirmed(), NOW + TOLERANCE, NOW + TOLERANCE, True, id="a small correction"),
        pytest.param(confirmed(), NOW - TOLERANCE, NOW - TOLERANCE, True, id="a small one back"),
        pytest.param(confirmed(), NOW + TOLERANCE + 1, NOW, False, id="a leap ahead"),
        pytest.param(confirmed(), NOW - TOLERANCE - 1, NOW, False, id="a leap back"),
        pytest.param(confirmed(NOW), NOW + 2 * YEAR, NOW, False, id="a leap that Meta denies"),
        pytest.param(confirmed(NOW), NOW - 56 * YEAR, NOW, False, id="a start in 1970 that Meta denies"),
        pytest.param(confirmed(NOW + TOLERANCE), NOW - DAY, NOW, False, id="Meta's agrees with the daemon's"),
        pytest.param(confirmed(NOW + 21 * DAY), NOW + 21 * DAY, NOW + 21 * DAY, True, id="a holiday"),
        pytest.param(confirmed(NOW - HOUR), NOW - HOUR, NOW - HOUR, True, id="a clock that was too fast"),
        pytest.param(
            confirmed(NOW + 3 * DAY), NOW - 26 * YEAR, NOW + 3 * DAY, False, id="no clock in the machine"
        ),
        pytest.param(
            confirmed(NOW + 3 * DAY), NOW + 400 * DAY, NOW + 3 * DAY, False, id="off, then a wrong clock"
        ),
        pytest.param(
            confirmed(NOW + 400 * DAY), NOW + 3 * DAY, NOW + 3 * DAY, False, id="off, then Meta is wrong"
        ),
        pytest.param(confirmed(NOW + 400 * DAY), NOW, NOW, False, id="Meta alone is wrong"),
        pytest.param(confirmed(NOW - DAY), NOW, NOW, False, id="Meta alone is behind"),
        pytest.param(confirmed(NOW - DAY), NOW + DAY, NOW, False, id="all three differ"),
        pytest.param(confirmed(NOW, HOUR), NOW + HOUR, NOW + HOUR, True, id="accepted"),
        pytest.param(confirmed(NOW, HOUR), NOW, NOW, True, id="accepted, then set right"),
        pytest.param(confirmed(NOW, HOUR), NOW + 2 * HOUR, NOW, False, id="accepted, then it leapt"),
        pytest.param(confirmed(NOW, -DAY), NOW - DAY, NOW - DAY, True, id="accepted behind Meta's"),
        pytest.param(Evidence(NOW), NOW, NOW, True, id="the first start"),
        pytest.param(Evidence(NOW), NOW + DAY, NOW, False, id="the first start, then a leap"),
        pytest.param(Evidence(NOW, meta=NOW - DAY), NOW, NOW - DAY, False, id="the first start, too late"),
        pytest.param(Evidence(NOW, meta=NOW + DAY), NOW, NOW + DAY, False, id="the first start, too early"),
    ],
)
def test_the_daemon_goes_by(evidence: Evidence, machine: Millis, goes_by: Millis, is_trusted: bool) -> None:
    assert (evidence.offset(machine), evidence.trusts(machine)) == (goes_by, is_trusted)


@given(known, offsets)
def test_a_clock_that_is_not_trusted_never_makes_it_later_alone(evidence: Evidence, machine: Millis) -> None:
    """Neither the machine's nor Meta's: time that the daemon cannot know must be what both say at least."""
    if evidence.trusts(machine):
        return
    latest = evidence.own + TOLERANCE
    if evidence.meta is not None:
        said = evidence.meta if machine < evidence.own - TOLERANCE else min(machine, evidence.meta)
        latest = max(latest, said)
    assert evidence.own - TOLERANCE <= evidence.offset(machine) <= latest


@given(offsets, st.integers(0, 10 * YEAR), st.integers(-TOLERANCE, TOLERANCE))
def test_a_downtime_of_any_length_is_confirmed_by_meta(own: Millis, down: Millis, apart: Millis) -> None:
    machine = own + down
    heard = Evidence(own, is_confirmed=True).heard(machine, machine + apart)
    assert (heard.trusts(machine), heard.offset(machine)) == (True, machine)
    assert (heard.own, heard.is_confirmed) == (machine, True)


@given(known, offsets, st.lists(st.integers(-TOLERANCE, TOLERANCE), max_size=5))
def test_small_steps_never_add_up_to_a_leap(evidence: Evidence, machine: Millis, steps: list[int]) -> None:
    """Trust is measured from the last time that was confirmed, and a clock that wanders off confirms nothing."""
    started = Evidence(evidence.own, is_confirmed=True)
    wandered = evidence.own + sum(steps)
    assert started.trusts(wandered) is (abs(sum(steps)) <= TOLERANCE)
    assert abs(started.offset(wandered) - evidence.own) <= TOLERANCE


@given(known, offsets)
def test_an_operators_word_holds_until_the_clock_leaps_again(evidence: Evidence, machine: Millis) -> None:
    accepted = evidence.accept(machine)
    assert (accepted.trusts(machine), accepted.offset(machine)) == (True, machine)
    if evidence.meta is not None:
        again = accepted.heard(machine, evidence.meta)
        assert again.trusts(machine)
        assert again.own == machine
    for leap in (-YEAR, -HOUR, HOUR, YEAR):
        leapt = machine + leap
        if evidence.meta is None or abs(leapt - evidence.meta) > TOLERANCE:
            assert not accepted.trusts(leapt)


@pytest.mark.parametrize(
    ("late", "goes_by"),
    [
        (SECOND, NOW),
        (TOLERANCE, NOW),
        (TOLERANCE + 1, NOW - TOLERANCE - 1),
        (-SECOND, NOW + SECOND),
        (-YEAR, NOW + YEAR),
    ],
)
def test_an_answer_that_was_on_its_way_for_long_sets_nothing_back(late: Millis, goes_by: Millis) -> None:
    """A daemon that goes by Meta's time would go back and forth, and log each time that the clock was set back."""
    for own in (NOW - 3 * DAY, NOW - 3 * DAY + YEAR):
        heard = Evidence(own).heard(NOW - 56 * YEAR, NOW).heard(NOW - 56 * YEAR, NOW - late)
        assert heard.offset(NOW - 56 * YEAR) == goes_by


@given(known, offsets)
def test_what_an_operator_accepted_ends_when_meta_agrees(evidence: Evidence, machine: Millis) -> None:
    assert evidence.heard(machine, machine).accepted == 0


def test_what_is_known_after_each_word() -> None:
    assert Evidence(NOW).heard(NOW, NOW + SECOND) == confirmed(NOW + SECOND)
    assert confirmed(NOW, HOUR).heard(NOW + HOUR, NOW + SECOND) == Evidence(
        NOW + HOUR, is_confirmed=True, meta=NOW + SECOND, accepted=HOUR
    )
    assert Evidence(NOW).accept(NOW + DAY) == Evidence(NOW + DAY, is_confirmed=True)
    assert Evidence(NOW, meta=NOW - DAY).accept(NOW) == confirmed(NOW - DAY, DAY)
    assert Evidence(NOW, meta=NOW - SECOND).accept(NOW) == confirmed(NOW - SECOND)


def test_meta_contradicting_changes_nothing_but_trust() -> None:
    heard = confirmed().heard(NOW + DAY, NOW + SECOND)
    assert heard == confirmed(NOW + SECOND)


@given(known, offsets, offsets)
def test_two_of_three_that_agree_win(evidence: Evidence, machine: Millis, meta: Millis) -> None:
    heard = evidence.heard(machine, meta)
    if abs(machine - meta) <= TOLERANCE:
        assert heard.offset(machine) == machine
    elif abs(meta - evidence.own) <= TOLERANCE and evidence.accepted == 0:
        assert abs(heard.offset(machine) - evidence.own) <= TOLERANCE
    elif abs(machine - evidence.own) <= TOLERANCE:
        assert heard.offset(machine) == machine


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (HOUR, "60 min ahead of"),
        (-HOUR, "60 min behind"),
        (119 * MINUTE, "119 min ahead of"),
        (2 * HOUR, "2 h ahead of"),
        (-47 * HOUR, "47 h behind"),
        (2 * DAY, "2 days ahead of"),
        (730 * DAY, "730 days ahead of"),
    ],
)
def test_a_difference_is_told_in_a_unit_that_people_grasp(ahead: Millis, text: str) -> None:
    assert difference(NOW + ahead, NOW) == text
