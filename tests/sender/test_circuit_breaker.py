"""The circuit breaker: when failures in a row pause the broadcast."""

from wacrmd.domain.attempt import AttemptResult
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.sender.circuit_breaker import CircuitBreaker, CircuitBreakers
from wacrmd.sender.decision import Decision, Effect

S = RecipientStatus


def decision(status: S, effect: Effect = Effect.NONE) -> Decision:
    result = AttemptResult(1, 1, 1, status, 0, 0, "note")
    hold = HoldReason.MANY_FAILURES if effect is Effect.COUNT_FAILURE else None
    return Decision(result, effect, hold, "132000 too few parameters")


def effects(breaker: CircuitBreaker, decisions: list[Decision]) -> list[Effect]:
    return [breaker.observe(one, 3).effect for one in decisions]


SENT = decision(S.SENT)
COUNTED = decision(S.FAILED, Effect.COUNT_FAILURE)
FAILED = decision(S.FAILED)
RETRY = decision(S.PENDING)


def test_failures_in_a_row_pause_the_broadcast_with_a_reason() -> None:
    assert effects(CircuitBreaker(), [COUNTED] * 3) == [
        Effect.COUNT_FAILURE,
        Effect.COUNT_FAILURE,
        Effect.PAUSE_BROADCAST,
    ]
    last = CircuitBreaker(failure_streak=2).observe(COUNTED, 3)
    assert last.hold is HoldReason.MANY_FAILURES
    assert last.detail == "3 recipients in a row failed; the last: 132000 too few parameters"
    assert last.result == COUNTED.result


def test_a_decision_that_does_not_pause_is_passed_on_as_it_is() -> None:
    for one in (SENT, COUNTED, FAILED, RETRY):
        assert CircuitBreaker().observe(one, 3) is one


def test_an_accepted_message_ends_the_streak_and_other_failures_do_not_count() -> None:
    assert Effect.PAUSE_BROADCAST not in effects(CircuitBreaker(), [COUNTED, COUNTED, SENT, COUNTED, COUNTED])
    assert Effect.PAUSE_BROADCAST not in effects(CircuitBreaker(), [FAILED] * 20)
    assert effects(CircuitBreaker(), [COUNTED, FAILED, RETRY, COUNTED, COUNTED])[-1] is Effect.PAUSE_BROADCAST


def test_half_open_limits_requests_in_flight_to_the_failures_left() -> None:
    breaker = CircuitBreaker()
    assert breaker.free_requests(10) == 10
    breaker.in_flight = 9
    assert breaker.free_requests(10) == 1
    breaker.in_flight = 11
    assert breaker.free_requests(10) == 0


def test_failures_that_are_recorded_already_count_too() -> None:
    breaker = CircuitBreaker(in_flight=1, failure_streak=9)
    assert breaker.free_requests(10) == 0, "the one in flight may be the tenth"
    breaker.in_flight = 0
    assert breaker.free_requests(10) == 1
    assert breaker.free_requests(5) == 1, "also when the limit was lowered: nothing else would end the wait"


def test_the_first_accepted_message_closes_the_breaker() -> None:
    breaker = CircuitBreaker(in_flight=10)
    breaker.observe(RETRY, 10)
    assert breaker.is_half_open
    breaker.observe(SENT, 10)
    assert (breaker.is_half_open, breaker.free_requests(10)) == (False, None)


def test_after_a_pause_the_breaker_is_half_open_with_a_streak_of_zero() -> None:
    breaker = CircuitBreaker(is_half_open=False)
    effects(breaker, [COUNTED] * 3)
    assert (breaker.free_requests(3), breaker.failure_streak) == (3, 0)


def test_a_change_by_an_operator_resets_the_streak() -> None:
    breaker = CircuitBreaker(failure_streak=2)
    breaker.reset_streak()
    assert breaker.failure_streak == 0
    assert effects(breaker, [COUNTED]) == [Effect.COUNT_FAILURE]


def test_each_broadcast_keeps_its_breaker_until_it_is_idle() -> None:
    breakers = CircuitBreakers()
    one, other = breakers.of(1), breakers.of(2)
    assert one is not other
    assert breakers.of(1) is one
    one.in_flight = 1
    for broadcast_id in (1, 2, 3):
        breakers.remove_idle(broadcast_id)
    assert breakers.of(1) is one, "a request is in flight"
    assert breakers.of(2) is not other
    one.in_flight = 0
    breakers.remove_idle(1)
    assert breakers.of(1) is not one


def test_a_change_by_an_operator_resets_the_streaks_of_all() -> None:
    breakers = CircuitBreakers()
    for broadcast_id in (1, 2):
        breakers.of(broadcast_id).failure_streak = 2
    breakers.reset_streaks()
    assert [breakers.of(broadcast_id).failure_streak for broadcast_id in (1, 2)] == [0, 0]
