"""The decision for each outcome: every code in Meta's table, and every way in which a request can end."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.table import rows
from wacrmd.clock import HOUR, MINUTE, SECOND
from wacrmd.domain.attempt import AttemptResult, Claim, MetaError, UncertainPolicy
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.marketing_route import Endpoint
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.meta.errors import RULES, Action, rule_for
from wacrmd.meta.outcome import Accepted, NotSent, Outcome, Phase, Refused, Unknown
from wacrmd.sender.decision import MAX_RETRY_AFTER, Decision, Effect, Rules, decide, decide_unbuildable

NOW = 1_795_000_000_000
S = RecipientStatus

MEANS: dict[Action, tuple[S, Effect, HoldReason | None, bool]] = {
    Action.RETRY: (S.PENDING, Effect.NONE, None, True),
    Action.PAIR_LIMIT: (S.PENDING, Effect.NONE, None, True),
    Action.THROTTLE: (S.PENDING, Effect.THROTTLE, HoldReason.THROTTLED, False),
    Action.CALL_LIMIT: (S.PENDING, Effect.CALL_LIMIT, HoldReason.THROTTLED, False),
    Action.MAINTENANCE: (S.PENDING, Effect.MAINTENANCE, HoldReason.MAINTENANCE, False),
    Action.FAIL: (S.FAILED, Effect.NONE, None, False),
    Action.OPT_OUT: (S.FAILED, Effect.NONE, None, False),
    Action.COUNT_FAILURE: (S.FAILED, Effect.COUNT_FAILURE, HoldReason.MANY_FAILURES, False),
    Action.PAUSE_BROADCAST: (S.PENDING, Effect.PAUSE_BROADCAST, HoldReason.TEMPLATE, False),
    Action.PAUSE_NUMBER: (S.PENDING, Effect.PAUSE_NUMBER, HoldReason.ACCOUNT, False),
    Action.PAUSE_BUSINESS_ACCOUNT: (S.PENDING, Effect.PAUSE_BUSINESS_ACCOUNT, HoldReason.ACCOUNT, False),
}
"""Status, effect and hold of each action, and whether it uses one of the recipient's retries."""


def claim(retries: int = 0) -> Claim:
    return Claim(7, 3, retries + 1, retries, "+14155550123", None, None, NOW - MINUTE)


def decision(
    outcome: Outcome,
    *,
    retries: int = 0,
    age: int = 0,
    jitter: float = 0.0,
    rules: Rules | None = None,
    endpoint: Endpoint = Endpoint.MESSAGES,
) -> Decision:
    return decide(
        outcome,
        claim(retries),
        rules or Rules(),
        started_at=NOW,
        now=NOW,
        age=age,
        jitter=jitter,
        endpoint=endpoint,
    )


def refused(code: int, http_status: int = 400, retry_after_s: float | None = None) -> Refused:
    return Refused(MetaError(code, "a title", "some details"), http_status, retry_after_s)


def test_every_action_is_decided() -> None:
    assert set(MEANS) == set(Action)


@rows("endpoint", list(Endpoint))
@rows("code", [*sorted(RULES), 250, 424242])
def test_every_code_does_what_its_rule_says(code: int, endpoint: Endpoint) -> None:
    """The error is in the result; a recipient that waits for its number or broadcast uses no retry."""
    action = rule_for(code, http_status=400, endpoint=endpoint).action
    status, effect, hold, uses_retry = MEANS[action]
    found = decision(refused(code), endpoint=endpoint)
    assert (found.result.status, found.effect, found.hold) == (status, effect, hold)
    assert found.result.used_retry == uses_retry
    assert found.result.error == MetaError(code, "a title", "some details")
    assert found.opt_out == (action is Action.OPT_OUT)
    if status is S.PENDING:
        assert found.result.next_attempt_at >= NOW
    if effect is not Effect.NONE:
        assert str(code) in found.detail
        assert rule_for(code, http_status=400, endpoint=endpoint).advice in found.detail


def test_an_object_that_the_token_may_not_see_pauses_the_number() -> None:
    """Each recipient gets the same answer: as a wrong parameter it would burn the first ten."""
    title = "Unsupported post request. Object with ID '106540352242922' does not exist."
    found = decision(Refused(MetaError(100, title, subcode=33), 400))
    assert (found.result.status, found.effect) == (S.PENDING, Effect.PAUSE_NUMBER)
    assert found.hold is HoldReason.ACCOUNT
    assert found.result.note == f"refused: 100 (subcode 33) {title}"
    assert found.detail == f"100 (subcode 33) {title.rstrip('.')}: {rule_for(100, 33).advice}"


def test_a_number_without_marketing_messages_pauses_the_broadcast_and_says_what_to_do() -> None:
    """The number itself may be well: what goes to /messages goes on."""
    found = decision(
        Refused(MetaError(100, "Unsupported post request", subcode=33), 400),
        endpoint=Endpoint.MARKETING_MESSAGES,
    )
    assert (found.result.status, found.effect) == (S.PENDING, Effect.PAUSE_BROADCAST)
    assert "wacrmd account set NAME --marketing-route messages" in found.detail
    assert found.wrong_way is Endpoint.MARKETING_MESSAGES, (
        "it goes on once Meta says that it is not onboarded"
    )
    other = decision(refused(131063))
    assert "wacrmd account set NAME --marketing-route marketing_messages" in other.detail
    assert other.wrong_way is Endpoint.MESSAGES
    last = decision(refused(134100), endpoint=Endpoint.MARKETING_MESSAGES)
    assert (last.effect, last.wrong_way) == (Effect.PAUSE_BROADCAST, Endpoint.MARKETING_MESSAGES)


def test_code_1_with_a_client_error_is_a_fault_of_the_request() -> None:
    assert decision(refused(1, 400)).result.status is S.FAILED
    assert decision(refused(1, 500)).result.status is S.PENDING


def result(status: S, note: str, **changed: Any) -> AttemptResult:
    """The result of the third attempt on recipient 7 of broadcast 3, which began two seconds ago."""
    return AttemptResult(7, 3, 3, status, NOW, NOW - 2 * SECOND, note, to="+14155550123", **changed)


ERROR = MetaError(131016, "a title", "some details")
CASES: list[tuple[Outcome, Decision]] = [
    (
        Accepted("wamid.1", "14155550123", "US.1", "held_for_quality_assessment"),
        Decision(
            result(
                S.SENT,
                "held_for_quality_assessment",
                wamid="wamid.1",
                wa_id="14155550123",
                user_id="US.1",
                held="held_for_quality_assessment",
            )
        ),
    ),
    (
        NotSent(Phase.CONNECT, "no route"),
        Decision(
            result(S.PENDING, "not sent (connect): no route", next_attempt_at=NOW + SECOND),
            Effect.NO_ANSWER,
            HoldReason.META_UNREACHABLE,
            "not sent (connect): no route",
        ),
    ),
    (
        NotSent(Phase.POOL, "no free connection within 5 s"),
        Decision(
            result(S.PENDING, "not sent (pool): no free connection within 5 s", next_attempt_at=NOW + SECOND),
            Effect.NO_CONNECTION,
            HoldReason.NO_FREE_CONNECTION,
            "no connection to Meta is free on this machine: no free connection within 5 s; wacrmd doctor says what to do",
            SECOND,
        ),
    ),
    (
        Unknown(Phase.READ, "reset", 502),
        Decision(
            result(S.UNCERTAIN, "outcome unknown (read, HTTP 502): reset"),
            Effect.NO_ANSWER,
            HoldReason.META_UNREACHABLE,
            "outcome unknown (read, HTTP 502): reset",
        ),
    ),
    (
        Unknown(Phase.READ, "reset"),
        Decision(
            result(S.UNCERTAIN, "outcome unknown (read): reset"),
            Effect.NO_ANSWER,
            HoldReason.META_UNREACHABLE,
            "outcome unknown (read): reset",
        ),
    ),
    (
        refused(131016),
        Decision(
            result(
                S.PENDING,
                "refused: 131016 a title",
                error=ERROR,
                next_attempt_at=NOW + 2 * MINUTE,
                used_retry=True,
            )
        ),
    ),
    (
        Refused(MetaError(131056, "a title"), 400),
        Decision(
            result(
                S.PENDING,
                "refused: 131056 a title",
                error=MetaError(131056, "a title"),
                next_attempt_at=NOW + 16 * SECOND,
                used_retry=True,
            )
        ),
    ),
    *(
        (
            refused(code, retry_after_s=asked),
            Decision(
                result(
                    S.PENDING,
                    f"refused: {code} a title",
                    error=MetaError(code, "a title", "some details"),
                    next_attempt_at=NOW + delay,
                ),
                effect,
                hold,
                f"{code} a title (some details): {rule_for(code).advice}",
                wait,
            ),
        )
        for code, asked, delay, effect, hold, wait in [
            (130429, None, SECOND, Effect.THROTTLE, HoldReason.THROTTLED, 0),
            (130429, 0.5, SECOND, Effect.THROTTLE, HoldReason.THROTTLED, 500),
            (130429, 7, 7 * SECOND, Effect.THROTTLE, HoldReason.THROTTLED, 7 * SECOND),
            (80007, None, MINUTE, Effect.CALL_LIMIT, HoldReason.THROTTLED, 0),
            (80007, 90, 90 * SECOND, Effect.CALL_LIMIT, HoldReason.THROTTLED, 90 * SECOND),
            (131057, None, MINUTE, Effect.MAINTENANCE, HoldReason.MAINTENANCE, MINUTE),
            (131057, 90, 90 * SECOND, Effect.MAINTENANCE, HoldReason.MAINTENANCE, 90 * SECOND),
            (132001, None, 0, Effect.PAUSE_BROADCAST, HoldReason.TEMPLATE, 0),
            (190, None, 0, Effect.PAUSE_NUMBER, HoldReason.ACCOUNT, 0),
            (368, None, 0, Effect.PAUSE_BUSINESS_ACCOUNT, HoldReason.ACCOUNT, 0),
        ]
    ),
    (
        Refused(MetaError(131026, "a title"), 400),
        Decision(
            result(S.FAILED, "refused: 131026 a title", error=MetaError(131026, "a title")),
            detail=f"131026 a title: {rule_for(131026).advice}",
        ),
    ),
    (
        Refused(MetaError(131050, "a title"), 400),
        Decision(
            result(S.FAILED, "refused: 131050 a title", error=MetaError(131050, "a title")),
            detail=f"131050 a title: {rule_for(131050).advice}",
            opt_out=True,
        ),
    ),
    (
        Refused(MetaError(132000, "a title"), 400),
        Decision(
            result(S.FAILED, "refused: 132000 a title", error=MetaError(132000, "a title")),
            Effect.COUNT_FAILURE,
            HoldReason.MANY_FAILURES,
            f"132000 a title: {rule_for(132000).advice}",
        ),
    ),
]


@pytest.mark.parametrize(("outcome", "expected"), CASES)
def test_a_decision_has_every_field_of_the_result(outcome: Outcome, expected: Decision) -> None:
    """The third attempt, after two retries; no jitter."""
    third = Claim(7, 3, 3, 2, "+14155550123", None, None, NOW - MINUTE)
    found = decide(outcome, third, Rules(), started_at=NOW - 2 * SECOND, now=NOW, age=MINUTE, jitter=0.0)
    assert found == expected


@pytest.mark.parametrize(("jitter", "added"), [(0.0, 0), (0.5, 3750), (0.999, 7492)])
def test_jitter_adds_up_to_a_quarter(jitter: float, added: int) -> None:
    found = decision(refused(131016), jitter=jitter)
    assert found.result.next_attempt_at == NOW + 30 * SECOND + added


def test_delays_have_a_maximum_however_many_retries() -> None:
    rules = Rules(max_retries=10_000)
    for retries in (5, 6, 16, 17, 5000):
        assert decision(refused(131016), retries=retries, rules=rules).result.next_attempt_at == (
            NOW + 15 * MINUTE
        )
        assert decision(refused(131056), retries=retries, rules=rules).result.next_attempt_at == (
            NOW + 1024 * SECOND
        )
    assert decision(refused(131056), retries=4, rules=rules).result.next_attempt_at == NOW + 256 * SECOND


def test_a_message_that_cannot_be_built_fails_and_counts_as_a_failure_of_its_broadcast() -> None:
    note = "the message could not be built: no text"
    assert decide_unbuildable(claim(2), "no text", now=NOW) == Decision(
        AttemptResult(
            recipient_id=7,
            broadcast_id=3,
            attempt=3,
            status=S.FAILED,
            at=NOW,
            started_at=NOW,
            note=note,
            to="+14155550123",
        ),
        Effect.COUNT_FAILURE,
        HoldReason.MANY_FAILURES,
        note,
    )


def test_the_default_rules() -> None:
    assert Rules() == Rules(UncertainPolicy.HOLD, 6, 24 * HOUR)


@pytest.mark.parametrize(("code", "retries"), [(131016, 6), (131056, 6), (131016, 7)])
def test_giving_up_says_after_how_many_attempts_and_keeps_metas_error(code: int, retries: int) -> None:
    given_up = decision(refused(code), retries=retries).result
    assert given_up.status is S.FAILED
    assert given_up.note == f"gave up after {retries + 1} attempts: refused: {code} a title"
    assert given_up.error == MetaError(code, "a title", "some details")
    assert (given_up.next_attempt_at, given_up.used_retry) == (0, False)


def test_giving_up_by_age_says_after_how_many_hours() -> None:
    rules = Rules(max_age=5 * HOUR)
    given_up = decision(refused(130429), age=5 * HOUR + 1, rules=rules).result
    assert given_up.note == "gave up after 5 h: refused: 130429 a title"
    assert given_up.error == MetaError(130429, "a title", "some details")


@pytest.mark.parametrize("phase", [Phase.RESOLVE, Phase.CONNECT, Phase.TLS])
def test_a_message_that_was_not_sent_is_retried_without_using_a_retry(phase: Phase) -> None:
    found = decision(NotSent(phase, "connection refused"), retries=6)
    assert (found.result.status, found.result.used_retry) == (S.PENDING, False)
    assert (found.effect, found.hold) == (Effect.NO_ANSWER, HoldReason.META_UNREACHABLE)


@pytest.mark.parametrize("phase", [Phase.WRITE, Phase.READ, Phase.ANSWER])
@pytest.mark.parametrize(
    ("policy", "status"),
    [
        (UncertainPolicy.HOLD, S.UNCERTAIN),
        (UncertainPolicy.FAIL, S.FAILED),
        (UncertainPolicy.RESEND, S.PENDING),
    ],
)
def test_an_unknown_outcome_is_decided_by_the_policy(
    phase: Phase, policy: UncertainPolicy, status: S
) -> None:
    found = decision(Unknown(phase, "hang-up", 502), rules=Rules(on_uncertain=policy))
    assert found.result.status is status
    assert "502" in found.result.note
    assert found.result.used_retry == (policy is UncertainPolicy.RESEND)


def test_resending_ends_after_the_retries() -> None:
    rules = Rules(on_uncertain=UncertainPolicy.RESEND, max_retries=2)
    assert decision(Unknown(Phase.READ, "x"), retries=1, rules=rules).result.status is S.PENDING
    assert decision(Unknown(Phase.READ, "x"), retries=2, rules=rules).result.status is S.FAILED


def test_temporary_faults_are_retried_with_growing_delays_and_then_fail() -> None:
    waits = [decision(refused(131016), retries=n).result.next_attempt_at - NOW for n in range(6)]
    assert waits == [30 * SECOND, MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 15 * MINUTE]
    given_up = decision(refused(131016), retries=6).result
    assert (given_up.status, given_up.error) == (S.FAILED, MetaError(131016, "a title", "some details"))
    assert "gave up after 7 attempts" in given_up.note


def test_the_delays_of_the_pair_limit_are_powers_of_four() -> None:
    waits = [decision(refused(131056), retries=n).result.next_attempt_at - NOW for n in range(6)]
    assert waits == [SECOND * 4**n for n in range(6)]


def test_a_recipient_that_uses_no_retries_fails_at_the_maximum_age() -> None:
    for outcome in (NotSent(Phase.CONNECT, "refused"), refused(130429), refused(4)):
        assert decision(outcome, age=24 * HOUR).result.status is S.PENDING
        assert decision(outcome, age=24 * HOUR + 1).result.status is S.FAILED


def test_a_recipient_that_waits_for_an_operator_has_no_maximum_age() -> None:
    assert decision(refused(190), age=1000 * HOUR).result.status is S.PENDING
    assert decision(refused(132015), age=1000 * HOUR).result.status is S.PENDING


@pytest.mark.parametrize("code", [131016, 131056, 130429, 4, 131057])
def test_the_wait_that_meta_asks_for_is_kept_up_to_an_hour(code: int) -> None:
    asked = decision(refused(code, retry_after_s=1800)).result.next_attempt_at - NOW
    assert asked == 30 * MINUTE
    mistaken = decision(refused(code, retry_after_s=1e9))
    assert mistaken.result.next_attempt_at - NOW == HOUR
    assert mistaken.wait <= HOUR


OUTCOMES = st.one_of(
    st.builds(Accepted, st.text(min_size=1)),
    st.builds(NotSent, st.sampled_from(Phase), st.text()),
    st.builds(Unknown, st.sampled_from(Phase), st.text(), st.one_of(st.none(), st.integers(100, 599))),
    st.builds(
        Refused,
        st.builds(
            MetaError, st.one_of(st.sampled_from(sorted(RULES)), st.integers(-(2**31), 2**31)), st.text()
        ),
        st.integers(300, 599),
        st.one_of(st.none(), st.floats(0, 1e12)),
    ),
)


@given(
    OUTCOMES,
    st.integers(0, 10_000),
    st.integers(0, 10**10),
    st.floats(0, 1, exclude_max=True),
    st.builds(Rules, st.sampled_from(UncertainPolicy), st.integers(0, 50), st.integers(0, 10**10)),
)
def test_every_outcome_has_a_valid_decision(
    outcome: Outcome, retries: int, age: int, jitter: float, rules: Rules
) -> None:
    """It always decides; a retry is never further away than an hour and a quarter."""
    found = decision(outcome, retries=retries, age=age, jitter=jitter, rules=rules)
    assert found.result.status in (S.SENT, S.PENDING, S.FAILED, S.UNCERTAIN)
    if found.result.status is S.PENDING:
        assert NOW <= found.result.next_attempt_at <= NOW + 1.25 * MAX_RETRY_AFTER
    else:
        assert not found.result.used_retry
    if isinstance(outcome, Accepted):
        assert found.result.status is S.SENT
