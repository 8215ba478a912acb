"""Faults that are not one recipient's: in the transaction that learns of them, what they concern stands still."""

from dataclasses import dataclass

from wacrmd.clock import Millis
from wacrmd.log import get_logger
from wacrmd.meta.errors import Action, rule_for
from wacrmd.model import HoldReason, Receipt
from wacrmd.store import broadcasts, numbers
from wacrmd.store.database import Tx

log = get_logger(__name__)

_EVENTS = {"broadcast": "broadcast_paused", "number": "number_paused"}


@dataclass(frozen=True, slots=True)
class Stop:
    """Something was paused by this: `what` is `broadcast` or `number`, `id` its own id."""

    what: str
    id: str
    reason: HoldReason
    detail: str


def stop_broadcast(tx: Tx, broadcast_id: int, reason: HoldReason, detail: str, now: Millis) -> list[Stop]:
    """Pause the broadcast; the rest of its recipients stay pending."""
    if not broadcasts.pause(tx, broadcast_id, reason, detail, now):
        return []
    paused = broadcasts.get(tx, broadcast_id)
    return [Stop("broadcast", paused.uuid, reason, detail)] if paused else []


def stop_number(tx: Tx, number_id: str, detail: str, now: Millis) -> list[Stop]:
    """Pause the number until a person has acted."""
    paused = numbers.pause(tx, number_id, HoldReason.ACCOUNT, detail, now)
    return [Stop("number", number_id, HoldReason.ACCOUNT, detail)] if paused else []


def stop_business(tx: Tx, waba_id: str, detail: str, now: Millis) -> list[Stop]:
    """Pause all numbers of the business account until a person has acted."""
    paused = numbers.pause_business(tx, waba_id, HoldReason.ACCOUNT, detail, now)
    return [Stop("number", number_id, HoldReason.ACCOUNT, detail) for number_id in paused]


def after_failure(tx: Tx, receipt: Receipt, broadcast_id: int, now: Millis) -> list[Stop]:
    """What a `failed` status means beyond its recipient."""
    if receipt.error is None:
        return []
    rule = rule_for(receipt.error.code, asynchronous=True)
    detail = f"{receipt.error.code} {receipt.error.title}: {rule.advice}"
    match rule.action:
        case Action.PAUSE_BUSINESS:
            number = numbers.get(tx, receipt.number_id)
            return stop_business(tx, number.waba_id, detail, now) if number else []
        case Action.PAUSE_NUMBER:
            return stop_number(tx, receipt.number_id, detail, now)
        case Action.PAUSE_BROADCAST:
            return stop_broadcast(tx, broadcast_id, HoldReason.TEMPLATE, detail, now)
        case _:
            return []


def tell(stops: list[Stop]) -> None:
    """One line in the log for each, once they are durable."""
    for stop in stops:
        log.warning(_EVENTS[stop.what], id=stop.id, reason=stop.reason.value, detail=stop.detail)
