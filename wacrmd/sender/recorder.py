"""Records the results of attempts, many in one transaction; retries while the database cannot be written."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import anyio

from wacrmd.clock import SECOND, Millis
from wacrmd.domain.attempt import AttemptResult
from wacrmd.domain.hold import HoldReason
from wacrmd.domain.number import NumberIds
from wacrmd.domain.person import Names, names
from wacrmd.domain.recipient import RecipientStatus
from wacrmd.log import get_logger
from wacrmd.sender.decision import Decision, Effect
from wacrmd.services import counters, failures, pausing
from wacrmd.services.context import Context
from wacrmd.services.pausing import PauseEvent
from wacrmd.store import (
    attempts,
    broadcasts,
    marketing,
    people,
    receipts,
    recipients,
    status_events,
    templates,
)
from wacrmd.store.database import Tx
from wacrmd.store.outage import StorageError
from wacrmd.store.people import Sighting

LINGER_S = 0.02
"""How long the result of an accepted message waits for others after a transaction began: fewer and larger ones cost less."""
RETRY_AFTER: Millis = 1 * SECOND
MAX_BATCH = 1000

Entry = tuple[Decision, NumberIds]
"""A decision, and the number that the attempt was made from."""

log = get_logger(__name__)


class Recorder:
    """A queue of decisions, and the one task that writes them.

    The decision about an accepted message may wait for others, up to `linger_s` after the last transaction began. It waits
    only while some of the requests that are `in_flight` have not ended; every other decision is written at once.
    """

    def __init__(
        self,
        ctx: Context,
        finished: Callable[[list[AttemptResult], list[int]], None],
        in_flight: Callable[[], int],
        linger_s: float = LINGER_S,
    ) -> None:
        self._ctx = ctx
        self._finished = finished
        self._in_flight = in_flight
        self._linger_s = linger_s
        self._began_at = -linger_s
        """When the last transaction began."""
        self._urgent = anyio.Event()
        """Set when what is queued need not wait for more."""
        self._entries: list[Entry] = []
        self._writing: list[Entry] = []
        self._wake = anyio.Event()

    @property
    def waiting(self) -> int:
        """How many decisions are not on disk yet."""
        return len(self._entries) + len(self._writing)

    def add(self, decision: Decision, number: NumberIds, *, at_once: bool = False) -> None:
        """Queue a decision. It is on disk when `finished` is called with its result."""
        self._entries.append((decision, number))
        self._wake.set()
        accepted = decision.result.status is RecipientStatus.SENT
        if at_once or not accepted or self.waiting >= self._in_flight():
            self._urgent.set()

    async def run(self) -> None:
        """Record until cancelled."""
        while True:
            if not self._entries:
                self._wake = anyio.Event()
                await self._wake.wait()
            await self._linger()
            self._began_at, self._urgent = anyio.current_time(), anyio.Event()
            await self._write()

    async def _linger(self) -> None:
        left = self._began_at + self._linger_s - anyio.current_time()
        if left > 0 and not self._urgent.is_set():
            with anyio.move_on_after(left):
                await self._urgent.wait()

    async def flush(self) -> bool:
        """Record all that is queued; False if the database cannot be written: the next start expires these attempts."""
        entries, self._entries, self._writing = self._writing + self._entries, [], []
        if entries:
            try:
                await self._store(entries)
            except StorageError as error:
                log.error("result_write_abandoned", results=len(entries), reason=error.advice)  # noqa: TRY400
                return False
        return True

    async def _write(self) -> None:
        self._writing, self._entries = self._entries[:MAX_BATCH], self._entries[MAX_BATCH:]
        is_told = False
        while True:
            try:
                with anyio.CancelScope(shield=True):  # what was written is not written again by `flush`
                    await self._store(self._writing)
                    self._writing = []
            except StorageError as error:
                if not is_told:
                    log.error("result_write_retrying", results=self.waiting, reason=error.advice)  # noqa: TRY400
                    is_told = True
                await self._ctx.clock.sleep(RETRY_AFTER)
            else:
                return

    async def _store(self, entries: list[Entry]) -> None:
        """Write entries in one transaction; if one of them cannot be written, each in its own. Raises StorageError."""
        ctx = self._ctx
        max_streak = ctx.config.sender.pause_after_failures
        try:
            recorded = await ctx.db.record(
                partial(record, entries=entries, max_streak=max_streak, now=ctx.clock.now())
            )
        except StorageError:
            if len(entries) == 1 or not ctx.db.is_damaged:
                raise
            await self._store_each(entries)
            return
        except Exception:
            log.exception("result_write_crashed", results=len(entries))
            if len(entries) > 1:
                await self._store_each(entries)
                return
            recorded = Recorded()  # its row stays in flight until the attempt expires
        results = [decision.result for decision, _ in entries]
        counters.count_results(ctx, results)
        counters.count_applied(ctx, recorded.unmatched)
        pausing.log_pauses(recorded.pauses)
        self._finished(results, recorded.completed)
        ctx.changes.publish(recorded.changed or {result.broadcast_id for result in results})

    async def _store_each(self, entries: list[Entry]) -> None:
        """Write each entry in its own transaction; what is stored leaves the list: the disk may become full in between.

        In a damaged file those that need a broken page stay. Raises StorageError if some are left.
        """
        refused: StorageError | None = None
        for entry in entries.copy():
            try:
                await self._store([entry])
            except StorageError as error:
                if not self._ctx.db.is_damaged:
                    raise
                refused = error
            else:
                entries.remove(entry)
        if refused is not None:
            raise refused


@dataclass(slots=True)
class Recorded:
    """What a batch of decisions did beyond its recipients."""

    changed: set[int] = field(default_factory=set)
    """The broadcasts of the recipients, and others that a reply or a person belongs to."""
    completed: list[int] = field(default_factory=list)
    unmatched: receipts.Applied = field(default_factory=receipts.Applied)
    pauses: list[PauseEvent] = field(default_factory=list)


def record(tx: Tx, *, entries: list[Entry], max_streak: int, now: Millis) -> Recorded:
    """Write decisions and their effects beyond the recipients, in the caller's transaction.

    `max_streak` counts for statuses that came before the answer (`services/failures.py:apply_outcomes`).
    """
    recorded = Recorded()
    results = [decision.result for decision, _ in entries]
    before = status_events.statuses(tx, [result.recipient_id for result in results])
    attempts.record(tx, results)
    status_events.emit_changes(tx, before, now)
    refused = [each for each in results if each.status is RecipientStatus.FAILED and each.error is not None]
    failures.retry_by_rules(tx, [each.recipient_id for each in refused], now)
    wamids = [result.wamid for result in results if result.wamid]
    recorded.changed = {result.broadcast_id for result in results}
    if wamids:
        recorded.unmatched = receipts.apply_unmatched(tx, wamids, now)
        recorded.changed |= recorded.unmatched.broadcasts
        recorded.pauses += failures.apply_outcomes(tx, recorded.unmatched.outcomes, max_streak, now)
    seen = people.see(tx, _sightings(tx, entries), now)
    replied = receipts.settle_replies(tx, [result.recipient_id for result in results], seen.joined, now)
    recorded.unmatched.add(replied)
    recorded.changed |= seen.broadcasts | replied.broadcasts
    for decision, number in entries:
        if decision.effect is not Effect.NONE or decision.opt_out:
            recorded.pauses += _apply(tx, decision, number, now)
    recorded.completed = broadcasts.recipients_changed(tx, recorded.changed, now)
    return recorded


def _sightings(tx: Tx, entries: list[Entry]) -> list[Sighting]:
    """Whom Meta's answers name by more than the address that was sent to; not those who were erased meanwhile."""
    named = {
        decision.result.recipient_id: Sighting(number.account_id, found, decision.result.at, number.waba_id)
        for decision, number in entries
        if len((found := _names(decision.result)).addresses) > 1
    }
    for recipient_id in recipients.erased_among(tx, named):
        del named[recipient_id]
    return list(named.values())


def _names(result: AttemptResult) -> Names:
    return names(result.to, result.wa_id, user_ids=(result.user_id, result.parent_user_id))


def _apply(tx: Tx, decision: Decision, number: NumberIds, now: Millis) -> list[PauseEvent]:
    """Apply the effect of a decision beyond its recipient."""
    if decision.opt_out:
        result = decision.result
        failures.opt_out(tx, result.recipient_id, result.error, result.at, now)
    match decision.effect:
        case Effect.PAUSE_BROADCAST:
            reason = decision.hold or HoldReason.TEMPLATE
            broadcast_id = decision.result.broadcast_id
            if decision.wrong_way is not None:
                marketing.add_wrong_way(tx, broadcast_id, number.waba_id, decision.wrong_way)
                templates.mark_stale(tx, number.waba_id)
            return pausing.pause_broadcast(tx, broadcast_id, reason, decision.detail, now)
        case Effect.PAUSE_NUMBER:
            return pausing.pause_number(tx, number.id, HoldReason.ACCOUNT, decision.detail, now)
        case Effect.PAUSE_BUSINESS_ACCOUNT:
            return pausing.pause_business_account(
                tx, number.waba_id, HoldReason.ACCOUNT, decision.detail, now
            )
        case _:
            return []
