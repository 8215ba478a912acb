"""What the outcome of an attempt means: one pure decision, no I/O (docs/delivery-guarantees.md)."""

from dataclasses import dataclass
from enum import StrEnum

from wacrmd.clock import HOUR, MINUTE, SECOND, Millis
from wacrmd.domain.attempt import AttemptResult, Claim, MetaError, UncertainPolicy
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.meta.errors import Action, ErrorRule, rule_for
from wacrmd.meta.outcome import Accepted, NotSent, Outcome, Refused, Unknown

RETRY_FIRST: Millis = 30 * SECOND
RETRY_LONGEST: Millis = 15 * MINUTE
PAIR_LONGEST: Millis = 4**5 * SECOND
THROTTLED: Millis = 1 * SECOND
LIMITED: Millis = 1 * MINUTE
MAINTAINED: Millis = 1 * MINUTE
UNSENT: Millis = 1 * SECOND
ASKED_LONGEST: Millis = 1 * HOUR
"""What an answer may ask us to wait at most: a mistake in one header must not stop a number for years."""


class Effect(StrEnum):
    """What an outcome does beyond its recipient."""

    NONE = "none"
    THROTTLE = "throttle"
    LIMIT = "limit"
    MAINTENANCE = "maintenance"
    SILENCE = "silence"
    COUNT_FAILURE = "suspect"
    PAUSE_BROADCAST = "pause_broadcast"
    PAUSE_NUMBER = "pause_number"
    PAUSE_BUSINESS = "pause_business"


@dataclass(frozen=True, slots=True)
class Rules:
    """The site's settings that a decision depends on."""

    on_uncertain: UncertainPolicy = UncertainPolicy.HOLD
    max_retries: int = 6
    max_age: Millis = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision: what is recorded for the recipient, and what it means for the rest."""

    result: AttemptResult
    effect: Effect = Effect.NONE
    hold: HoldReason | None = None
    detail: str = ""
    wait: Millis = 0
    opt_out: bool = False


def decide(
    outcome: Outcome, claim: Claim, rules: Rules, *, started_at: Millis, now: Millis, jitter: float
) -> Decision:
    """Decide about one attempt; `jitter` in [0, 1) spreads retries over a quarter of their delay."""
    attempt = _Attempt(claim, rules, started_at, now, jitter)
    match outcome:
        case Accepted():
            return Decision(
                attempt.result(
                    RecipientStatus.SENT,
                    outcome.message_status,
                    wamid=outcome.wamid,
                    wa_id=outcome.wa_id,
                    user_id=outcome.user_id,
                )
            )
        case NotSent():
            note = f"not sent ({outcome.phase}): {outcome.detail}"
            return Decision(
                attempt.again(UNSENT, note, None), Effect.SILENCE, HoldReason.META_UNREACHABLE, note
            )
        case Unknown():
            return _unknown(outcome, attempt)
        case Refused():
            return _refused(outcome, attempt)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """An attempt with what is needed to write its result."""

    claim: Claim
    rules: Rules
    started_at: Millis
    now: Millis
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
    ) -> AttemptResult:
        return AttemptResult(
            recipient_id=self.claim.recipient_id,
            broadcast_id=self.claim.broadcast_id,
            attempt=self.claim.attempt,
            status=status,
            at=self.now,
            started_at=self.started_at,
            note=note,
            wamid=wamid,
            wa_id=wa_id,
            user_id=user_id,
            error=error,
            next_attempt_at=next_attempt_at,
            used_retry=used_retry,
        )

    def again(
        self, delay: Millis, note: str, error: MetaError | None, *, uses_retry: bool = False
    ) -> AttemptResult:
        """Another try after `delay`, unless the recipient's tries or its time are used up."""
        if uses_retry and self.claim.retries >= self.rules.max_retries:
            return self.result(
                RecipientStatus.FAILED, f"gave up after {self.claim.retries + 1} tries: {note}", error=error
            )
        if self.now - self.claim.first_attempt_at > self.rules.max_age:
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
            result = attempt.again(_backoff(attempt.claim.retries), note, None, uses_retry=True)
    return Decision(result, Effect.SILENCE, HoldReason.META_UNREACHABLE, note)


def _refused(outcome: Refused, attempt: _Attempt) -> Decision:
    error = outcome.error
    rule = rule_for(error.code, http_status=outcome.http_status)
    note = f"refused: {error.code} {error.title}"
    why = f"{error.code} {error.title}{f' ({error.details})' if error.details else ''}: {rule.advice}"
    asked = 0 if outcome.retry_after_s is None else int(min(outcome.retry_after_s * SECOND, ASKED_LONGEST))
    match rule.action:
        case Action.RETRY:
            delay = max(asked, _backoff(attempt.claim.retries))
            return Decision(attempt.again(delay, note, error, uses_retry=True))
        case Action.PAIR:
            delay = max(asked, min(4 ** min(attempt.claim.retries, 16) * SECOND, PAIR_LONGEST))
            return Decision(attempt.again(delay, note, error, uses_retry=True))
        case Action.THROTTLE:
            return Decision(
                attempt.again(max(asked, THROTTLED), note, error),
                Effect.THROTTLE,
                HoldReason.THROTTLED,
                why,
                asked,
            )
        case Action.LIMIT:
            return Decision(
                attempt.again(max(asked, LIMITED), note, error),
                Effect.LIMIT,
                HoldReason.THROTTLED,
                why,
                asked,
            )
        case Action.MAINTENANCE:
            wait = max(asked, MAINTAINED)
            return Decision(
                attempt.again(wait, note, error), Effect.MAINTENANCE, HoldReason.MAINTENANCE, why, wait
            )
        case Action.PAUSE_BROADCAST:
            return _stop(attempt, note, error, Effect.PAUSE_BROADCAST, HoldReason.TEMPLATE, why)
        case Action.PAUSE_NUMBER:
            return _stop(attempt, note, error, Effect.PAUSE_NUMBER, HoldReason.ACCOUNT, why)
        case Action.PAUSE_BUSINESS:
            return _stop(attempt, note, error, Effect.PAUSE_BUSINESS, HoldReason.ACCOUNT, why)
        case Action.FAIL | Action.OPT_OUT | Action.COUNT_FAILURE:
            return _fail(rule, attempt, note, error, why)


def _stop(
    attempt: _Attempt, note: str, error: MetaError, effect: Effect, hold: HoldReason, why: str
) -> Decision:
    """The fault is not this recipient's: it waits, and uses up none of its tries, until a person resumes."""
    result = attempt.result(RecipientStatus.PENDING, note, error=error, next_attempt_at=attempt.now)
    return Decision(result, effect, hold, why)


def _fail(rule: ErrorRule, attempt: _Attempt, note: str, error: MetaError, why: str) -> Decision:
    suspect = rule.action is Action.COUNT_FAILURE
    return Decision(
        attempt.result(RecipientStatus.FAILED, note, error=error),
        Effect.COUNT_FAILURE if suspect else Effect.NONE,
        HoldReason.MANY_FAILURES if suspect else None,
        why,
        opt_out=rule.action is Action.OPT_OUT,
    )


def _backoff(retries: int) -> Millis:
    return min(RETRY_FIRST << min(retries, 16), RETRY_LONGEST)
