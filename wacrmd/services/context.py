"""What every use case gets: the effects behind a few ports, composed once by the daemon."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from wacrmd.clock import MINUTE, Clock, Millis
from wacrmd.config import Config
from wacrmd.domain.throughput import ThroughputState, WorkerStats
from wacrmd.meta.client import MetaClient
from wacrmd.metrics import Metrics
from wacrmd.services.webhook_secrets import WebhookSecrets
from wacrmd.store.database import Database, Tx
from wacrmd.vault import Vault


class JobQueue(Protocol):
    """The queue of the sender workers. A job says "send broadcast N"; it may be lost or doubled without harm."""

    def enqueue_in(self, tx: Tx, broadcast_id: int) -> None:
        """Store the job in the transaction that makes it necessary."""

    def wake(self) -> None:
        """Wake a worker, after that transaction has committed."""

    def enqueue(self, broadcast_id: int) -> None:
        """Enqueue in memory alone."""

    def health(self) -> WorkerStats:
        """The state of the workers."""


class Throughput(Protocol):
    """What the sender knows about the present; services show it and tell it what Meta said."""

    @property
    def in_flight(self) -> int:
        """Requests that are under way or not yet recorded."""

    def state(self, number_id: str) -> ThroughputState | None:
        """How the number sends just now; None when it has not sent since the start."""

    def throttle(self, number_id: str, detail: str) -> None:
        """Meta says that the number is too fast."""

    def reset(self, number_id: str) -> None:
        """The number was changed or resumed: begin afresh with what is stored."""

    def set_rate(self, number_id: str, rate: float) -> None:
        """The number may send so many messages per second from now on."""


class Changes:
    """Wakes those who watch broadcasts when something changed; they read the rows to see what."""

    def __init__(self) -> None:
        self._watchers: dict[int, set[asyncio.Event]] = {}
        self._everywhere: set[asyncio.Event] = set()

    def publish(self, broadcast_ids: Iterable[int] = ()) -> None:
        """Wake the watchers of these broadcasts, and those of everything (also where no broadcast changed)."""
        for watcher in self._everywhere:
            watcher.set()
        for broadcast_id in broadcast_ids:
            for watcher in self._watchers.get(broadcast_id, ()):
                watcher.set()

    def wake_all(self) -> None:
        """Wake all watchers: something that concerns every broadcast changed, such as a drain that began."""
        self.publish(list(self._watchers))

    @contextmanager
    def watch_all(self) -> Iterator[asyncio.Event]:
        """An event that is set at each `publish`, whatever changed."""
        watcher = asyncio.Event()
        self._everywhere.add(watcher)
        try:
            yield watcher
        finally:
            self._everywhere.discard(watcher)

    @contextmanager
    def watch(self, broadcast_id: int) -> Iterator[asyncio.Event]:
        """An event that is set at each change; the watcher clears it before it looks."""
        watcher = asyncio.Event()
        watchers = self._watchers.setdefault(broadcast_id, set())
        watchers.add(watcher)
        try:
            yield watcher
        finally:
            watchers.discard(watcher)
            if not watchers:
                self._watchers.pop(broadcast_id, None)


class WebhookLiveness:
    """When each number was last heard of: messages that go out while no status comes back mean a broken webhook."""

    def __init__(self) -> None:
        self._unanswered: dict[str, Millis] = {}
        self._heard: dict[str, Millis] = {}
        self.last_status_at: Millis | None = None

    def message_sent(self, number_id: str, now: Millis) -> None:
        """Meta took a message of this number; its status may well have come already, before the answer."""
        if now - self._heard.get(number_id, 0) > MINUTE:
            self._unanswered.setdefault(number_id, now)

    def status_received(self, number_ids: Iterable[str], now: Millis) -> None:
        """Statuses of messages of these numbers came."""
        self.last_status_at = now
        for number_id in number_ids:
            self._heard[number_id] = now
            self._unanswered.pop(number_id, None)

    def silent_since(self, number_id: str) -> Millis | None:
        """Since when the number has been sending without hearing anything; None when all is well."""
        return self._unanswered.get(number_id)


@dataclass(slots=True)
class Control:
    """What operators have set for now, and how the configuration is read again."""

    reread: Callable[[], Config] | None = None
    adopt: Callable[[Config], None] | None = None
    log_level_until: Millis | None = None
    draining_since: Millis | None = None


@dataclass(slots=True)
class Context:
    """The daemon as its use cases see it. `config` is replaced as a whole by a reload."""

    config: Config
    clock: Clock
    db: Database
    vault: Vault
    webhook_secrets: WebhookSecrets
    queue: JobQueue
    meta: MetaClient
    throughput: Throughput
    changes: Changes
    started_at: Millis
    draining: bool = False
    metrics: Metrics = field(default_factory=Metrics)
    webhook_liveness: WebhookLiveness = field(default_factory=WebhookLiveness)
    control: Control = field(default_factory=Control)
