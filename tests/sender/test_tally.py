"""When a row of failures says that something concerns the whole broadcast."""

from wacrmd.model import AttemptResult, HoldReason, RecipientStatus
from wacrmd.sender.policy import Effect, Verdict
from wacrmd.sender.tally import Tally

S = RecipientStatus


def verdict(status: S, effect: Effect = Effect.NONE) -> Verdict:
    result = AttemptResult(1, 1, 1, status, 0, 0, "note")
    hold = HoldReason.MANY_FAILURES if effect is Effect.SUSPECT else None
    return Verdict(result, effect, hold, "132000 too few parameters")


def effects(tally: Tally, verdicts: list[Verdict]) -> list[Effect]:
    return [tally.note(one, 3).effect for one in verdicts]


SENT = verdict(S.SENT)
SUSPECT = verdict(S.FAILED, Effect.SUSPECT)
FAILED = verdict(S.FAILED)
RETRY = verdict(S.PENDING)


def test_a_row_of_suspects_pauses_the_broadcast() -> None:
    assert effects(Tally(), [SUSPECT] * 3) == [Effect.SUSPECT, Effect.SUSPECT, Effect.PAUSE_BROADCAST]
    last = Tally(suspects=2).note(SUSPECT, 3)
    assert (last.hold, "3 recipients in a row" in last.detail) == (HoldReason.MANY_FAILURES, True)


def test_a_success_between_begins_anew_and_other_failures_do_not_count() -> None:
    assert Effect.PAUSE_BROADCAST not in effects(Tally(), [SUSPECT, SUSPECT, SENT, SUSPECT, SUSPECT])
    assert Effect.PAUSE_BROADCAST not in effects(Tally(), [FAILED] * 20)
    assert effects(Tally(), [SUSPECT, FAILED, RETRY, SUSPECT, SUSPECT])[-1] is Effect.PAUSE_BROADCAST


def test_until_one_was_taken_only_as_many_fly_as_may_fail() -> None:
    tally = Tally()
    assert tally.room(10) == 10
    tally.in_flight = 10
    assert tally.room(10) == 0
    tally.note(SENT, 10)
    assert tally.room(10) is None


def test_after_a_pause_it_is_careful_again() -> None:
    tally = Tally(proven=True)
    effects(tally, [SUSPECT] * 3)
    assert (tally.room(3), tally.suspects) == (3, 0)
