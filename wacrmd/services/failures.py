"""What a `failed` status changes besides its recipient: it pauses something, throttles the number or opts out."""

from wacrmd.clock import Millis
from wacrmd.domain.attempt import MetaError
from wacrmd.domain.hold import HoldReason
from wacrmd.meta.errors import Action, rule_for
from wacrmd.services import pausing
from wacrmd.services.pausing import PauseEvent
from wacrmd.store import optouts
from wacrmd.store.database import Tx
from wacrmd.store.receipts import Failure

SLOWER = frozenset({Action.THROTTLE, Action.CALL_LIMIT, Action.MAINTENANCE})
"""Actions after which a number has to send more slowly."""


def after_failure(tx: Tx, failure: Failure, now: Millis) -> list[PauseEvent]:
    """Pause what a failure concerns, or opt the person out (docs/meta.md, Errors); returns the pauses."""
    receipt = failure.receipt
    if receipt.error is None:
        return []
    rule = rule_for(receipt.error.code, from_webhook=True)
    detail = f"{receipt.error.code} {receipt.error.title}: {rule.advice}"
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


def throttled_by(failure: Failure) -> str | None:
    """Why the number of a failed message has to send more slowly; None if it need not."""
    error = failure.receipt.error
    if error is None or rule_for(error.code, from_webhook=True).action not in SLOWER:
        return None
    return f"{error.code} {error.title}"


def opt_out(tx: Tx, recipient_id: int, error: MetaError | None, at: Millis, now: Millis) -> None:
    """Opt a recipient out because Meta reported that the person stopped marketing messages (131050)."""
    detail = error.title if error else None
    optouts.add_recipient(tx, recipient_id, source="meta_131050", detail=detail, at=at, now=now)
