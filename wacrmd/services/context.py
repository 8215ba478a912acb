"""What every use case gets: the effects behind a few ports, composed once by the daemon."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from wacrmd.clock import Clock, Millis
from wacrmd.config import Config
from wacrmd.meta.client import MetaClient
from wacrmd.model import Hold
from wacrmd.secrets import Vault
from wacrmd.services.trust import TrustBook
from wacrmd.store.database import Database, Tx


class Bell(Protocol):
    """Rings the sender workers: a hint "look at this broadcast" that may be lost or doubled without harm."""

    def ring_in(self, tx: Tx, broadcast_id: int) -> None:
        """Store the hint in the transaction that makes it true."""

    def notify(self) -> None:
        """Wake a worker, after that transaction has committed."""

    def ring(self, broadcast_id: int) -> None:
        """Hint in memory alone."""


@dataclass(frozen=True, slots=True)
class Flow:
    """How a number sends just now: rates per second, requests in flight, and what holds it up."""

    rate_allowed: float
    rate_now: float
    in_flight: int
    hold: Hold | None


class Traffic(Protocol):
    """What the sender knows about the present; services show it and tell it what Meta said."""

    def flow(self, number_id: str) -> Flow | None:
        """How the number sends just now; None when it has not sent since the start."""

    def throttle(self, number_id: str, detail: str) -> None:
        """Meta says that the number is too fast."""

    def forget(self, number_id: str) -> None:
        """The number was changed or resumed: begin afresh with what is stored."""


class Changes:
    """Tells those who watch broadcasts that something changed; a hint, the rows are the truth."""

    def __init__(self) -> None:
        self._watchers: dict[int, set[asyncio.Event]] = {}

    def publish(self, broadcast_ids: Iterable[int]) -> None:
        """Wake the watchers of these broadcasts."""
        for broadcast_id in broadcast_ids:
            for watcher in self._watchers.get(broadcast_id, ()):
                watcher.set()

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


@dataclass(slots=True)
class Context:
    """The daemon as its use cases see it. `config` is replaced as a whole by a reload."""

    config: Config
    clock: Clock
    db: Database
    vault: Vault
    trust: TrustBook
    bell: Bell
    meta: MetaClient
    traffic: Traffic
    changes: Changes
    started_at: Millis
    draining: bool = False
