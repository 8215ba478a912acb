"""When a row of failures says that something concerns the whole broadcast."""

from wacrmd.domain.attempt import AttemptResult
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.sender.circuit_breaker import CircuitBreaker
from wacrmd.sender.decision import Decision, Effect

S = RecipientStatus


def decision(status: S, effect: Effect = Effect.NONE) -> Decision:
    result = AttemptResult(1, 1, 1, status, 0, 0, "note")
    hold = HoldReason.MANY_FAILURES if effect is Effect.COUNT_FAILURE else None
    return Decision(result, effect, hold, "132000 too few parameters")


def effects(breaker: CircuitBreaker, decisions: list[Decision]) -> list[Effect]:
    return [breaker.note(one, 3).effect for one in decisions]


SENT = decision(S.SENT)
COUNT_FAILURE = decision(S.FAILED, Effect.COUNT_FAILURE)
FAILED = decision(S.FAILED)
RETRY = decision(S.PENDING)


def test_a_row_of_suspects_pauses_the_broadcast() -> None:
    assert effects(CircuitBreaker(), [COUNT_FAILURE] * 3) == [
        Effect.COUNT_FAILURE,
        Effect.COUNT_FAILURE,
        Effect.PAUSE_BROADCAST,
    ]
    last = CircuitBreaker(failure_streak=2).note(COUNT_FAILURE, 3)
    assert (last.hold, "3 recipients in a row" in last.detail) == (HoldReason.MANY_FAILURES, True)


def test_a_success_between_begins_anew_and_other_failures_do_not_count() -> None:
    assert Effect.PAUSE_BROADCAST not in effects(
        CircuitBreaker(), [COUNT_FAILURE, COUNT_FAILURE, SENT, COUNT_FAILURE, COUNT_FAILURE]
    )
    assert Effect.PAUSE_BROADCAST not in effects(CircuitBreaker(), [FAILED] * 20)
    assert (
        effects(CircuitBreaker(), [COUNT_FAILURE, FAILED, RETRY, COUNT_FAILURE, COUNT_FAILURE])[-1]
        is Effect.PAUSE_BROADCAST
    )


def test_until_one_was_taken_only_as_many_fly_as_may_fail() -> None:
    breaker = CircuitBreaker()
    assert breaker.room(10) == 10
    breaker.in_flight = 10
    assert breaker.room(10) == 0
    breaker.note(SENT, 10)
    assert breaker.room(10) is None


def test_after_a_pause_it_is_careful_again() -> None:
    breaker = CircuitBreaker(has_succeeded=True)
    effects(breaker, [COUNT_FAILURE] * 3)
    assert (breaker.room(3), breaker.failure_streak) == (3, 0)
