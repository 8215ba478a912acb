"""What a failure changes besides its recipient: it pauses something, throttles the number, opts out, or is retried later."""

from collections.abc import Iterable

from wacrmd.clock import Millis
from wacrmd.domain.attempt import MetaError
from wacrmd.domain.hold import HoldReason
from wacrmd.errors import counted
from wacrmd.meta.errors import RETRY_LIMITS, UNKNOWN, Action, rule_for
from wacrmd.services import pausing
from wacrmd.services.pausing import PauseEvent
from wacrmd.store import failure_streaks, optouts, planned_retries, retries
from wacrmd.store.database import Tx
from wacrmd.store.receipts import Failure, Outcome

SLOWER = frozenset({Action.THROTTLE, Action.CALL_LIMIT, Action.MAINTENANCE})
"""Actions after which a number has to send more slowly."""


def apply_outcomes(tx: Tx, outcomes: list[Outcome], max_streak: int, now: Millis) -> list[PauseEvent]:
    """Retry by rules, pause what failures concern, and opt people out (docs/meta.md, Errors); returns the pauses.

    The rules come first: a broadcast that is sending again because of them can be paused.

    `max_streak` failures in a row that may concern every recipient pause their broadcast.
    """
    if not outcomes:
        return []
    found = [each.failure for each in outcomes if each.failure is not None]
    retry_by_rules(tx, [each.recipient_id for each in found], now)
    pauses = [pause for each in found for pause in _after_failure(tx, each, now)]
    return pauses + _after_streaks(tx, outcomes, max_streak, now)


def apply_failed_while_waiting(tx: Tx, failures: Iterable[Failure], now: Millis) -> set[int]:
    """What Meta says of a message that was not delivered holds for its retry too; returns the broadcasts that it changes.

    Who stopped marketing messages is opted out, and others wait for as long as Meta wants after the code.
    """
    changed: set[int] = set()
    for each in failures:
        error, at = each.receipt.error, min(each.receipt.at, now)
        if error is None:
            continue
        allowed_at = at + RETRY_LIMITS.wait_after(error.code)
        if not planned_retries.failed(tx, each.broadcast_id, each.recipient_id, error.code, allowed_at):
            continue
        changed.add(each.broadcast_id)
        if rule_for(error.code, error.subcode, from_webhook=True).action is Action.OPT_OUT:
            opt_out(tx, each.recipient_id, error, each.receipt.at, now)
    return changed


def why_final(code: int) -> str | None:
    """Why another message to the same person fails as well after this code; None if it may arrive."""
    rule = rule_for(code)
    return f"{rule.meaning}. {rule.advice}" if rule.is_final else None


def meaning_of(code: int) -> str | None:
    """What one of Meta's codes means; None for one that is not known."""
    meaning = rule_for(code).meaning
    return None if meaning == UNKNOWN else meaning


def retry_by_rules(tx: Tx, recipient_ids: Iterable[int], now: Millis) -> None:
    """Let recipients that have failed be sent to again later, as the rules of their broadcasts say."""
    ids = list(recipient_ids)
    if ids:
        retries.apply_rules(tx, ids, RETRY_LIMITS, now)


def _after_streaks(tx: Tx, outcomes: list[Outcome], max_streak: int, now: Millis) -> list[PauseEvent]:
    """Count the failures in a row of the broadcasts that are being sent; the pauses of those that have too many."""
    pauses: list[PauseEvent] = []
    before = failure_streaks.of_sending(tx, {outcome.broadcast_id for outcome in outcomes})
    for broadcast_id, streak in before.items():
        ended = [
            outcome
            for outcome in outcomes
            if outcome.broadcast_id == broadcast_id
            and outcome.claimed_at >= streak.since
            and _counts(outcome)
        ]
        after, pauses_it = streak.after((outcome.failure is not None for outcome in ended), max_streak)
        if after.length != streak.length:
            failure_streaks.set_length(tx, broadcast_id, after.length)
        if pauses_it:
            detail = f"{counted(max_streak, 'recipient')} in a row failed; the last: {_last_error(ended)}"
            pauses += pausing.pause_broadcast(tx, broadcast_id, HoldReason.MANY_FAILURES, detail, now)
    return pauses


def _last_error(outcomes: list[Outcome]) -> str:
    errors = [outcome.failure.receipt.error for outcome in outcomes if outcome.failure is not None]
    return _why(errors[-1]) if errors and errors[-1] is not None else "Meta gave no reason"


def _counts(outcome: Outcome) -> bool:
    """Whether it ends a streak, or makes it longer."""
    if outcome.failure is None:
        return True
    error = outcome.failure.receipt.error
    return (
        error is not None
        and rule_for(error.code, error.subcode, from_webhook=True).action is Action.COUNT_FAILURE
    )


def _after_failure(tx: Tx, failure: Failure, now: Millis) -> list[PauseEvent]:
    receipt = failure.receipt
    if receipt.error is None:
        return []
    rule = rule_for(receipt.error.code, receipt.error.subcode, from_webhook=True)
    detail = _why(receipt.error)
    match rule.action:
        case Action.PAUSE_BUSINESS_ACCOUNT:
            return pausing.pause_business_account(tx, receipt.number.waba_id, HoldReason.ACCOUNT, detail, now)
        case Action.PAUSE_NUMBER:
            return pausing.pause_number(tx, receipt.number.id, HoldReason.ACCOUNT, detail, now)
        case Action.PAUSE_BROADCAST:
            return pausing.pause_broadcast(tx, failure.broadcast_id, HoldReason.TEMPLATE, detail, now)
        case Action.OPT_OUT:
            opt_out(tx, failure.recipient_id, receipt.error, receipt.at, now)
            return []
        case _:
            return []


def _why(error: MetaError) -> str:
    details = f" ({error.details.rstrip('.')})" if error.details and error.details != error.title else ""
    advice = rule_for(error.code, error.subcode, from_webhook=True).advice
    return f"{error.code_text} {error.title.rstrip('.')}{details}: {advice}"


def throttled_by(failure: Failure) -> str | None:
    """Why the number of a failed message has to send more slowly; None if it need not."""
    error = failure.receipt.error
    if error is None or rule_for(error.code, error.subcode, from_webhook=True).action not in SLOWER:
        return None
    return f"{error.code_text} {error.title}"


def opt_out(tx: Tx, recipient_id: int, error: MetaError | None, at: Millis, now: Millis) -> None:
    """Opt a recipient out because Meta reported that the person stopped marketing messages (131050)."""
    detail = error.title if error else None
    optouts.add_recipient(tx, recipient_id, source="meta_131050", detail=detail, at=at, now=now)
