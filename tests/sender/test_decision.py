"""What each outcome means: every code of Meta's table, and every way in which a request can end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.clock import HOUR, MINUTE, SECOND
from wacrmd.domain.attempt import Claim, MetaError, UncertainPolicy
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.meta.errors import RULES, Action, rule_for
from wacrmd.meta.outcome import Accepted, NotSent, Outcome, Phase, Refused, Unknown
from wacrmd.sender.decision import MAX_RETRY_AFTER, Decision, Effect, Rules, decide

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
"""Status, effect and hold of each action, and whether it uses up one of the recipient's own tries."""


def claim(retries: int = 0, first_attempt_at: int = NOW) -> Claim:
    return Claim(7, 3, retries + 1, retries, "+14155550123", None, None, first_attempt_at)


def decision(
    outcome: Outcome, *, retries: int = 0, age: int = 0, jitter: float = 0.0, rules: Rules | None = None
) -> Decision:
    return decide(
        outcome, claim(retries, NOW - age), rules or Rules(), started_at=NOW, now=NOW, jitter=jitter
    )


def refused(code: int, http_status: int = 400, retry_after_s: float | None = None) -> Refused:
    return Refused(MetaError(code, "a title", "some details"), http_status, retry_after_s)


def test_every_action_is_decided() -> None:
    assert set(MEANS) == set(Action)


@pytest.mark.parametrize("code", [*sorted(RULES), 250, 424242])
def test_every_code_does_what_its_rule_says(code: int) -> None:
    """The error stands in the result; what waits keeps its tries unless the fault is its own."""
    action = rule_for(code, http_status=400).action
    status, effect, hold, uses_try = MEANS[action]
    found = decision(refused(code))
    assert (found.result.status, found.effect, found.hold) == (status, effect, hold)
    assert found.result.used_retry == uses_try
    assert found.result.error == MetaError(code, "a title", "some details")
    assert found.opt_out == (action is Action.OPT_OUT)
    if status is S.PENDING:
        assert found.result.next_attempt_at >= NOW
    if effect is not Effect.NONE:
        assert str(code) in found.detail
        assert rule_for(code, http_status=400).advice in found.detail


def test_code_1_with_a_client_error_is_the_requests_own_fault() -> None:
    assert decision(refused(1, 400)).result.status is S.FAILED
    assert decision(refused(1, 500)).result.status is S.PENDING


def test_accepted_is_sent() -> None:
    found = decision(Accepted("wamid.1", "14155550123", None, "held_for_quality_assessment"))
    assert (found.result.status, found.result.wamid) == (S.SENT, "wamid.1")
    assert found.result.note == "held_for_quality_assessment"


@pytest.mark.parametrize("phase", [Phase.POOL, Phase.RESOLVE, Phase.CONNECT, Phase.TLS])
def test_what_surely_was_not_sent_waits_and_loses_no_try(phase: Phase) -> None:
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
def test_what_may_have_been_sent_is_for_the_policy(phase: Phase, policy: UncertainPolicy, status: S) -> None:
    found = decision(Unknown(phase, "hang-up", 502), rules=Rules(on_uncertain=policy))
    assert found.result.status is status
    assert "502" in found.result.note
    assert found.result.used_retry == (policy is UncertainPolicy.RESEND)


def test_resending_ends() -> None:
    rules = Rules(on_uncertain=UncertainPolicy.RESEND, max_retries=2)
    assert decision(Unknown(Phase.READ, "x"), retries=1, rules=rules).result.status is S.PENDING
    assert decision(Unknown(Phase.READ, "x"), retries=2, rules=rules).result.status is S.FAILED


def test_passing_faults_wait_longer_each_time_and_end() -> None:
    waits = [decision(refused(131016), retries=n).result.next_attempt_at - NOW for n in range(6)]
    assert waits == [30 * SECOND, MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 15 * MINUTE]
    given_up = decision(refused(131016), retries=6).result
    assert (given_up.status, given_up.error) == (S.FAILED, MetaError(131016, "a title", "some details"))
    assert "gave up after 7 attempts" in given_up.note


def test_the_pair_limit_waits_by_powers_of_four() -> None:
    waits = [decision(refused(131056), retries=n).result.next_attempt_at - NOW for n in range(6)]
    assert waits == [SECOND * 4**n for n in range(6)]


def test_age_ends_what_tries_do_not() -> None:
    for outcome in (NotSent(Phase.CONNECT, "refused"), refused(130429), refused(4)):
        assert decision(outcome, age=24 * HOUR).result.status is S.PENDING
        assert decision(outcome, age=24 * HOUR + 1).result.status is S.FAILED


def test_a_person_who_must_act_may_take_all_the_time() -> None:
    assert decision(refused(190), age=1000 * HOUR).result.status is S.PENDING
    assert decision(refused(132015), age=1000 * HOUR).result.status is S.PENDING


@pytest.mark.parametrize("code", [131016, 131056, 130429, 4, 131057])
def test_what_meta_asks_to_wait_is_waited_within_reason(code: int) -> None:
    asked = decision(refused(code, retry_after_s=1800)).result.next_attempt_at - NOW
    assert asked == 30 * MINUTE
    mistaken = decision(refused(code, retry_after_s=1e9))
    assert mistaken.result.next_attempt_at - NOW == MAX_RETRY_AFTER
    assert mistaken.wait <= MAX_RETRY_AFTER


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
def test_no_outcome_is_without_a_sane_verdict(
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
