"""Pausing and resuming broadcasts and numbers: the one place for people, for Meta's events and for faults.

Each function on a transaction may be repeated: what is in that state already is left alone. `PauseEvent` and
`Resumed` say what changed; `log_pauses` and `announce` do what follows, after the commit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from wacrmd.clock import Millis
from wacrmd.domain.hold import HoldReason
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.store import attempts, broadcasts, numbers
from wacrmd.store.database import Tx

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PauseEvent:
    """Something was paused; `id` is the uuid of the broadcast or the id of the number."""

    what: Literal["broadcast", "number"]
    id: str
    reason: HoldReason
    detail: str


@dataclass(slots=True)
class Resumed:
    """What sends again: the ids of broadcasts (also those of a number that was resumed) and of numbers."""

    broadcasts: set[int] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)

    def add(self, other: "Resumed") -> None:
        """What another call resumed sends again as well."""
        self.broadcasts |= other.broadcasts
        self.numbers |= other.numbers


def pause_broadcast(
    tx: Tx, broadcast_id: int, reason: HoldReason, detail: str, now: Millis
) -> list[PauseEvent]:
    """Pause a broadcast; its recipients stay pending, and attempts in flight end as they end."""
    if not broadcasts.pause(tx, broadcast_id, reason, detail, now):
        return []
    paused = broadcasts.get(tx, broadcast_id)
    return [PauseEvent("broadcast", paused.uuid, reason, detail)] if paused else []


def pause_number(tx: Tx, number_id: str, reason: HoldReason, detail: str, now: Millis) -> list[PauseEvent]:
    """Pause a number, and with it all of its broadcasts."""
    paused = numbers.pause(tx, number_id, reason, detail, now)
    return [PauseEvent("number", number_id, reason, detail)] if paused else []


def pause_business_account(
    tx: Tx, waba_id: str, reason: HoldReason, detail: str, now: Millis
) -> list[PauseEvent]:
    """Pause all numbers of a business account."""
    paused = numbers.pause_business_account(tx, waba_id, reason, detail, now)
    return [PauseEvent("number", number_id, reason, detail) for number_id in paused]


def log_pauses(pauses: Iterable[PauseEvent]) -> None:
    """Write one log line for each pause, once it is durable."""
    for pause in pauses:
        if pause.what == "broadcast":
            log.warning("broadcast_paused", id=pause.id, reason=pause.reason.value, detail=pause.detail)
        else:
            log.warning("number_paused", id=pause.id, reason=pause.reason.value, detail=pause.detail)


def resume_broadcast(tx: Tx, broadcast_id: int, now: Millis) -> Resumed:
    """Continue a paused broadcast, whatever it was paused for."""
    resumed = {broadcast_id} if broadcasts.resume(tx, broadcast_id, now) else set[int]()
    return _continue(tx, resumed, now)


def resume_after_approval(tx: Tx, broadcast_ids: Iterable[int], now: Millis) -> Resumed:
    """Meta approved the template of these broadcasts: continue those that were paused for it."""
    return _continue(
        tx, {each for each in broadcast_ids if broadcasts.resume_after_approval(tx, each, now)}, now
    )


def resume_number(tx: Tx, number_id: str, now: Millis) -> Resumed:
    """Let a paused number send again, whatever it was paused for."""
    return _continue_numbers(tx, [number_id] if numbers.resume(tx, number_id) else [], now)


def resume_business_account(tx: Tx, waba_id: str, reason: HoldReason, now: Millis) -> Resumed:
    """Let those numbers of a business account send again that were paused for this reason."""
    return _continue_numbers(tx, numbers.resume_business_account(tx, waba_id, reason), now)


def announce(ctx: Context, resumed: Resumed) -> None:
    """Forget what blocked the numbers, send their broadcasts, and wake those who watch; after the commit."""
    for number_id in resumed.numbers:
        ctx.throughput.reset(number_id)
    for broadcast_id in resumed.broadcasts:
        ctx.queue.enqueue(broadcast_id)
    ctx.changes.publish(resumed.broadcasts)


def _continue(tx: Tx, broadcast_ids: set[int], now: Millis) -> Resumed:
    """What waited in these was held by nothing of its own: its age counts anew."""
    attempts.reset_retry_age(tx, broadcast_ids)
    broadcasts.recipients_changed(tx, broadcast_ids, now)
    return Resumed(broadcast_ids, broadcasts.numbers_of(tx, broadcast_ids))


def _continue_numbers(tx: Tx, number_ids: list[str], now: Millis) -> Resumed:
    held = {each for number_id in number_ids for each in broadcasts.unfinished_ids(tx, number_id)}
    resumed = _continue(tx, held, now)
    resumed.numbers |= set(number_ids)
    return resumed
