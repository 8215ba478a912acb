"""Delivers what stands in the outbox: at least once, over days if need be, and no slow app holds up another.

Nothing is claimed in the database: this is the only process that delivers, so what was under way when it died
is simply still due at the next start.
"""

import asyncio
import random
from collections import Counter
from functools import partial

import anyio
from aiohttp.abc import AbstractResolver
from anyio.abc import TaskGroup

from wacrmd.clock import HOUR, SECOND, Millis, iso
from wacrmd.errors import Refusal
from wacrmd.hooks.caller import Answer, Caller
from wacrmd.hooks.schedule import choose, next_try
from wacrmd.hooks.signature import headers
from wacrmd.log import get_logger
from wacrmd.reach import Reach
from wacrmd.secrets import VaultError
from wacrmd.services.context import Context
from wacrmd.services.hooks import secret_seal
from wacrmd.store import endpoints, outbox
from wacrmd.store.database import Tx
from wacrmd.store.outbox import Due

TICK: Millis = 1 * SECOND
"""How long a hint may be lost before the rows are looked at all the same."""
SLOW_S = 2.0
"""An endpoint that took so long, or failed, has one worker at a time until it does better."""
TOGETHER_S = 0.02
GONE = 410

log = get_logger(__name__)


class Dispatcher:
    """The deliveries of the daemon; `[hooks] workers` of them are under way at one time."""

    def __init__(self, ctx: Context, *, resolver: AbstractResolver | None = None) -> None:
        self._ctx = ctx
        self._resolver = resolver
        self._under_way: dict[int, str] = {}
        self._slow: set[str] = set()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._stopping = False
        self._caller: Caller
        self._random = random.Random()  # noqa: S311 - jitter, nothing secret

    async def run(self) -> None:
        """Deliver until cancelled; what is then under way is delivered again at the next start."""
        self._caller = Caller(self._reach, resolver=self._resolver)
        try:
            with self._ctx.changes.watch_all() as self._wake:
                async with anyio.create_task_group() as deliveries:
                    while True:
                        self._wake.clear()
                        at = await self._launch(deliveries)
                        await self._sleep(at)
                        if not self._under_way:
                            await anyio.sleep(TOGETHER_S)  # one look for many changes
        finally:
            with anyio.CancelScope(shield=True):
                await self._caller.aclose()

    async def drain(self, seconds: float) -> bool:
        """Begin no more deliveries and wait for those under way; True when all ended in time."""
        self._stopping = True
        with anyio.move_on_after(seconds):
            while self._under_way:
                self._idle.clear()
                await self._idle.wait()
        return not self._under_way

    async def _sleep(self, at: Millis) -> None:
        """Until something may have changed, a delivery has ended, or the clock says `at`."""

        async def alarm() -> None:
            await self._ctx.clock.sleep_until(at)
            self._wake.set()

        async with anyio.create_task_group() as race:
            race.start_soon(alarm)
            await self._wake.wait()
            race.cancel_scope.cancel()

    async def _launch(self, deliveries: TaskGroup) -> Millis:
        """Begin what is due, as far as there are workers; when to look again."""
        now = self._ctx.clock.now()
        workers = self._ctx.config.hooks.workers
        busy = list(self._under_way)
        if self._stopping or len(busy) >= workers:
            return now + TICK
        try:
            due = await self._ctx.db.read(partial(outbox.due, now=now, room=workers, busy=busy))
        except Refusal as refusal:
            log.warning("deliveries_postponed", reason=refusal.message)
            return now + TICK
        load = Counter(self._under_way.values())
        for delivery in choose(due, load, self._slow, workers):
            self._under_way[delivery.id] = delivery.endpoint_id
            deliveries.start_soon(self._deliver, delivery)
        return now + TICK

    async def _deliver(self, delivery: Due) -> None:
        """One try, kept with its result."""
        try:
            began = self._ctx.clock.now()
            answer = await self._call(delivery, began)
            if answer.taken and answer.duration_s < SLOW_S:
                self._slow.discard(delivery.endpoint_id)
            else:
                self._slow.add(delivery.endpoint_id)
            await self._record(delivery, answer, began)
        finally:
            del self._under_way[delivery.id]
            self._wake.set()
            self._idle.set()

    async def _call(self, delivery: Due, now: Millis) -> Answer:
        try:
            secret = self._ctx.vault.unseal(delivery.secret, secret_seal(delivery.endpoint_id))
        except VaultError as error:
            return Answer(None, str(error), 0.0)
        body = delivery.body.encode()
        signed = headers(
            secret,
            event=delivery.event,
            event_id=delivery.event_id,
            endpoint_id=delivery.endpoint_id,
            body=body,
            now=now,
        )
        return await self._caller.post(delivery.url, signed, body, self._ctx.config.hooks.timeout_s)

    async def _record(self, delivery: Due, answer: Answer, began: Millis) -> None:
        """Keep the try; while the disk does not let it, the delivery stays due and is made again later."""
        ctx = self._ctx
        max_age = round(ctx.config.hooks.max_age_hours * HOUR)
        work = partial(
            record,
            delivery=delivery,
            answer=answer,
            began=began,
            max_age=max_age,
            jitter=self._random.random(),
        )
        try:
            reason = await ctx.db.write(partial(work, now=ctx.clock.now()))
        except Refusal as refusal:
            log.warning("delivery_unrecorded", endpoint=delivery.endpoint_id, reason=refusal.message)
            await ctx.clock.sleep_until(ctx.clock.now() + TICK)
            return
        if not answer.taken:
            log.info(
                "webhook_not_taken",
                endpoint=delivery.endpoint_id,
                event_id=delivery.event_id,
                status=answer.status,
                error=answer.error,
            )
        if reason is not None:
            log.warning("webhook_disabled", endpoint=delivery.endpoint_id, reason=reason)

    def _reach(self) -> Reach:
        return Reach(self._ctx.config.hooks.allow_private)


def record(
    tx: Tx, *, delivery: Due, answer: Answer, began: Millis, max_age: Millis, jitter: float, now: Millis
) -> str | None:
    """Keep a try with what it means; the reason why the endpoint was disabled by it, if it was.

    410 disables at once. So does a failure when nothing has been taken for `max_age`, or for half of it once
    a delivery has used up all its tries.
    """
    again = next_try(delivery.attempts + 1, delivery.queued_at, now, max_age=max_age, jitter=jitter)
    given_up = answer.status == GONE or again is None
    result = {
        "at": iso(began),
        "status": answer.status,
        "error": answer.error,
        "duration_ms": round(answer.duration_s * SECOND),
    }
    outbox.note_try(tx, delivery.id, result, next_attempt_at=None if given_up else again, now=now)
    if answer.taken:
        endpoints.note_success(tx, delivery.endpoint_id)
        return None
    since = endpoints.note_failure(tx, delivery.endpoint_id, now)
    if since is None:
        return None
    if answer.status == GONE:
        reason = "The endpoint answered 410 Gone"
    elif now - since >= max_age or (given_up and now - since >= max_age // 2):
        reason = f"Nothing was taken since {iso(since)}; the last error: {answer.error}"
    else:
        return None
    if not endpoints.disable(tx, delivery.endpoint_id, reason, now):
        return None
    outbox.fail_pending(tx, delivery.endpoint_id)
    return reason
