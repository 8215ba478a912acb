"""`Context`: what every service function gets. The daemon builds it once, from real parts behind a few ports."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import anyio

from wacrmd.clock import Millis
from wacrmd.config import Config
from wacrmd.domain.actor import Actor
from wacrmd.domain.drain import Drain
from wacrmd.domain.login_backoff import LoginBackoff
from wacrmd.domain.summed_calls import EXPORTS_AT_ONCE, SummedCalls
from wacrmd.domain.throughput import ThroughputState, WorkerStats
from wacrmd.errors import draining
from wacrmd.http.capacity import Capacity
from wacrmd.http_client.dns import Lookups
from wacrmd.meta.client import MetaClient
from wacrmd.metrics import Metrics
from wacrmd.services.app_secrets import AppSecrets
from wacrmd.services.broadcast_counts import BroadcastCounts
from wacrmd.services.changes import Changes
from wacrmd.services.daemon_clock import DaemonClock
from wacrmd.services.draft_work import DraftWork
from wacrmd.services.http_shortages import HttpShortages
from wacrmd.services.key_uses import KeyUses
from wacrmd.services.media_work import MediaWork
from wacrmd.services.meta_event_notes import MetaEventNotes
from wacrmd.services.meta_webhook_backlog import Backlog
from wacrmd.services.meta_webhook_liveness import MetaWebhookLiveness
from wacrmd.services.passwords import PasswordChecks
from wacrmd.store.database import Database, Tx
from wacrmd.vault import Vault

LOGINS_AT_ONCE = 20
"""Logins of a user within a minute that are entries of their own in the audit."""

MAX_LOOKUPS = 32
"""Host names of webhooks that are looked up at the same time when they are configured."""


class JobQueue(Protocol):
    """The queue of the sender workers. A job says "send broadcast N"; it may be lost or run twice without harm."""

    def enqueue_in(self, tx: Tx, broadcast_id: int) -> None:
        """Store a job in the caller's transaction. Call `wake` after the commit."""

    def wake(self) -> None:
        """Wake a worker for committed jobs."""

    def enqueue(self, broadcast_id: int) -> None:
        """Store a job soon, outside of any transaction; a crash may lose it."""

    def enqueue_many(self, broadcast_ids: Iterable[int]) -> None:
        """Store jobs soon with which all of these are sent: not one for each, when there are very many."""

    def waiting_in(self, tx: Tx) -> set[int]:
        """The broadcasts for which a job is stored, as of the caller's transaction."""

    def health(self, tx: Tx) -> WorkerStats:
        """The state of the workers, and the length of the queue as of the caller's transaction."""


class Throughput(Protocol):
    """The sender's current throughput, number by number: services read it, and pass on what Meta reports."""

    @property
    def in_flight(self) -> int:
        """Requests that are in flight or whose result is not recorded yet."""

    def state(self, number_id: str) -> ThroughputState | None:
        """How fast the number sends now; None if it has not sent since the start."""

    def is_in_line(self, broadcast_id: int) -> bool:
        """Whether the broadcast waits for its turn: then it need not be enqueued."""

    def next_at(self, broadcast_id: int) -> Millis | None:
        """When a broadcast with a pace of its own, less than one message a minute, sends the next one; None: it moves."""

    def throttle(self, number_id: str, detail: str) -> None:
        """Lower the number's rate: Meta reports that it sends too fast."""

    def reset(self, number_id: str) -> None:
        """Unblock the number, and reset the failure streaks of all broadcasts."""

    def set_rate(self, number_id: str, rate: float) -> None:
        """Let the number send this many messages per second from now on."""


@dataclass(slots=True)
class Control:
    """What operators set until the next restart, and how the configuration is read again."""

    reread: Callable[[], Config] | None = None
    adopt: Callable[[Config], None] | None = None
    log_level_ends: Millis | None = None
    """By the monotonic clock."""
    drain_lock: anyio.Lock = field(default_factory=anyio.Lock)
    """Held by whoever changes the drain, so that of several operators one comes after the other."""
    handing_over_to: str | None = None
    """The file of a hand-over that is under way."""


@dataclass(slots=True)
class Context:
    """The daemon's parts, as services use them. A reload replaces `config` as a whole."""

    config: Config
    clock: DaemonClock
    db: Database
    vault: Vault
    app_secrets: AppSecrets
    queue: JobQueue
    meta: MetaClient
    throughput: Throughput
    changes: Changes
    started_at: Millis
    drain: Drain | None = None
    """Set while nothing is accepted or sent, also while the daemon stops."""
    counts: BroadcastCounts = field(default_factory=BroadcastCounts)
    metrics: Metrics = field(default_factory=Metrics)
    meta_webhook_liveness: MetaWebhookLiveness = field(default_factory=MetaWebhookLiveness)
    meta_webhook_backlog: Backlog = field(default_factory=Backlog)
    meta_event_notes: MetaEventNotes = field(default_factory=MetaEventNotes)
    http_shortages: HttpShortages = field(default_factory=HttpShortages)
    capacities: dict[str, Capacity] = field(default_factory=dict)
    """Of the HTTP listeners, by the section of the configuration that has their address."""
    webhook_lookups: Lookups = field(default_factory=partial(Lookups, MAX_LOOKUPS))
    """Of host names when webhooks are configured; deliveries and Meta have their own."""
    key_uses: KeyUses = field(default_factory=KeyUses)
    summing: anyio.Lock = field(default_factory=anyio.Lock)
    """Held by whoever sums messages up: two at the same time would both replace the counts that they found."""
    drafts: DraftWork = field(default_factory=DraftWork)
    media: MediaWork = field(default_factory=MediaWork)
    control: Control = field(default_factory=Control)
    denied: SummedCalls[Actor] = field(
        default_factory=lambda: SummedCalls(
            lambda actor: (actor.uid, actor.name), Actor.operator("(several users)")
        )
    )
    """What was denied in the dashboard in the last minute."""
    logins: SummedCalls[Actor] = field(
        default_factory=lambda: SummedCalls(
            lambda actor: (actor.uid, actor.name), Actor.operator("(several users)"), LOGINS_AT_ONCE
        )
    )
    """Who has logged in and out there in the last minute: a program with a password could do nothing else."""
    exports: SummedCalls[Actor] = field(
        default_factory=lambda: SummedCalls(
            lambda actor: (actor.uid, actor.name), Actor.operator("(several users)"), EXPORTS_AT_ONCE
        )
    )
    """Who has taken people's data away there in the last minute: who may only read can do it all day."""
    login_backoff: LoginBackoff = field(default_factory=LoginBackoff)
    password_checks: PasswordChecks = field(default_factory=PasswordChecks)
    message_waits: Counter[str] = field(default_factory=Counter)
    """How many requests of each account wait for Meta's answer to a single message."""
    dashboard_address: str | None = None
    """Where the dashboard listens, in the form of the configuration; None without one."""
    dashboard_streams: Counter[str] = field(default_factory=Counter)
    """How many files each visitor of the dashboard is taking now."""
    dashboard_imports: Counter[str] = field(default_factory=Counter)
    """How many files of opt-outs of each visitor are being imported now."""
    refused_host: str | None = None
    """The last host by which a browser called the dashboard and that is none of its own, until it is one."""
    refused_origin: str | None = None
    """The last origin of a page whose change was refused there as that of another site."""
    unknown_proxy: str | None = None
    """The address of a reverse proxy in front of the dashboard that is none of `trusted_proxies`, once one was seen."""

    @property
    def draining(self) -> bool:
        """Whether nothing is accepted or sent."""
        return self.drain is not None

    def refuse_while_draining(self) -> None:
        """Raise Refusal, for what would begin something new. What was answered before is answered again without it."""
        if self.drain is not None:
            raise draining(self.drain.detail if self.drain.for_good else None)

    @property
    def is_held(self) -> bool:
        """Whether nothing can be claimed now: the daemon drains, or the database cannot be written."""
        return self.draining or self.db.outage is not None
