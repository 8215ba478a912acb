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
from wacrmd.http.address_policy import AddressPolicy
from wacrmd.log import get_logger
from wacrmd.outbound.client import Answer, WebhookClient
from wacrmd.outbound.schedule import choose, next_try
from wacrmd.outbound.signature import headers
from wacrmd.secrets import VaultError, webhook_secret_context
from wacrmd.services.context import Context
from wacrmd.store import outbox, webhook_endpoints
from wacrmd.store.database import Tx
from wacrmd.store.outbox import Due

TICK: Millis = 1 * SECOND
"""How long a hint may be lost before the rows are looked at all the same."""
SLOW_S = 2.0
"""An endpoint that took so long, or failed, has one worker at a time until it does better."""
TOGETHER_S = 0.02
"""Changes that come within this time are looked at together."""
AHEAD = 50
"""Due deliveries of one endpoint that one look brings; they are looked at anew after each change."""
UNRECORDED = 200
"""Beyond so many deliveries whose result is not durable yet, none is begun."""
GONE = 410

log = get_logger(__name__)


class Dispatcher:
    """The deliveries of the daemon; `[outbound_webhooks] workers` of them are under way at one time."""

    def __init__(self, ctx: Context, *, resolver: AbstractResolver | None = None) -> None:
        self._ctx = ctx
        self._resolver = resolver
        self._ready: dict[str, list[Due]] = {}
        self._is_stale = True
        self._calls: Counter[str] = Counter()
        self._under_way: set[int] = set()
        self._slow: set[str] = set()
        self._wake = asyncio.Event()
        self._ended = asyncio.Event()
        self._stopping = False
        self._caller: WebhookClient
        self._random = random.Random()  # noqa: S311 - jitter, nothing secret

    async def run(self) -> None:
        """Deliver until cancelled; what is then under way is delivered again at the next start."""
        self._caller = WebhookClient(self._address_policy, resolver=self._resolver)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._hear)
                tasks.start_soon(self._tick)
                while True:
                    self._wake.clear()
                    if not self._stopping:
                        await self._launch(tasks)
                    await self._wake.wait()
        finally:
            with anyio.CancelScope(shield=True):
                await self._caller.aclose()

    async def drain(self, seconds: float) -> bool:
        """Begin no more deliveries and wait for those under way; True when all ended in time."""
        self._stopping = True
        with anyio.move_on_after(seconds):
            while self._under_way:
                self._ended = asyncio.Event()
                await self._ended.wait()
        return not self._under_way

    async def _hear(self) -> None:
        """Look again after changes, once for those that come together."""
        with self._ctx.changes.watch_all() as changed:
            while True:
                await changed.wait()
                await anyio.sleep(TOGETHER_S)
                changed.clear()
                self._look()

    async def _tick(self) -> None:
        """Look again by the clock: for what is due now, and for hints that were lost."""
        while True:
            await self._ctx.clock.sleep_until(self._ctx.clock.now() + TICK)
            self._look()

    def _look(self) -> None:
        self._is_stale = True
        self._wake.set()

    async def _launch(self, tasks: TaskGroup) -> None:
        """Begin what is due, as far as there are workers."""
        workers = self._ctx.config.outbound_webhooks.workers
        if self._calls.total() >= workers or len(self._under_way) >= UNRECORDED:
            return
        if self._is_stale or not any(self._ready.values()):
            self._is_stale = False
            work = partial(outbox.due, now=self._ctx.clock.now(), room=AHEAD, busy=list(self._under_way))
            try:
                self._ready = await self._ctx.db.read(work)
            except Refusal as refusal:
                log.warning("webhook_dispatch_postponed", reason=refusal.message)
                return
            except Exception:
                log.exception("webhook_dispatch_crashed")
                return
        for delivery in choose(self._ready, self._calls, self._slow, workers):
            self._ready[delivery.endpoint_id].remove(delivery)
            self._under_way.add(delivery.id)
            self._calls[delivery.endpoint_id] += 1
            tasks.start_soon(self._deliver, delivery)

    async def _deliver(self, delivery: Due) -> None:
        """One try, kept with its result. Its worker is free as soon as the app has answered."""
        try:
            began = self._ctx.clock.now()
            try:
                answer = await self._call(delivery, began)
            finally:
                self._calls[delivery.endpoint_id] -= 1
                self._wake.set()
            if answer.taken and answer.duration_s < SLOW_S:
                self._slow.discard(delivery.endpoint_id)
            else:
                self._slow.add(delivery.endpoint_id)
            await self._record(delivery, answer, began)
        except Exception:
            log.exception(
                "webhook_delivery_crashed", endpoint=delivery.endpoint_id, event_id=delivery.event_id
            )
            await self._ctx.clock.sleep_until(self._ctx.clock.now() + TICK)
        finally:
            self._under_way.discard(delivery.id)
            self._ended.set()
            self._wake.set()

    async def _call(self, delivery: Due, now: Millis) -> Answer:
        try:
            secret = self._ctx.vault.unseal(delivery.secret, webhook_secret_context(delivery.endpoint_id))
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
        return await self._caller.post(
            delivery.url, signed, body, self._ctx.config.outbound_webhooks.timeout_s
        )

    async def _record(self, delivery: Due, answer: Answer, began: Millis) -> None:
        """Keep the try, as soon as the disk lets it: else it would be made again and again."""
        ctx = self._ctx
        work = partial(
            record,
            delivery=delivery,
            answer=answer,
            began=began,
            max_age=round(ctx.config.outbound_webhooks.max_age_hours * HOUR),
            jitter=self._random.random(),
        )
        while True:
            try:
                reason = await ctx.db.write(partial(work, now=ctx.clock.now()))
                break
            except Refusal as refusal:
                log.warning(
                    "webhook_result_write_retrying", endpoint=delivery.endpoint_id, reason=refusal.message
                )
                await ctx.clock.sleep_until(ctx.clock.now() + TICK)
        ctx.metrics.webhook_delivery_attempts.labels("success" if answer.taken else "failure").inc()
        if not answer.taken:
            log.info(
                "webhook_delivery_failed",
                endpoint=delivery.endpoint_id,
                event_id=delivery.event_id,
                status=answer.status,
                error=answer.error,
            )
        if reason is not None:
            log.warning("webhook_disabled", endpoint=delivery.endpoint_id, reason=reason)

    def _address_policy(self) -> AddressPolicy:
        return AddressPolicy(self._ctx.config.outbound_webhooks.allow_private)


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
        webhook_endpoints.note_success(tx, delivery.endpoint_id)
        return None
    since = webhook_endpoints.note_failure(tx, delivery.endpoint_id, now)
    if since is None:
        return None
    if answer.status == GONE:
        reason = "The endpoint answered 410 Gone"
    elif now - since >= max_age or (given_up and now - since >= max_age // 2):
        reason = f"Nothing was taken since {iso(since)}; the last error: {answer.error}"
    else:
        return None
    if not webhook_endpoints.disable(tx, delivery.endpoint_id, reason, now):
        return None
    outbox.fail_pending(tx, delivery.endpoint_id)
    return reason
