"""Takes verified webhooks of Meta and stores all that wait together: one transaction for many requests."""

import asyncio
from collections import deque
from dataclasses import dataclass
from time import thread_time

from wacrmd.clock import SECOND
from wacrmd.log import get_logger
from wacrmd.meta.webhook import Update
from wacrmd.services.app_secrets import AuthorizedNumbers
from wacrmd.services.context import Context
from wacrmd.services.meta_events.ingest import ingest
from wacrmd.services.meta_webhook_backlog import EPISODE_GAP

MAX_UPDATES = 500
"""Updates in one transaction, if several webhooks share it: the sender's claims wait for it."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Webhook:
    """A verified webhook, or a part of one with many updates; and what its app secret authorises."""

    updates: list[Update]
    authorized: AuthorizedNumbers
    body_bytes: int
    stored: asyncio.Future[None]


class Intake:
    """The webhooks that wait. Each is answered once it is stored; `run` stores them in the order of their arrival."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._backlog = ctx.meta_webhook_backlog
        self._waiting: deque[Webhook] = deque()
        self._wake = asyncio.Event()

    def is_full(self) -> bool:
        """Whether the next webhook must be refused."""
        return self._backlog.is_full(asyncio.get_running_loop().time())

    def count_refusal(self) -> None:
        """Count a webhook that is refused; the first of an overload is logged."""
        self._ctx.metrics.meta_webhooks_refused.inc()
        if self._backlog.refuse(self._ctx.clock.now()):
            log.warning("meta_webhook_overload_started", waiting=self._backlog.webhooks)
            self._wake.set()

    async def store(self, updates: list[Update], authorized: AuthorizedNumbers, body_bytes: int) -> None:
        """Return once the updates are durable; raises StorageError, and what applying them raises.

        Of many updates some are stored at a time, so that others are stored between them. If one part fails, Meta sends
        all of them again, and what was stored has no effect a second time.
        """
        parts = [updates[start : start + MAX_UPDATES] for start in range(0, len(updates), MAX_UPDATES)]
        for part in parts or [updates]:
            await self._store_part(part, authorized, body_bytes // max(1, len(parts)))

    async def _store_part(
        self, updates: list[Update], authorized: AuthorizedNumbers, body_bytes: int
    ) -> None:
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._backlog.add(body_bytes)
        self._waiting.append(Webhook(updates, authorized, body_bytes, stored))
        self._wake.set()
        await stored

    async def run(self) -> None:
        """Store what waits, again and again."""
        loop = asyncio.get_running_loop()
        while True:
            if not self._waiting:
                await self._wait()
                continue
            group = self._next_group()
            body_bytes = sum(each.body_bytes for each in group)
            self._backlog.begin(loop.time(), thread_time())
            apply_s = await self._store(group)
            self._backlog.end(len(group), body_bytes, apply_s, thread_time())

    async def _wait(self) -> None:
        """Return when a webhook waits; in an overload also to see whether it has ended."""
        self._wake.clear()
        try:
            async with asyncio.timeout(EPISODE_GAP / SECOND if self._backlog.in_overload else None):
                await self._wake.wait()
        except TimeoutError:
            pass
        ended = self._backlog.ended(self._ctx.clock.now())
        if ended is not None:
            seconds = (ended.last - ended.since) // SECOND
            log.info("meta_webhook_overload_ended", refused=ended.refused, seconds=seconds)

    def _next_group(self) -> list[Webhook]:
        group = [self._waiting.popleft()]
        updates = len(group[0].updates)
        while self._waiting and updates + len(self._waiting[0].updates) <= MAX_UPDATES:
            updates += len(self._waiting[0].updates)
            group.append(self._waiting.popleft())
        return group

    async def _store(self, group: list[Webhook]) -> float | None:
        """Store a group in one transaction; how many seconds it took to apply it, None if it could not be stored."""
        try:
            seconds = await ingest(self._ctx, [(each.updates, each.authorized) for each in group])
        except Exception as error:  # noqa: BLE001 - raised in the requests, which log it
            for each in group:
                if not each.stored.done():  # else its request was cancelled
                    each.stored.set_exception(error)
            return None
        for each in group:
            if not each.stored.done():
                each.stored.set_result(None)
        return seconds
