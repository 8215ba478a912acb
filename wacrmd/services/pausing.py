"""Pausing and resuming broadcasts and numbers, whether a person, an event of Meta's or a fault asks for it.

The functions that take a transaction change nothing that has the wanted state already. They return what changed, as
`PauseEvent` or `Resumed`; pass it to `log_pauses` or `continue_sending` after the commit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from wacrmd.clock import Millis
from wacrmd.domain.hold import PAUSED_BY_PERSON, HoldReason
from wacrmd.log import get_logger
from wacrmd.services.context import Context
from wacrmd.store import attempts, broadcasts, failure_streaks, marketing, media_uploads, numbers
from wacrmd.store.database import Tx

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PauseEvent:
    """A broadcast or number was paused; `id` is the uuid of the broadcast or the phone number id."""

    what: Literal["broadcast", "number"]
    id: str
    reason: HoldReason
    detail: str


@dataclass(slots=True)
class Resumed:
    """What was resumed: row ids of broadcasts (also those of a resumed number), and ids of numbers."""

    broadcasts: set[int] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)

    def add(self, other: "Resumed") -> None:
        """Add what another call resumed."""
        self.broadcasts |= other.broadcasts
        self.numbers |= other.numbers


def pause_broadcast(
    tx: Tx, broadcast_id: int, reason: HoldReason, detail: str, now: Millis
) -> list[PauseEvent]:
    """Pause a broadcast; its recipients stay pending, and attempts in flight are completed."""
    pause = broadcasts.pause_by_person if reason in PAUSED_BY_PERSON else broadcasts.pause
    if not pause(tx, broadcast_id, reason, detail, now):
        return []
    paused = broadcasts.get(tx, broadcast_id)
    return [PauseEvent("broadcast", paused.uuid, reason, detail)] if paused else []


def pause_number(tx: Tx, number_id: str, reason: HoldReason, detail: str, now: Millis) -> list[PauseEvent]:
    """Pause a number: none of its broadcasts sends until it is resumed."""
    pause = numbers.pause_by_person if reason in PAUSED_BY_PERSON else numbers.pause
    paused = pause(tx, number_id, reason, detail, now)
    return [PauseEvent("number", paused, reason, detail)] if paused else []


def pause_business_account(
    tx: Tx, waba_id: str, reason: HoldReason, detail: str, now: Millis, until: Millis | None = None
) -> list[PauseEvent]:
    """Pause all numbers of a business account; with `until` they resume by themselves then."""
    paused = numbers.pause_business_account(tx, waba_id, reason, detail, now, until)
    return [PauseEvent("number", each, reason, detail) for each in paused]


def log_pauses(pauses: Iterable[PauseEvent]) -> None:
    """Write one log line for each pause; call it after the commit."""
    for pause in pauses:
        if pause.what == "broadcast":
            log.warning(
                "broadcast_paused",
                broadcast=pause.id,
                reason=pause.reason.value,
                detail=pause.detail,
                summed=(pause.id, pause.reason),
            )
        else:
            log.warning(
                "number_paused",
                number=pause.id,
                reason=pause.reason.value,
                detail=pause.detail,
                summed=(pause.id, pause.reason),
            )


def resume_broadcast(tx: Tx, broadcast_id: int, now: Millis) -> Resumed:
    """Resume a broadcast, whatever it was paused for."""
    resumed = {broadcast_id} if broadcasts.resume(tx, broadcast_id, now) else set[int]()
    media_uploads.try_again(tx, broadcast_id)
    return _continue(tx, resumed, now)


def resume_after_approval(tx: Tx, broadcast_ids: Iterable[int], now: Millis) -> Resumed:
    """Resume those of these broadcasts that were paused because of their template: Meta approved it."""
    return _continue(
        tx, {each for each in broadcast_ids if broadcasts.resume_after_approval(tx, each, now)}, now
    )


def resume_rerouted(tx: Tx, waba_id: str, now: Millis) -> Resumed:
    """Resume those broadcasts of a business account that Meta refused at one endpoint and that go to the other one now."""
    return resume_after_approval(tx, marketing.rerouted(tx, waba_id), now)


def resume_number(tx: Tx, number_id: str, now: Millis) -> Resumed:
    """Resume a number, whatever it was paused for."""
    return _continue_numbers(tx, [number_id] if numbers.resume(tx, number_id) else [], now)


def resume_business_account(tx: Tx, waba_id: str, reason: HoldReason, now: Millis) -> Resumed:
    """Resume the numbers of a business account that were paused for this reason."""
    return _continue_numbers(tx, numbers.resume_business_account(tx, waba_id, reason), now)


def continue_sending(ctx: Context, resumed: Resumed) -> None:
    """Unblock the numbers, enqueue the broadcasts and wake their watchers; call it after the commit."""
    for number_id in resumed.numbers:
        ctx.throughput.reset(number_id)
    ctx.queue.enqueue_many(resumed.broadcasts)
    ctx.media.wake.set()
    ctx.changes.publish(resumed.broadcasts)


def _continue(tx: Tx, broadcast_ids: set[int], now: Millis) -> Resumed:
    """Restart the retry age of the pending recipients, because the pause was not their fault, and the failure streaks."""
    attempts.reset_retry_age(tx, broadcast_ids)
    marketing.forget_wrong_ways(tx, broadcast_ids)
    failure_streaks.reset(tx, broadcast_ids, now)
    broadcasts.recipients_changed(tx, broadcast_ids, now)
    return Resumed(broadcast_ids, broadcasts.numbers_of(tx, broadcast_ids))


def _continue_numbers(tx: Tx, number_ids: list[str], now: Millis) -> Resumed:
    for number_id in number_ids:
        media_uploads.try_number_again(tx, number_id)
    held = {each for number_id in number_ids for each in broadcasts.sending_or_paused(tx, number_id)}
    resumed = _continue(tx, held, now)
    resumed.numbers |= set(number_ids)
    return resumed
