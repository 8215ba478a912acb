"""Faults that are not one recipient's: in the transaction that learns of them, what they concern stands still."""

from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.domain.attempt import MetaError
from wacrmd.domain.hold import HoldReason
from wacrmd.log import get_logger
from wacrmd.meta.errors import Action, rule_for
from wacrmd.store import broadcasts, numbers, optouts
from wacrmd.store.database import Tx
from wacrmd.store.receipts import Failure

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PauseEvent:
    """Something was paused by this: `what` is `broadcast` or `number`, `id` its own id."""

    what: str
    id: str
    reason: HoldReason
    detail: str


def pause_broadcast(
    tx: Tx, broadcast_id: int, reason: HoldReason, detail: str, now: Millis
) -> list[PauseEvent]:
    """Pause the broadcast; the rest of its recipients stay pending."""
    if not broadcasts.pause(tx, broadcast_id, reason, detail, now):
        return []
    paused = broadcasts.get(tx, broadcast_id)
    return [PauseEvent("broadcast", paused.uuid, reason, detail)] if paused else []


def pause_number(tx: Tx, number_id: str, detail: str, now: Millis) -> list[PauseEvent]:
    """Pause the number until a person has acted."""
    paused = numbers.pause(tx, number_id, HoldReason.ACCOUNT, detail, now)
    return [PauseEvent("number", number_id, HoldReason.ACCOUNT, detail)] if paused else []


def pause_business_account(tx: Tx, waba_id: str, detail: str, now: Millis) -> list[PauseEvent]:
    """Pause all numbers of the business account until a person has acted."""
    paused = numbers.pause_business(tx, waba_id, HoldReason.ACCOUNT, detail, now)
    return [PauseEvent("number", number_id, HoldReason.ACCOUNT, detail) for number_id in paused]


def after_failure(tx: Tx, failure: Failure, now: Millis) -> list[PauseEvent]:
    """Do what a `failed` status means beyond its recipient: pause something, or note an opt-out."""
    receipt = failure.receipt
    if receipt.error is None:
        return []
    rule = rule_for(receipt.error.code, from_webhook=True)
    detail = f"{receipt.error.code} {receipt.error.title}: {rule.advice}"
    match rule.action:
        case Action.PAUSE_BUSINESS_ACCOUNT:
            number = numbers.get(tx, receipt.number_id)
            return pause_business_account(tx, number.waba_id, detail, now) if number else []
        case Action.PAUSE_NUMBER:
            return pause_number(tx, receipt.number_id, detail, now)
        case Action.PAUSE_BROADCAST:
            return pause_broadcast(tx, failure.broadcast_id, HoldReason.TEMPLATE, detail, now)
        case Action.OPT_OUT:
            opt_out(tx, failure.recipient_id, receipt.error, receipt.at, now)
            return []
        case _:
            return []


def opt_out(tx: Tx, recipient_id: int, error: MetaError | None, at: Millis, now: Millis) -> None:
    """Meta refused or failed a message because the person stopped marketing messages (docs/meta.md, Errors)."""
    optouts.add_recipient(
        tx,
        recipient_id,
        source="meta_131050",
        detail=error.title if error else None,
        at=at,
        now=now,
    )


def log_pauses(pauses: list[PauseEvent]) -> None:
    """One line in the log for each, once they are durable."""
    for pause in pauses:
        if pause.what == "broadcast":
            log.warning("broadcast_paused", id=pause.id, reason=pause.reason.value, detail=pause.detail)
        else:
            log.warning("number_paused", id=pause.id, reason=pause.reason.value, detail=pause.detail)
