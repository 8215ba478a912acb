"""Updates the metrics, always after the commit that makes the change durable."""

from collections import Counter
from collections.abc import Iterable

from wacrmd.domain.attempt import AttemptResult, MetaError
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.meta.outcome import Accepted, NotSent, Outcome, Refused, Unknown
from wacrmd.services.context import Context
from wacrmd.store.receipts import Applied

_OUTCOMES = {Accepted: "accepted", Refused: "refused", NotSent: "not_sent", Unknown: "unknown"}


def count_results(ctx: Context, results: Iterable[AttemptResult]) -> None:
    """Count the results of attempts."""
    metrics, statuses = ctx.metrics, Counter[RecipientStatus]()
    for result in results:
        if result.status is RecipientStatus.PENDING:
            metrics.message_retries.labels(_code(result.error)).inc()
            continue
        statuses[result.status] += 1
        if result.status is RecipientStatus.FAILED:
            metrics.message_failures.labels(_code(result.error), "answer").inc()
    for status, count in statuses.items():
        metrics.message_statuses.labels(status.value).inc(count)


def count_applied(ctx: Context, applied: Applied) -> None:
    """Count the statuses and failures that Meta reported."""
    for status, count in applied.statuses.items():
        ctx.metrics.message_statuses.labels(str(status)).inc(count)
    for failure in applied.failed:
        ctx.metrics.message_failures.labels(_code(failure.receipt.error), "webhook").inc()


def count_webhooks(ctx: Context, kinds: dict[str, int], applied: Applied) -> None:
    """Count webhooks of Meta: their events by kind, and their statuses."""
    for kind, count in kinds.items():
        ctx.metrics.meta_webhook_events.labels(kind).inc(count)
    count_applied(ctx, applied)


def time_meta(ctx: Context, outcome: Outcome, seconds: float) -> None:
    """Record how long a request to Meta took, by its outcome."""
    ctx.metrics.meta_request_duration.labels(_OUTCOMES[type(outcome)]).observe(seconds)


def _code(error: MetaError | None) -> str:
    return "none" if error is None else str(error.code)
