"""Posts webhooks: each at its time, signed, batched, many at once, and again until it is taken."""

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

from wacrmd.simulator.faults import Step
from wacrmd.simulator.ledger import Entry
from wacrmd.simulator.payloads import encoded, envelope, messages_value, signature
from wacrmd.simulator.world import World

USER_AGENT = "facebookexternalua"
FIRST_BACKOFF_S = 0.1

log = logging.getLogger("wacrmd.simulator")

Told = tuple[Entry, Step]


@dataclass(slots=True)
class Post:
    """One webhook on its way; `give_up_s` is monotonic."""

    body: bytes
    told: Sequence[Told]
    give_up_s: float
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Flush:
    """The end of the wait of a number's half-full batch."""

    phone_number_id: str


def backoff_s(attempt: int, most_s: float) -> float:
    """Seconds until a webhook refused for the `attempt`th time is posted again: at once, then ever slower."""
    return 0.0 if attempt <= 1 else min(most_s, FIRST_BACKOFF_S * 2.0 ** min(attempt - 2, 16))


class Poster:
    """The webhooks of one simulated Meta; `pending` counts those that are not yet taken or given up."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._heap: list[tuple[float, int, Told | Post | Flush]] = []
        self._order = itertools.count()
        self._ready: asyncio.Queue[Post] = asyncio.Queue()
        self._gathering: dict[str, list[Told]] = {}
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None
        self._reachable = True
        self.pending = 0
        self.given_up = 0

    async def start(self) -> None:
        """Begin to post."""
        connections = self._world.options.webhook_connections
        connector = aiohttp.TCPConnector(limit=connections, keepalive_timeout=30)
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        self._tasks = [asyncio.create_task(self._pump())]
        self._tasks += [asyncio.create_task(self._work()) for _ in range(connections)]

    async def stop(self) -> None:
        """Stop at once; what is pending is lost."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    @property
    def on(self) -> bool:
        """Whether webhooks are posted at present."""
        return self._world.options.webhooks and self._world.options.webhook_url is not None

    def schedule(self, entry: Entry, steps: Sequence[Step], delay_s: float = 0.0) -> None:
        """Post the steps of a message that will be answered in `delay_s`, each at its time after that."""
        if not self.on:
            return
        now_s = time.monotonic() + delay_s
        for step in steps:
            for _ in range(2 if step.twice else 1):
                self._push(now_s + step.after_ms / 1000, (entry, step))
                self._add(1)

    async def tell_now(self, entry: Entry, step: Step) -> None:
        """Post one step and return when it was answered (or failed; then it is posted again later)."""
        if self.on:
            self._add(1)
            await self._attempt(self._post(entry.phone_number_id, [(entry, step)]))

    async def inject(self, webhook: dict[str, Any]) -> int:
        """Post any webhook once and return the HTTP status of the answer, 0 if there was none."""
        self._world.ledger.issued["injected"] += 1
        status = await self._send(encoded(webhook))
        if status == HTTPStatus.OK:
            self._world.ledger.delivered["injected"] += 1
        return status

    async def verify(self, verify_token: str, challenge: str) -> bool:
        """Whether the callback URL answers right when it is entered at Meta (docs/meta.md, Webhooks)."""
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
        url = self._world.options.webhook_url
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
        """Drop all that waits for its time; what is under way goes on."""
        dropped = sum(not isinstance(item, Flush) for _, _, item in self._heap)
        dropped += sum(map(len, self._gathering.values()))
        self._heap.clear()
        self._gathering.clear()
        while not self._ready.empty():
            dropped += self._weight(self._ready.get_nowait())
        self._add(-dropped)

    def _add(self, n: int) -> None:
        self.pending += n
        if self.pending:
            self._idle.clear()
        else:
            self._idle.set()

    @staticmethod
    def _weight(post: Post) -> int:
        return len(post.told)

    def _push(self, due_s: float, item: Told | Post | Flush) -> None:
        heapq.heappush(self._heap, (due_s, next(self._order), item))
        if self._heap[0][0] == due_s:
            self._wake.set()

    async def _pump(self) -> None:
        """Move what is due from the heap to the workers, gathered into batches."""
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

    def _due(self, item: Told | Post | Flush) -> None:
        if isinstance(item, Post):
            self._ready.put_nowait(item)
        elif isinstance(item, Flush):
            self._flush(item.phone_number_id)
        else:
            number = item[0].phone_number_id
            gathered = self._gathering.setdefault(number, [])
            gathered.append(item)
            if len(gathered) >= self._world.options.batch:
                self._flush(number)
            elif len(gathered) == 1:
                self._push(time.monotonic() + self._world.options.batch_wait_ms / 1000, Flush(number))

    def _flush(self, phone_number_id: str) -> None:
        if told := self._gathering.pop(phone_number_id, None):
            self._ready.put_nowait(self._post(phone_number_id, told))

    def _post(self, phone_number_id: str, told: list[Told]) -> Post:
        """The webhook that tells `told`, noted in the ledger as issued."""
        options = self._world.options
        for entry, step in told:
            entry.statuses += (step.status.value,)
            self._world.ledger.issued[step.status.value] += 1
        value = messages_value(options, phone_number_id, told)
        waba_id = self._world.waba_of(phone_number_id) or options.waba_id
        body = encoded(envelope(waba_id, "messages", value))
        return Post(body, told, time.monotonic() + options.webhook_retry_s)

    async def _work(self) -> None:
        while True:
            await self._attempt(await self._ready.get())

    async def _attempt(self, post: Post) -> None:
        """Post it; if it is refused, put it back for later or give it up."""
        status = await self._send(post.body) if self.on else 0
        post.attempt += 1
        if status == HTTPStatus.OK:
            for _, step in post.told:
                self._world.ledger.delivered[step.status.value] += 1
            self._note(reachable=True, status=status)
        else:
            self._note(reachable=False, status=status)
            again_s = time.monotonic() + backoff_s(post.attempt, self._world.options.webhook_backoff_s)
            if self.on and again_s <= post.give_up_s:
                self._push(again_s, post)
                return
            self.given_up += 1
        self._add(-self._weight(post))

    def _timeout(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=self._world.options.webhook_timeout_s)

    async def _send(self, body: bytes) -> int:
        """The HTTP status of the answer to `body`, 0 if there was none."""
        options = self._world.options
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

    def _note(self, *, reachable: bool, status: int) -> None:
        """Log when the callback URL begins or ceases to take webhooks, not every refusal."""
        if reachable == self._reachable:
            return
        self._reachable = reachable
        url = self._world.options.webhook_url
        if reachable:
            log.info("webhooks: %s takes them again", url)
        else:
            reason = f"answers {status}" if status else "does not answer"
            log.warning("webhooks: %s %s; they are posted again until it takes them", url, reason)
