"""The daemon's composition: open → start → ready → drain → close. The only module that knows everything."""

import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
from anyio.from_thread import BlockingPortal

from wacrmd import __version__
from wacrmd.admin.identity import Caller, Level, Peer, levels
from wacrmd.admin.listener import Listener as AdminListener
from wacrmd.admin.listener import open_listener
from wacrmd.admin.methods import registry
from wacrmd.admin.server import Server as AdminServer
from wacrmd.api import app as api
from wacrmd.clock import MINUTE, SECOND, Clock, SystemClock
from wacrmd.config import Bind, BindKind, Config, key_file, warnings
from wacrmd.dispatch.queue import DispatchQueue
from wacrmd.dispatch.scheduler import PeriodicJob, Scheduler, enqueue_due
from wacrmd.errors import Refusal, sole_error
from wacrmd.http.listener import Listener
from wacrmd.log import get_logger
from wacrmd.meta.client import MetaClient
from wacrmd.meta_webhooks import app as webhooks
from wacrmd.outbound.dispatcher import Dispatcher
from wacrmd.secrets import Vault
from wacrmd.sender.sender import Sender
from wacrmd.services.context import Changes, Context
from wacrmd.services.maintenance import control, retention
from wacrmd.services.maintenance.backups import DailyBackup
from wacrmd.services.numbers import meta_check
from wacrmd.services.templates import sync
from wacrmd.services.webhook_secrets import WebhookSecrets
from wacrmd.store import accounts, audit, broadcasts
from wacrmd.store.database import Database, Tx
from wacrmd.systemd.notify import Notifier, listen_fds
from wacrmd.systemd.watchdog import Watchdog

DRAIN_S = 20.0
"""How long requests in flight, to Meta and of callers, may go on after the signal to stop."""
HOOKS_DRAIN_S = 3.0
"""How long deliveries of outbound webhooks may go on then; what is cut off is delivered again after the restart."""
RESCUE_EVERY = 30 * SECOND
PRUNE_EVERY = 10 * MINUTE

log = get_logger(__name__)


@dataclass(slots=True)
class Running:
    """A daemon that is ready: where it listens, and how to stop it."""

    ctx: Context
    sender: Sender
    scheduler: Scheduler
    queue: DispatchQueue
    api_address: str
    webhooks_address: str
    notifier: Notifier


class Access:
    """Which level a caller on the admin socket has, by the groups of the configuration in force."""

    def __init__(self, config: Config) -> None:
        self.adopt(config)

    def adopt(self, config: Config) -> None:
        """Take over the groups of another configuration; raises ConfigError, with nothing changed."""
        self._rule = levels(config.admin.admin_groups, config.admin.operator_groups)

    def of(self, peer: Peer) -> Level:
        """The caller's level, as of its connection."""
        return self._rule.of(peer)


async def serve(config: Config, reread: Callable[[], Config] | None = None) -> None:
    """Run until SIGTERM or SIGINT, then drain; SIGHUP reloads. Raises WacrmdError when it cannot start."""
    # Before anything else: a signal that comes while it starts must not end it half-way.
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        async with run(config, SystemClock(), reread) as running:
            async for number in signals:
                if number is signal.SIGHUP:
                    await _reload(running)
                    continue
                log.info("daemon_stopping", signal=signal.Signals(number).name)
                break


async def _reload(running: Running) -> None:
    """As wacrmd reload does; what is wrong stands in the log."""
    running.notifier.reloading()
    try:
        await control.reload(running.ctx)
    except Refusal as refusal:
        log.warning("config_reload_failed", reason=refusal.message)
    running.notifier.ready()


@asynccontextmanager
async def run(
    config: Config, clock: Clock, reread: Callable[[], Config] | None = None
) -> AsyncIterator[Running]:
    """A daemon that is ready inside the block; leaving the block stops it: drain, then close.

    `reread` reads the configuration again for a reload; raises ConfigError.
    """
    notifier = Notifier.from_env()
    async with AsyncExitStack() as stack:
        stack.enter_context(sole_error())
        database = await stack.enter_async_context(
            Database.open(
                config.storage.path, clock, copy_before_migration=config.storage.backup_before_migration
            )
        )
        api_listener, webhook_listener, admin_listener = _listen(config, stack)
        vault = Vault.open(key_file(config), create=not await database.read(_has_data))
        queue = DispatchQueue(config.storage.path, config.sender.workers)
        await database.write(partial(_prepare, queue=queue))
        meta = MetaClient(
            config.meta.graph_url,
            config.meta.api_version,
            connect_timeout_s=config.meta.connect_timeout_s,
            read_timeout_s=config.meta.read_timeout_s,
            max_connections=config.sender.max_in_flight,
        )
        stack.push_async_callback(meta.aclose)
        sender = Sender()
        ctx = Context(
            config=config,
            clock=clock,
            db=database,
            vault=vault,
            webhook_secrets=WebhookSecrets(database, vault, clock),
            queue=queue,
            meta=meta,
            throughput=sender,
            changes=Changes(),
            started_at=clock.now(),
        )
        access = Access(config)
        ctx.control.reread, ctx.control.adopt = reread, access.adopt
        database.on_commit = ctx.metrics.committed
        await stack.enter_async_context(sender.open(ctx))
        await sender.expire_all_attempts()
        await database.write(partial(_enqueue_all, queue=queue))
        scheduler = Scheduler(ctx, _periodic_jobs(ctx, sender, queue))
        dispatcher = Dispatcher(ctx)
        portal = await stack.enter_async_context(BlockingPortal())
        queue.start(portal, sender.send_broadcast)
        closed = anyio.Event()
        admin = AdminServer(
            registry(),
            ctx,
            audit=partial(_audit, ctx),
            level_of=access.of,
        )
        async with anyio.create_task_group() as background:
            background.start_soon(scheduler.run)
            background.start_soon(Scheduler(ctx, _maintenance_jobs(ctx), vital=False).run)
            background.start_soon(dispatcher.run)
            background.start_soon(sync.keep_synced, ctx)
            background.start_soon(meta_check.keep_checked, ctx)
            background.start_soon(Watchdog(ctx, scheduler, queue, notifier).run)
            async with anyio.create_task_group() as doors:
                for listener, app in (
                    (api_listener, api.build(ctx)),
                    (webhook_listener, webhooks.build(ctx)),
                ):
                    doors.start_soon(partial(listener.serve, app, shutdown=closed, drain_s=DRAIN_S))
                doors.start_soon(admin.serve, admin_listener)
                _tell_ready(config, api_listener, webhook_listener)
                notifier.ready()
                try:
                    yield Running(
                        ctx,
                        sender,
                        scheduler,
                        queue,
                        api_listener.address,
                        webhook_listener.address,
                        notifier,
                    )
                finally:
                    notifier.stopping()
                    with anyio.CancelScope(shield=True):
                        await _drain(ctx, sender, queue, dispatcher)
                        closed.set()
                        admin.stop()
            background.cancel_scope.cancel()
    log.info("daemon_stopped")


def _listen(config: Config, stack: AsyncExitStack) -> tuple[Listener, Listener, AdminListener]:
    """Bind everything before anything starts, so that a taken address stops the start and nothing else."""
    passed = listen_fds().values()
    api_listener = Listener.open(_inherited(config.api.bind, passed), "[api] bind")
    stack.callback(api_listener.close)
    webhook_listener = Listener.open(_inherited(config.webhooks.bind, passed), "[webhooks] bind")
    stack.callback(webhook_listener.close)
    admin_listener = open_listener(config.admin.socket, mode=int(config.admin.socket_mode, 8))
    stack.callback(admin_listener.close)
    return api_listener, webhook_listener, admin_listener


def _inherited(bind: Bind, passed: Iterable[int]) -> Bind:
    """The socket that systemd holds open at this address (wacrmd.socket), else the address itself."""
    for descriptor in passed:
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as held:
            address = held.getsockname()
            wanted: set[object] = {str(bind.path)}
            if bind.kind is BindKind.TCP:
                found = socket.getaddrinfo(bind.host, bind.port, type=socket.SOCK_STREAM)
                wanted, address = {entry[4][:2] for entry in found}, address[:2]
            if address in wanted:
                return Bind(BindKind.FD, fd=descriptor)
    return bind


def _has_data(tx: Tx) -> bool:
    """Whether something is sealed already, so that a missing key file must not be made anew."""
    return bool(accounts.all_of(tx))


def _prepare(tx: Tx, *, queue: DispatchQueue) -> None:
    """Huey's tables; hints of the last run mean nothing, the rows are rung again."""
    queue.create_tables(tx)
    queue.flush(tx)


def _enqueue_all(tx: Tx, *, queue: DispatchQueue) -> None:
    for broadcast_id in broadcasts.sending(tx):
        queue.enqueue(broadcast_id)


def _periodic_jobs(ctx: Context, sender: Sender, queue: DispatchQueue) -> list[PeriodicJob]:
    async def replace_dead_workers() -> None:
        queue.replace_dead_workers()

    return [
        PeriodicJob("ring_due", SECOND, partial(enqueue_due, ctx)),
        PeriodicJob("expire_lost_attempts", RESCUE_EVERY, sender.expire_lost_attempts),
        PeriodicJob("replace_dead_workers", RESCUE_EVERY, replace_dead_workers),
        PeriodicJob("restore_log_level", SECOND, partial(control.restore_log_level, ctx)),
    ]


def _maintenance_jobs(ctx: Context) -> list[PeriodicJob]:
    """What may take minutes."""
    return [
        PeriodicJob("prune", PRUNE_EVERY, partial(retention.prune, ctx)),
        PeriodicJob("backup", MINUTE, DailyBackup(ctx).run),
    ]


def _tell_ready(config: Config, api_listener: Listener, webhook_listener: Listener) -> None:
    for warning in warnings(config):
        log.warning("config_warning_found", warning=warning)
    log.info(
        "daemon_ready",
        version=__version__,
        database=str(config.storage.path),
        api=api_listener.address,
        webhooks=webhook_listener.address + config.webhooks.path,
        admin=str(config.admin.socket),
        graph=f"{config.meta.graph_url}/{config.meta.api_version}",
    )


async def _drain(ctx: Context, sender: Sender, queue: DispatchQueue, dispatcher: Dispatcher) -> None:
    """Take no new work, and let what is in flight be recorded."""
    ctx.draining = True
    ctx.changes.wake_all()
    async with anyio.create_task_group() as stopping:
        stopping.start_soon(queue.stop, DRAIN_S)
        stopping.start_soon(dispatcher.drain, HOOKS_DRAIN_S)
        drained = await sender.drain(DRAIN_S)
    if not drained:
        log.warning("drain_timed_out", in_flight=sender.in_flight)


async def _audit(ctx: Context, caller: Caller, method: str, params: dict[str, Any], result: str) -> None:
    entry = audit.AuditEntry(ctx.clock.now(), caller.uid, caller.user, caller.pid, method, params, result)
    await ctx.db.write(partial(audit.add, entry=entry))
    log.info(
        "admin_change_made", method=method, uid=caller.uid, user=caller.user, pid=caller.pid, result=result
    )
