"""Delivers the webhooks in the outbox to local apps: at least once, with retries for days.

Deliveries are not claimed in the database, because this is the only process that delivers. What was in progress
when the process died is still due at the next start.
"""

import asyncio
import random
from collections.abc import Callable
from functools import partial

import anyio
from anyio.abc import TaskGroup

from wacrmd.clock import HOUR, SECOND, Millis, iso
from wacrmd.domain.webhook_delivery import DeliveryAttempt, DueDelivery
from wacrmd.errors import Refusal
from wacrmd.http.address_policy import AddressPolicy
from wacrmd.http_client.connector import Resolve
from wacrmd.log import get_logger
from wacrmd.outbound.client import DeliveryResult, WebhookClient
from wacrmd.outbound.lanes import BATCH, SLOW_S, Lane, Lanes
from wacrmd.outbound.schedule import GONE, disabled_reason, next_attempt_at
from wacrmd.outbound.signature import headers
from wacrmd.services.context import Context
from wacrmd.store import outbox, webhook_endpoints
from wacrmd.store.database import Tx
from wacrmd.vault import VaultError, webhook_secret_context

POLL_INTERVAL: Millis = 1 * SECOND
"""How often the outbox is read without a change: for what has become due, and for changes that were missed."""
DEBOUNCE_S = 0.02
"""Changes within this time cause one read of the outbox."""
MAX_UNRECORDED = 200
"""No delivery starts while this many have ended whose results are not written yet."""

log = get_logger(__name__)


class Dispatcher:
    """The deliveries of the daemon: each webhook has a lane of its own (`lanes.py`)."""

    def __init__(self, ctx: Context, *, resolve: Resolve | None = None) -> None:
        self._ctx = ctx
        self._resolve = resolve
        self._lanes = Lanes()
        self._is_stale = True
        self._unrecorded = 0
        """Deliveries that have ended and whose result is not written yet."""
        self._wake = asyncio.Event()
        self._lane_changed = asyncio.Event()
        self._stopping = False
        self._client: WebhookClient
        self._random = random.Random()  # noqa: S311 - jitter, nothing secret

    async def run(self) -> None:
        """Deliver until cancelled; what is in progress then is delivered again at the next start."""
        self._client = WebhookClient(
            self._address_policy, resolve=self._resolve, doubted=self._ctx.clock.doubted
        )
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch_changes)
                tasks.start_soon(self._poll)
                while True:
                    self._wake.clear()
                    if not self._stopping:
                        await self._start_due(tasks)
                    await self._wake.wait()
        finally:
            with anyio.CancelScope(shield=True):
                await self._client.aclose()

    async def drain(self, seconds: float) -> bool:
        """Start no more deliveries and wait for those in progress; True when all ended in time.

        Those of slow lanes are not waited for: the others wait for the next start. They are due again then.
        """
        self._stopping = True
        with anyio.move_on_after(seconds):
            while self._lanes.is_busy:
                self._lane_changed = asyncio.Event()
                await self._lane_changed.wait()
        return not self._lanes.unfinished

    async def _watch_changes(self) -> None:
        """Read the outbox again after changes, once for those that come together."""
        with self._ctx.changes.watch_all() as changed:
            while True:
                await changed.wait()
                await anyio.sleep(DEBOUNCE_S)
                changed.clear()
                self._refresh()

    async def _poll(self) -> None:
        """Read the outbox again by the clock."""
        while True:
            await self._ctx.clock.sleep(POLL_INTERVAL)
            self._refresh()

    def _refresh(self) -> None:
        self._is_stale = True
        self._wake.set()

    async def _start_due(self, tasks: TaskGroup) -> None:
        """Start what is due in each lane that may start more."""
        outage = self._ctx.db.outage
        if self._unrecorded >= MAX_UNRECORDED or (outage is not None and outage.lasts):
            return
        workers = self._ctx.config.outbound_webhooks.workers
        if self._is_stale or self._lanes.is_hungry(workers):
            if self._is_stale:
                self._is_stale = False
                self._lanes.forget_waiting()
            if not await self._read_due(workers):
                return
        for delivery in self._lanes.start(workers):
            tasks.start_soon(self._deliver, delivery, self._lanes[delivery.endpoint_id])

    async def _read_due(self, workers: int) -> bool:
        """Read what is due for the lanes that may start more; False if the outbox could not be read."""
        wanted = self._lanes.wanted(workers)
        work = partial(
            outbox.due,
            now=self._ctx.clock.now(),
            limit=BATCH,
            limits=wanted,
            in_flight=self._lanes.in_progress(),
        )
        try:
            self._lanes.take_in(await self._ctx.db.read(work), wanted)
        except Refusal as refusal:
            log.debug("webhook_dispatch_postponed", reason=refusal.message)
            return False
        except Exception:
            log.exception("webhook_dispatch_crashed")
            return False
        return True

    async def _deliver(self, delivery: DueDelivery, lane: Lane) -> None:
        """One attempt and its result. Its place in the lane is free as soon as the app has answered."""
        try:
            started_at = self._ctx.clock.now()
            result = await self._attempt(delivery, lane)
            self._unrecorded += 1
            try:
                await self._record(delivery, result, started_at)
            finally:
                self._unrecorded -= 1
        except Exception:
            log.exception(
                "webhook_delivery_crashed", endpoint=delivery.endpoint_id, event_id=delivery.event_id
            )
            await self._ctx.clock.sleep(POLL_INTERVAL)
        finally:
            lane.unfinished.discard(delivery.id)
            self._lane_changed.set()
            self._wake.set()

    async def _attempt(self, delivery: DueDelivery, lane: Lane) -> DeliveryResult:
        """Post, and tell the lane when it takes long and when it has ended."""
        is_overdue = False

        def note_overdue() -> None:
            nonlocal is_overdue
            is_overdue = True
            lane.overdue += 1
            self._lane_changed.set()
            self._wake.set()  # its place is free for another lane

        timer = asyncio.get_running_loop().call_later(SLOW_S, note_overdue)
        try:
            result = await self._post(delivery)
            lane.ended(result.duration_s, succeeded=result.succeeded)
        finally:
            timer.cancel()
            lane.calls -= 1
            lane.overdue -= is_overdue
            self._wake.set()
        return result

    async def _post(self, delivery: DueDelivery) -> DeliveryResult:
        try:
            secret = self._ctx.vault.decrypt(delivery.secret, webhook_secret_context(delivery.endpoint_id))
        except VaultError as error:
            return DeliveryResult(None, str(error), 0.0)
        body = delivery.body.encode()
        signed = headers(
            secret,
            event=delivery.event,
            event_id=delivery.event_id,
            endpoint_id=delivery.endpoint_id,
            body=body,
            now=self._ctx.clock.machine,  # what an app on this machine compares it with
        )
        return await self._client.post(
            delivery.url, signed, body, self._ctx.config.outbound_webhooks.timeout_s
        )

    async def _record(self, delivery: DueDelivery, result: DeliveryResult, started_at: Millis) -> None:
        """Write the result, and retry until it is written: otherwise the delivery would be due again at once."""
        ctx = self._ctx
        work = partial(
            record_result,
            delivery=delivery,
            result=result,
            started_at=started_at,
            max_age=round(ctx.config.outbound_webhooks.max_age_hours * HOUR),
            jitter=self._random.random(),
            age_of=ctx.clock.age,
        )
        while True:
            try:
                disabled_reason = await ctx.db.write(partial(work, now=ctx.clock.now()))
                break
            except Refusal as refusal:
                log.debug(
                    "webhook_result_write_retrying", endpoint=delivery.endpoint_id, reason=refusal.message
                )
                await ctx.clock.sleep(POLL_INTERVAL)
        ctx.metrics.webhook_delivery_attempts.labels("success" if result.succeeded else "failure").inc()
        if not result.succeeded:
            log.info(
                "webhook_delivery_failed",
                endpoint=delivery.endpoint_id,
                event_id=delivery.event_id,
                status=result.status,
                error=result.error,
                detail=result.detail,
                summed=delivery.endpoint_id,
            )
        if disabled_reason is not None:
            log.warning("webhook_disabled", endpoint=delivery.endpoint_id, reason=disabled_reason)

    def _address_policy(self) -> AddressPolicy:
        return AddressPolicy(self._ctx.config.outbound_webhooks.allow_private)


def record_result(
    tx: Tx,
    *,
    delivery: DueDelivery,
    result: DeliveryResult,
    started_at: Millis,
    max_age: Millis,
    jitter: float,
    age_of: Callable[[Millis], Millis],
    now: Millis,
) -> str | None:
    """Write the result of an attempt; the reason if the endpoint was disabled by it.

    `age_of` says for how long the daemon has run since a time.
    """
    age = age_of(delivery.queued_at)
    retry_at = next_attempt_at(delivery.attempts + 1, now, age=age, max_age=max_age, jitter=jitter)
    has_given_up = result.status == GONE or retry_at is None
    attempt = DeliveryAttempt(
        at=iso(started_at),
        status=result.status,
        error=result.error,
        duration_ms=round(result.duration_s * SECOND),
    )
    outbox.record_attempt(
        tx, delivery.id, attempt, next_attempt_at=None if has_given_up else retry_at, now=now
    )
    if result.succeeded:
        webhook_endpoints.record_success(tx, delivery.endpoint_id)
        return None
    failing_since = webhook_endpoints.record_failure(tx, delivery.endpoint_id, now)
    if failing_since is None:
        return None
    reason = disabled_reason(
        result.status,
        result.error,
        failing_since=failing_since,
        failing_for=age_of(failing_since),
        has_given_up=has_given_up,
        max_age=max_age,
    )
    if reason is None or not webhook_endpoints.disable(tx, delivery.endpoint_id, reason, now):
        return None
    outbox.fail_pending(tx, delivery.endpoint_id)
    return reason
