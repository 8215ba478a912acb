"""Updates the metrics, always after the commit that makes the change durable."""

from collections import Counter
from collections.abc import Iterable
from itertools import product
from typing import Any

from wacrmd.domain.attempt import AttemptResult, MetaError
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.http.capacity import Shortage
from wacrmd.log import get_logger
from wacrmd.meta.errors import RULES
from wacrmd.meta.outcome import Accepted, NotSent, Outcome, Refused, Unknown
from wacrmd.meta.webhook import ACCOUNT_FIELDS, TEMPLATE_FIELDS
from wacrmd.metrics import Metrics
from wacrmd.services.context import Context
from wacrmd.store.receipts import Applied
from wacrmd.store.retention import PRUNED_TABLES

log = get_logger(__name__)

_OUTCOMES = {Accepted: "accepted", Refused: "refused", NotSent: "not_sent", Unknown: "unknown"}
_COUNTED = (
    RecipientStatus.SENT,
    RecipientStatus.DELIVERED,
    RecipientStatus.READ,
    RecipientStatus.REPLIED,
    RecipientStatus.FAILED,
    RecipientStatus.UNCERTAIN,
)
_EVENT_KINDS = (
    *(
        "status_applied",
        "status_repeated",
        "status_unmatched",
        "message",
        "message_repeated",
        "opt_in",
        "opt_out",
    ),
    *("preference_stop", "preference_resume", "preference_signup", "address_change", "number_signal"),
    *("ignored", "unreadable", "number_unknown", *TEMPLATE_FIELDS, *sorted(ACCOUNT_FIELDS)),
)
_CODES = ("none", *map(str, sorted(RULES)))


def start_at_zero(metrics: Metrics) -> None:
    """Let every labelled counter exist from the start, for all values that are known."""
    known: dict[Any, tuple[Iterable[str], ...]] = {
        metrics.recipients_submitted: (("accepted", "rejected", "duplicate", "suppressed"),),
        metrics.message_statuses: (_COUNTED,),
        metrics.message_failures: (_CODES, ("answer", "webhook")),
        metrics.message_retries: (_CODES,),
        metrics.meta_request_duration: (_OUTCOMES.values(),),
        metrics.meta_webhook_events: (_EVENT_KINDS,),
        metrics.http_shortages: (("api", "webhooks"), tuple(Shortage)),
        metrics.media_uploads: (("success", "failure", "refused"),),
        metrics.webhook_delivery_attempts: (("success", "failure"),),
        metrics.job_signals: (("enqueued", "executing", "complete", "error"),),
        metrics.rows_pruned: (PRUNED_TABLES,),
    }
    for counter, values in known.items():
        metrics.start_at_zero(counter, product(*values))


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


def count_shortage(ctx: Context, listener: str, shortage: Shortage) -> None:
    """A client of an HTTP listener had to go, or was not let in."""
    ctx.metrics.http_shortages.labels(listener, shortage).inc()
    ctx.http_shortages.add(listener, shortage, ctx.clock.now())
    log.warning(
        "http_client_dropped", listener=listener, reason=shortage.value, summed=f"{listener} {shortage}"
    )


def time_meta(ctx: Context, outcome: Outcome, seconds: float) -> None:
    """Record how long a request to Meta took, by its outcome."""
    ctx.metrics.meta_request_duration.labels(_OUTCOMES[type(outcome)]).observe(seconds)


def _code(error: MetaError | None) -> str:
    return "none" if error is None else str(error.code)
