"""Posting webhooks: each at its time, signed, in batches, in parallel, and again until it is accepted."""

import asyncio
import heapq
import itertools
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp

from wacrmd.simulator.ledger import Entry
from wacrmd.simulator.payloads import encoded, envelope, messages_value, signature
from wacrmd.simulator.state import State
from wacrmd.simulator.updates import Update

USER_AGENT = "facebookexternalua"
FIRST_BACKOFF_S = 0.1

log = logging.getLogger("wacrmd.simulator")

MessageUpdate = tuple[Entry, Update]


@dataclass(slots=True)
class Delivery:
    """One webhook to be posted until `give_up_s` (monotonic seconds)."""

    body: bytes
    updates: Sequence[MessageUpdate]
    give_up_s: float
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class BatchDeadline:
    """The time at which a number's batch is posted although it is not full."""

    phone_number_id: str


def backoff_s(attempt: int, max_s: float) -> float:
    """Seconds before a webhook is posted again after its `attempt`th failure: 0, then more each time."""
    return 0.0 if attempt <= 1 else min(max_s, FIRST_BACKOFF_S * 2.0 ** min(attempt - 2, 16))


class WebhookPoster:
    """The webhooks of one simulated Meta. `pending` counts updates that are not accepted or given up yet."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._heap: list[tuple[float, int, MessageUpdate | Delivery | BatchDeadline]] = []
        self._order = itertools.count()
        self._ready: asyncio.Queue[Delivery] = asyncio.Queue()
        self._batches: dict[str, list[MessageUpdate]] = {}
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self._reachable = True
        self.pending = 0
        self.given_up = 0

    async def start(self) -> None:
        """Start posting."""
        connections = self._state.options.webhook_connections
        connector = aiohttp.TCPConnector(limit=connections, keepalive_timeout=30)
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        self._tasks = [asyncio.create_task(self._move_due())]
        self._tasks += [asyncio.create_task(self._post_ready()) for _ in range(connections)]

    async def stop(self) -> None:
        """Stop now; pending webhooks are lost."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    @property
    def on(self) -> bool:
        """Whether webhooks are posted now."""
        return self._state.options.webhooks and self._state.options.webhook_url is not None

    def schedule(self, entry: Entry, updates: Sequence[Update], delay_s: float = 0.0) -> None:
        """Post the updates of a message that is answered in `delay_s` seconds, each at its time after that."""
        if not self.on:
            return
        now_s = time.monotonic() + delay_s
        for update in updates:
            for _ in range(2 if update.twice else 1):
                self._push(now_s + update.post_after_ms / 1000, (entry, update))
                self._count_pending(1)

    async def post_now(self, entry: Entry, update: Update) -> None:
        """Post one update and return after its answer. If it fails, it is posted again later."""
        if self.on:
            self._count_pending(1)
            await self._attempt(self._delivery_of(entry.phone_number_id, [(entry, update)]))

    async def inject(self, webhook: dict[str, Any]) -> int:
        """Post any webhook once; returns the HTTP status of the answer, 0 if there is none."""
        self._state.ledger.issued["injected"] += 1
        status = await self._send(encoded(webhook))
        if status == HTTPStatus.OK:
            self._state.ledger.delivered["injected"] += 1
        return status

    async def verify(self, verify_token: str, challenge: str) -> bool:
        """Whether the callback URL passes Meta's verification (docs/meta.md, Webhooks)."""
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
        url = self._state.options.webhook_url
        if self._session is None or url is None:
            return False
        try:
            async with self._session.get(url, params=query, timeout=self._timeout()) as answer:
                return answer.status == HTTPStatus.OK and await answer.text() == challenge
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def idle(self) -> None:
        """Return once nothing is pending."""
        await self._idle.wait()

    def clear(self) -> None:
        """Delete all waiting webhooks; those that are being posted are completed."""
        deleted = sum(_update_count(item) for _, _, item in self._heap)
        deleted += sum(map(len, self._batches.values()))
        self._heap.clear()
        self._batches.clear()
        while not self._ready.empty():
            deleted += _update_count(self._ready.get_nowait())
        self._count_pending(-deleted)

    def _count_pending(self, n: int) -> None:
        self.pending += n
        if self.pending:
            self._idle.clear()
        else:
            self._idle.set()

    def _push(self, due_s: float, item: MessageUpdate | Delivery | BatchDeadline) -> None:
        heapq.heappush(self._heap, (due_s, next(self._order), item))
        if self._heap[0][0] == due_s:
            self._wake.set()

    async def _move_due(self) -> None:
        """Move due updates from the heap into batches, and full batches to the workers."""
        while True:
            now_s = time.monotonic()
            while self._heap and self._heap[0][0] <= now_s:
                self._due(heapq.heappop(self._heap)[2])
            self._wake.clear()
            left_s = self._heap[0][0] - now_s if self._heap else None
            try:
                async with asyncio.timeout(left_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _due(self, item: MessageUpdate | Delivery | BatchDeadline) -> None:
        if isinstance(item, Delivery):
            self._ready.put_nowait(item)
        elif isinstance(item, BatchDeadline):
            self._flush(item.phone_number_id)
        else:
            number = item[0].phone_number_id
            batch = self._batches.setdefault(number, [])
            batch.append(item)
            if len(batch) >= self._state.options.batch:
                self._flush(number)
            elif len(batch) == 1:
                self._push(time.monotonic() + self._state.options.batch_wait_ms / 1000, BatchDeadline(number))

    def _flush(self, phone_number_id: str) -> None:
        if updates := self._batches.pop(phone_number_id, None):
            self._ready.put_nowait(self._delivery_of(phone_number_id, updates))

    def _delivery_of(self, phone_number_id: str, updates: list[MessageUpdate]) -> Delivery:
        """The webhook with these updates, counted in the ledger as issued."""
        options = self._state.options
        for entry, update in updates:
            entry.statuses += (update.kind.value,)
            self._state.ledger.issued[update.kind.value] += 1
        value = messages_value(options, phone_number_id, updates)
        waba_id = self._state.waba_of(phone_number_id) or options.waba_id
        body = encoded(envelope(waba_id, "messages", value))
        return Delivery(body, updates, time.monotonic() + options.webhook_retry_s)

    async def _post_ready(self) -> None:
        """Post ready deliveries, one after the other."""
        while True:
            await self._attempt(await self._ready.get())

    async def _attempt(self, delivery: Delivery) -> None:
        """Post it once. If it is not accepted, schedule it again or give it up."""
        status = await self._send(delivery.body) if self.on else 0
        delivery.attempt += 1
        if status == HTTPStatus.OK:
            for _, update in delivery.updates:
                self._state.ledger.delivered[update.kind.value] += 1
            self._log_reachability(reachable=True, status=status)
        else:
            self._log_reachability(reachable=False, status=status)
            again_s = time.monotonic() + backoff_s(delivery.attempt, self._state.options.webhook_backoff_s)
            if self.on and again_s <= delivery.give_up_s:
                self._push(again_s, delivery)
                return
            self.given_up += 1
        self._count_pending(-_update_count(delivery))

    def _timeout(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=self._state.options.webhook_timeout_s)

    async def _send(self, body: bytes) -> int:
        """Post `body`; the HTTP status of the answer, 0 if there is none."""
        options = self._state.options
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        if options.app_secret is not None:
            headers["X-Hub-Signature-256"] = signature(options.app_secret, body)
        if self._session is None or options.webhook_url is None:
            return 0
        try:
            async with self._session.post(
                options.webhook_url,
                data=body,
                headers=headers,
                timeout=self._timeout(),
                allow_redirects=False,
            ) as answer:
                await answer.read()
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0

    def _log_reachability(self, *, reachable: bool, status: int) -> None:
        """Log when the callback URL starts or stops accepting webhooks, not every failure."""
        if reachable == self._reachable:
            return
        self._reachable = reachable
        url = self._state.options.webhook_url
        if reachable:
            log.info("webhooks: %s accepts them again", url)
        else:
            reason = f"answers {status}" if status else "does not answer"
            log.warning("webhooks: %s %s; they are posted again until it accepts them", url, reason)


def _update_count(item: MessageUpdate | Delivery | BatchDeadline) -> int:
    """How many updates an item of the heap holds."""
    if isinstance(item, Delivery):
        return len(item.updates)
    return 0 if isinstance(item, BatchDeadline) else 1
