"""Writes down what became of attempts, many in one transaction; keeps trying while the disk does not let it."""

from collections.abc import Callable
from functools import partial

import anyio

from wacrmd.clock import SECOND, Millis
from wacrmd.log import get_logger
from wacrmd.model import AttemptResult, HoldReason, RecipientStatus
from wacrmd.sender.policy import Effect, Verdict
from wacrmd.services import telemetry
from wacrmd.services.context import Context
from wacrmd.store import broadcasts, numbers, optouts, receipts, recipients, tidings
from wacrmd.store.database import StorageTrouble, Tx

TRY_AGAIN: Millis = 1 * SECOND
MAX_BATCH = 1000

Entry = tuple[Verdict, str, str]
"""A verdict with the ids of its number and its business account."""

log = get_logger(__name__)


class Recorder:
    """A queue of verdicts and the one task that writes them."""

    def __init__(self, ctx: Context, finished: Callable[[list[AttemptResult], list[int]], None]) -> None:
        self._ctx = ctx
        self._finished = finished
        self._entries: list[Entry] = []
        self._writing: list[Entry] = []
        self._wake = anyio.Event()

    @property
    def waiting(self) -> int:
        """Verdicts that are not durable yet."""
        return len(self._entries) + len(self._writing)

    def add(self, verdict: Verdict, number_id: str, waba_id: str) -> None:
        """Have a verdict recorded; it is durable once `finished` was called with its result."""
        self._entries.append((verdict, number_id, waba_id))
        self._wake.set()

    async def run(self) -> None:
        """Record until cancelled."""
        while True:
            if not self._entries:
                self._wake = anyio.Event()
                await self._wake.wait()
            await self._write()

    async def flush(self) -> bool:
        """Record what waits; False when the disk does not let it (the next start knows what to do)."""
        if self._writing:
            self._entries, self._writing = self._writing + self._entries, []
        while self._entries:
            entries, self._entries = self._entries, []
            try:
                await self._ctx.db.write(partial(record, entries=entries, now=self._ctx.clock.now()))
            except StorageTrouble as trouble:
                log.error("outcomes_unrecorded", count=len(entries), reason=trouble.advice)  # noqa: TRY400
                return False
        return True

    async def _write(self) -> None:
        self._writing, self._entries = self._entries[:MAX_BATCH], self._entries[MAX_BATCH:]
        while True:
            try:
                completed, early = await self._ctx.db.write(
                    partial(record, entries=self._writing, now=self._ctx.clock.now())
                )
                break
            except StorageTrouble as trouble:
                log.error("outcomes_wait_for_the_disk", count=self.waiting, reason=trouble.advice)  # noqa: TRY400
                await self._ctx.clock.sleep_until(self._ctx.clock.now() + TRY_AGAIN)
        written, self._writing = [verdict.result for verdict, _, _ in self._writing], []
        telemetry.count_results(self._ctx, written)
        telemetry.count_applied(self._ctx, early)
        self._finished(written, completed)
        self._ctx.changes.publish({result.broadcast_id for result in written})


def record(tx: Tx, *, entries: list[Entry], now: Millis) -> tuple[list[int], receipts.Applied]:
    """Write verdicts with all that they mean, in one transaction.

    Returns the broadcasts that are complete by that, and what statuses that came early did.
    """
    early = receipts.Applied()
    results = [verdict.result for verdict, _, _ in entries]
    before = tidings.statuses(tx, [result.recipient_id for result in results])
    recipients.record(tx, results)
    tidings.tell_changes(tx, before, now)
    wamids = [result.wamid for result in results if result.wamid]
    touched = {result.broadcast_id for result in results}
    if wamids:
        early = receipts.apply_early(tx, wamids, now)
        touched |= early.broadcasts
    for verdict, number_id, waba_id in entries:
        if verdict.effect is not Effect.NONE or verdict.opt_out:
            _apply(tx, verdict, number_id, waba_id, now)
    if any(result.status is RecipientStatus.PENDING for result in results):
        recipients.settle_cancelled(tx, touched)
    return broadcasts.touch(tx, touched, now), early


def _apply(tx: Tx, verdict: Verdict, number_id: str, waba_id: str, now: Millis) -> None:
    result = verdict.result
    match verdict.effect:
        case Effect.PAUSE_BROADCAST:
            broadcasts.pause(
                tx, result.broadcast_id, verdict.hold or HoldReason.TEMPLATE, verdict.detail, now
            )
        case Effect.PAUSE_NUMBER:
            numbers.pause(tx, number_id, HoldReason.ACCOUNT, verdict.detail, now)
        case Effect.PAUSE_BUSINESS:
            numbers.pause_business(tx, waba_id, HoldReason.ACCOUNT, verdict.detail, now)
        case _:
            pass
    if verdict.opt_out:
        broadcast = broadcasts.get(tx, result.broadcast_id)
        recipient = recipients.get(tx, result.broadcast_id, result.recipient_id)
        if broadcast is not None and recipient is not None:
            phone = recipient.to if recipient.to.startswith("+") else None
            optouts.add(
                tx,
                account_id=broadcast.account_id,
                phone=phone,
                user_id=None if phone else recipient.to,
                source="meta_131050",
                detail=verdict.detail,
                at=now,
            )
