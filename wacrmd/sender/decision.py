"""What the outcome of an attempt means for its recipient, broadcast and number: one pure decision, no I/O.

The table of Meta's error codes is in meta/errors.py; docs/delivery-guarantees.md explains the rules.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from wacrmd.clock import HOUR, MINUTE, SECOND, Millis
from wacrmd.domain.attempt import AttemptResult, Claim, MetaError, UncertainPolicy
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.marketing_route import Endpoint
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.errors import counted
from wacrmd.meta.errors import Action, ErrorRule, is_wrong_way, rule_for
from wacrmd.meta.outcome import Accepted, NotSent, Outcome, Phase, Refused, Unknown

MIN_RETRY_DELAY: Millis = 30 * SECOND
MAX_RETRY_DELAY: Millis = 15 * MINUTE
MAX_PAIR_DELAY: Millis = 4**5 * SECOND
THROTTLE_DELAY: Millis = 1 * SECOND
CALL_LIMIT_DELAY: Millis = 1 * MINUTE
MAINTENANCE_DELAY: Millis = 1 * MINUTE
NOT_SENT_DELAY: Millis = 1 * SECOND
MAX_RETRY_AFTER: Millis = 1 * HOUR
"""The longest wait that an answer may ask for: a wrong header must not stop a number for years."""


class Effect(StrEnum):
    """What an outcome changes beyond its recipient."""

    NONE = "none"
    THROTTLE = "throttle"
    CALL_LIMIT = "call_limit"
    MAINTENANCE = "maintenance"
    NO_ANSWER = "no_answer"
    NO_CONNECTION = "no_connection"
    COUNT_FAILURE = "count_failure"
    PAUSE_BROADCAST = "pause_broadcast"
    PAUSE_NUMBER = "pause_number"
    PAUSE_BUSINESS_ACCOUNT = "pause_business_account"


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of `[sender]` that a decision depends on."""

    on_uncertain: UncertainPolicy = UncertainPolicy.HOLD
    max_retries: int = 6
    max_age: Millis = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Decision:
    """What is recorded for the recipient, and what changes beyond it.

    `hold` and `detail` say why, where something is blocked or paused; `wait` is how long a block lasts at least.
    """

    result: AttemptResult
    effect: Effect = Effect.NONE
    hold: HoldReason | None = None
    detail: str = ""
    wait: Millis = 0
    opt_out: bool = False
    wrong_way: Endpoint | None = None
    """The endpoint that refuses the template of the broadcast, where the other one may take it."""


def decide(
    outcome: Outcome,
    claim: Claim,
    rules: Rules,
    *,
    started_at: Millis,
    now: Millis,
    age: Millis,
    jitter: float,
    endpoint: Endpoint = Endpoint.MESSAGES,
) -> Decision:
    """Decide about one attempt at `endpoint`; `jitter` in [0, 1) adds up to a quarter to the delay of a retry.

    `age` is for how long the daemon has run since the recipient's first attempt.
    """
    attempt = _Attempt(claim, rules, started_at, now, age, jitter)
    match outcome:
        case Accepted():
            return Decision(
                attempt.result(
                    RecipientStatus.SENT,
                    outcome.message_status,
                    wamid=outcome.wamid,
                    wa_id=outcome.wa_id,
                    user_id=outcome.user_id,
                    parent_user_id=outcome.parent_user_id,
                    held=outcome.held,
                )
            )
        case NotSent(phase=Phase.POOL):
            note = f"not sent ({outcome.phase}): {outcome.detail}"
            return Decision(
                attempt.retry(NOT_SENT_DELAY, note, None),
                Effect.NO_CONNECTION,
                HoldReason.NO_FREE_CONNECTION,
                f"no connection to Meta is free on this machine: {outcome.detail}; wacrmd doctor says what to do",
                NOT_SENT_DELAY,
            )
        case NotSent():
            note = f"not sent ({outcome.phase}): {outcome.detail}"
            return Decision(
                attempt.retry(NOT_SENT_DELAY, note, None), Effect.NO_ANSWER, HoldReason.META_UNREACHABLE, note
            )
        case Unknown():
            return _unknown(outcome, attempt)
        case Refused():
            return _refused(outcome, attempt, endpoint)


def decide_unbuildable(claim: Claim, problem: str, *, now: Millis) -> Decision:
    """Decide about a claim whose stored content makes no message: it fails, and counts as others of its broadcast."""
    note = f"the message could not be built: {problem}"
    result = _Attempt(claim, Rules(), now, now, 0, 0.0).result(RecipientStatus.FAILED, note)
    return Decision(result, Effect.COUNT_FAILURE, HoldReason.MANY_FAILURES, note)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An attempt with what is needed to write its result."""

    claim: Claim
    rules: Rules
    started_at: Millis
    now: Millis
    age: Millis
    jitter: float

    def result(
        self,
        status: RecipientStatus,
        note: str,
        *,
        error: MetaError | None = None,
        next_attempt_at: Millis = 0,
        used_retry: bool = False,
        wamid: str | None = None,
        wa_id: str | None = None,
        user_id: str | None = None,
        parent_user_id: str | None = None,
        held: str | None = None,
    ) -> AttemptResult:
        return AttemptResult(
            recipient_id=self.claim.recipient_id,
            broadcast_id=self.claim.broadcast_id,
            attempt=self.claim.attempt,
            status=status,
            at=self.now,
            started_at=self.started_at,
            note=note,
            to=self.claim.to,
            wamid=wamid,
            wa_id=wa_id,
            user_id=user_id,
            parent_user_id=parent_user_id,
            held=held,
            error=error,
            next_attempt_at=next_attempt_at,
            used_retry=used_retry,
        )

    def retry(
        self, delay: Millis, note: str, error: MetaError | None, *, uses_retry: bool = False
    ) -> AttemptResult:
        """Pending, with the next attempt after `delay`; failed when the retries or the time are used up."""
        if uses_retry and self.claim.retries >= self.rules.max_retries:
            return self.result(
                RecipientStatus.FAILED,
                f"gave up after {counted(self.claim.retries + 1, 'attempt')}: {note}",
                error=error,
            )
        if self.age > self.rules.max_age:
            hours = self.rules.max_age // HOUR
            return self.result(RecipientStatus.FAILED, f"gave up after {hours} h: {note}", error=error)
        at = self.now + delay + int(delay * self.jitter / 4)
        return self.result(
            RecipientStatus.PENDING, note, error=error, next_attempt_at=at, used_retry=uses_retry
        )


def _unknown(outcome: Unknown, attempt: _Attempt) -> Decision:
    status = f", HTTP {outcome.http_status}" if outcome.http_status else ""
    note = f"outcome unknown ({outcome.phase}{status}): {outcome.detail}"
    match attempt.rules.on_uncertain:
        case UncertainPolicy.HOLD:
            result = attempt.result(RecipientStatus.UNCERTAIN, note)
        case UncertainPolicy.FAIL:
            result = attempt.result(RecipientStatus.FAILED, note)
        case UncertainPolicy.RESEND:
            result = attempt.retry(_backoff(attempt.claim.retries), note, None, uses_retry=True)
    return Decision(result, Effect.NO_ANSWER, HoldReason.META_UNREACHABLE, note)


def _refused(outcome: Refused, attempt: _Attempt, endpoint: Endpoint) -> Decision:
    error = outcome.error
    rule = rule_for(error.code, error.subcode, http_status=outcome.http_status, endpoint=endpoint)
    note = f"refused: {error.code_text} {error.title}"
    details = f" ({error.details.rstrip('.')})" if error.details else ""
    why = f"{error.code_text} {error.title.rstrip('.')}{details}: {rule.advice}"
    asked = 0 if outcome.retry_after_s is None else int(min(outcome.retry_after_s * SECOND, MAX_RETRY_AFTER))
    match rule.action:
        case Action.RETRY:
            delay = max(asked, _backoff(attempt.claim.retries))
            return Decision(attempt.retry(delay, note, error, uses_retry=True))
        case Action.PAIR_LIMIT:
            delay = max(asked, min(4 ** min(attempt.claim.retries, 16) * SECOND, MAX_PAIR_DELAY))
            return Decision(attempt.retry(delay, note, error, uses_retry=True))
        case Action.THROTTLE:
            return Decision(
                attempt.retry(max(asked, THROTTLE_DELAY), note, error),
                Effect.THROTTLE,
                HoldReason.THROTTLED,
                why,
                asked,
            )
        case Action.CALL_LIMIT:
            return Decision(
                attempt.retry(max(asked, CALL_LIMIT_DELAY), note, error),
                Effect.CALL_LIMIT,
                HoldReason.THROTTLED,
                why,
                asked,
            )
        case Action.MAINTENANCE:
            wait = max(asked, MAINTENANCE_DELAY)
            return Decision(
                attempt.retry(wait, note, error), Effect.MAINTENANCE, HoldReason.MAINTENANCE, why, wait
            )
        case Action.PAUSE_BROADCAST:
            paused = _pause(attempt, note, error, Effect.PAUSE_BROADCAST, HoldReason.TEMPLATE, why)
            return (
                replace(paused, wrong_way=endpoint)
                if is_wrong_way(error.code, error.subcode, endpoint)
                else paused
            )
        case Action.PAUSE_NUMBER:
            return _pause(attempt, note, error, Effect.PAUSE_NUMBER, HoldReason.ACCOUNT, why)
        case Action.PAUSE_BUSINESS_ACCOUNT:
            return _pause(attempt, note, error, Effect.PAUSE_BUSINESS_ACCOUNT, HoldReason.ACCOUNT, why)
        case Action.FAIL | Action.OPT_OUT | Action.COUNT_FAILURE:
            return _fail(rule, attempt, note, error, why)


def _pause(
    attempt: _Attempt, note: str, error: MetaError, effect: Effect, hold: HoldReason, why: str
) -> Decision:
    """Pause, because the fault concerns all recipients: this one stays pending and uses no retry."""
    result = attempt.result(RecipientStatus.PENDING, note, error=error, next_attempt_at=attempt.now)
    return Decision(result, effect, hold, why)


def _fail(rule: ErrorRule, attempt: _Attempt, note: str, error: MetaError, why: str) -> Decision:
    counts = rule.action is Action.COUNT_FAILURE
    return Decision(
        attempt.result(RecipientStatus.FAILED, note, error=error),
        Effect.COUNT_FAILURE if counts else Effect.NONE,
        HoldReason.MANY_FAILURES if counts else None,
        why,
        opt_out=rule.action is Action.OPT_OUT,
    )


def _backoff(retries: int) -> Millis:
    return min(MIN_RETRY_DELAY << min(retries, 16), MAX_RETRY_DELAY)
