"""Puts the daemon together: open → start → ready → drain → close. The only module that knows all parts."""

import re
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup
from anyio.from_thread import BlockingPortal

from wacrmd import __version__, open_files, periodic_jobs
from wacrmd.admin.access import AdminAccess
from wacrmd.admin.identity import Caller
from wacrmd.admin.methods import all_methods
from wacrmd.admin.server import Server as AdminServer
from wacrmd.api import app as api
from wacrmd.clock import MachineClock, SystemClock
from wacrmd.config import Bind, BindKind, Config, key_file, warnings
from wacrmd.dashboard import app as dashboard
from wacrmd.dispatch.queue import DispatchQueue
from wacrmd.dispatch.scheduler import Scheduler
from wacrmd.domain.actor import Via
from wacrmd.domain.drain import Drain
from wacrmd.errors import ConfigError, Refusal, WacrmdError, sole_error
from wacrmd.fields import JsonObject
from wacrmd.http.capacity import Capacity
from wacrmd.http.loop_pass import LoopPass
from wacrmd.http.server import serve as serve_http
from wacrmd.http.sockets import Listener, inherited
from wacrmd.http.uploads import FORM_BYTES
from wacrmd.log import count_dropped, get_logger, summing
from wacrmd.meta.client import MetaClient
from wacrmd.meta_webhooks import app as meta_webhooks
from wacrmd.outbound.dispatcher import Dispatcher
from wacrmd.sender.sender import Sender
from wacrmd.services import counters
from wacrmd.services.app_secrets import AppSecrets
from wacrmd.services.audit import record
from wacrmd.services.audit import write_sums as write_audit_sums
from wacrmd.services.changes import Changes
from wacrmd.services.context import Context
from wacrmd.services.daemon_clock import DaemonClock
from wacrmd.services.drafts.uploads import MAX_FILE_BYTES
from wacrmd.services.drafts.worker import DraftWorker
from wacrmd.services.maintenance.clock import FIRST_TIMEOUT_S, ClockWatch, ask_meta, resume_clock
from wacrmd.services.maintenance.database_key import open_vault
from wacrmd.services.maintenance.drain import stored_drain
from wacrmd.services.maintenance.integrity import IntegrityWatch, look_at_open
from wacrmd.services.maintenance.reload import reload_config
from wacrmd.services.media.worker import MediaWorker
from wacrmd.services.meta_events.ingest import store_notes
from wacrmd.services.meta_events.intake import Intake
from wacrmd.services.numbers import meta_check
from wacrmd.services.templates import sync
from wacrmd.services.templates.clicks import ClickReader
from wacrmd.store import broadcast_queue, canaries, drains
from wacrmd.store.backups import remove_partial
from wacrmd.store.database import Database, Tx
from wacrmd.store.opening import postponed
from wacrmd.store.outage import StorageError
from wacrmd.systemd.notify import Notifier, listen_fds
from wacrmd.systemd.watchdog import Watchdog

API_PER_PASS = 16
"""API requests that begin in one pass of the event loop."""
DRAIN_S = 20.0
"""How long requests in flight, to Meta and of HTTP clients, may go on after the signal to stop."""
MANAGEMENT_CONNECTIONS = 32
"""Connections to Meta beyond those that the sender may use: checks and synchronisation do not wait for messages."""
OUTBOUND_DRAIN_S = 3.0
"""How long webhook deliveries may go on after it. Those that are cancelled are delivered after the restart."""
START_RETRY_S = 2.0
"""How long a start that the disk prevents waits before it is tried again."""
START_TIMEOUT_S = 900.0
"""How long systemd then waits for the next sign of life: as long as for a start, which may copy a large file."""

log = get_logger(__name__)


@dataclass(slots=True)
class Daemon:
    """The parts of a daemon that is running."""

    ctx: Context
    clock_watch: ClockWatch
    sender: Sender
    scheduler: Scheduler
    queue: DispatchQueue
    dispatcher: Dispatcher
    intake: Intake
    integrity: IntegrityWatch
    access: AdminAccess
    admin: AdminServer[Context]
    api_listener: Listener
    meta_webhook_listener: Listener
    admin_listener: Listener
    dashboard_listener: Listener | None
    notifier: Notifier

    @property
    def api_address(self) -> str:
        """Where the API listens."""
        return self.api_listener.address

    @property
    def meta_webhooks_address(self) -> str:
        """Where Meta's webhooks are received."""
        return self.meta_webhook_listener.address


class StartPostponedError(WacrmdError):
    """The daemon cannot start now, because of the disk, and may start later."""


async def serve(config: Config, reread: Callable[[], Config] | None = None) -> None:
    """Run until SIGTERM or SIGINT, then drain. SIGHUP reloads. Raises WacrmdError when it cannot start.

    While the disk is full, the start is tried again and again: what systemd restarts too often, it gives up.
    """
    # Before anything else: a signal during the start must not end it half-way.
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        reason = ""
        while True:
            try:
                async with run(config, SystemClock(), reread) as daemon:
                    async for number in signals:
                        if number is signal.SIGHUP:
                            await _reload(daemon)
                            continue
                        log.info("daemon_stopping", signal=signal.Signals(number).name)
                        return
            except StartPostponedError as error:
                if str(error) != reason:
                    reason = str(error)
                    log.error("start_postponed", reason=reason)  # noqa: TRY400 - expected
            Notifier.from_env().starting(f"Waits to start: {reason}", START_TIMEOUT_S)
            with anyio.move_on_after(START_RETRY_S):
                async for number in signals:
                    if number is not signal.SIGHUP:
                        return


@asynccontextmanager
async def run(
    config: Config, machine: MachineClock, reread: Callable[[], Config] | None = None
) -> AsyncIterator[Daemon]:
    """A daemon that is ready inside the block; leaving the block stops it: drain, then close.

    `reread` reads the configuration again for a reload; raises ConfigError. Raises StartPostponedError.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(sole_error())
        try:
            daemon = await _open(stack, config, machine, reread)
            await _settle_clock(daemon)
            await _start_sending(stack, daemon)
        except StorageError as error:
            raise StartPostponedError(error.advice) from error
        except ConfigError as error:
            if (later := postponed(error)) is None:
                raise
            raise StartPostponedError(later.advice) from error  # no room for the admin socket
        async with anyio.create_task_group() as background:
            _start_background(background, daemon)
            async with anyio.create_task_group() as servers:
                shutdown = anyio.Event()
                _start_servers(servers, background, daemon, shutdown)
                _announce_ready(daemon)
                try:
                    yield daemon
                finally:
                    daemon.notifier.stopping()
                    with anyio.CancelScope(shield=True):
                        await _drain(daemon)
                        shutdown.set()
                        daemon.admin.stop()
            background.cancel_scope.cancel()
    log.info("daemon_stopped")


async def _open(
    stack: AsyncExitStack, config: Config, machine: MachineClock, reread: Callable[[], Config] | None
) -> Daemon:
    """Open the database, all listening sockets, the key file and the client for Meta; the stack closes them."""
    clock = DaemonClock(machine)
    stack.enter_context(summing(clock.monotonic))
    database = await stack.enter_async_context(
        Database.open(
            config.storage.path, clock, copy_before_migration=config.storage.backup_before_migration
        )
    )
    await anyio.to_thread.run_sync(remove_partial, database.path.parent, re.escape(database.path.name))
    is_complete = await look_at_open(database)
    drain = await stored_drain(database)
    with _left_if_closed(database):
        await resume_clock(database, clock)
    api_listener, meta_webhook_listener, admin_listener, dashboard_listener = _listen(stack, config)
    vault = await open_vault(database, key_file(config))
    queue = DispatchQueue(config.storage.path, config.sender.workers, database.write_lock)
    queue.storage.on_error = database.failed
    with _left_if_closed(database):
        await database.write(partial(_begin, queue=queue))
    meta = MetaClient(
        config.meta.graph_url,
        config.meta.api_version,
        connect_timeout_s=config.meta.connect_timeout_s,
        read_timeout_s=config.meta.read_timeout_s,
        max_connections=open_files.most_requests() + MANAGEMENT_CONNECTIONS,
        doubted=clock.doubted,
    )
    meta.on_time = clock.heard
    stack.push_async_callback(meta.aclose)
    sender = Sender()
    ctx = Context(
        config=config,
        clock=clock,
        db=database,
        vault=vault,
        app_secrets=AppSecrets(database, vault, clock),
        queue=queue,
        meta=meta,
        throughput=sender,
        changes=Changes(),
        started_at=clock.now(),
        drain=drain,
    )
    clock_watch = ClockWatch(ctx)
    access = AdminAccess(config)
    ctx.control.reread, ctx.control.adopt = reread, access.adopt
    ctx.capacities = _capacities(ctx)
    if dashboard_listener is not None:
        ctx.dashboard_address = dashboard_listener.address
    counters.start_at_zero(ctx.metrics)
    count_dropped(ctx.metrics.log_lines_dropped.inc)
    database.on_commit = ctx.metrics.committed
    queue.on_signal = ctx.metrics.job_signalled
    return Daemon(
        ctx=ctx,
        sender=sender,
        clock_watch=clock_watch,
        scheduler=Scheduler(ctx, periodic_jobs.vital(ctx, sender, queue, clock_watch)),
        queue=queue,
        dispatcher=Dispatcher(ctx),
        intake=Intake(ctx),
        integrity=IntegrityWatch(ctx, is_complete=is_complete),
        access=access,
        admin=AdminServer(all_methods(), ctx, audit=partial(_audit, ctx), level_of=access.level_of),
        api_listener=api_listener,
        meta_webhook_listener=meta_webhook_listener,
        admin_listener=admin_listener,
        dashboard_listener=dashboard_listener,
        notifier=Notifier.from_env(),
    )


def _capacities(ctx: Context) -> dict[str, Capacity]:
    """How much each HTTP listener may hold."""
    config, files = ctx.config, open_files.limit()
    found = {
        "api": Capacity.of(config.api.max_body_bytes, files),
        "webhooks": Capacity.of(config.webhooks.max_body_bytes, files),
        "dashboard": Capacity.of(MAX_FILE_BYTES + FORM_BYTES, files),  # they go to the disk as they come
    }
    for name, capacity in found.items():
        capacity.on_shortage = partial(counters.count_shortage, ctx, name)
    return found


def _listen(stack: AsyncExitStack, config: Config) -> tuple[Listener, Listener, Listener, Listener | None]:
    """Bind all sockets before anything starts: an address in use must stop the start before it has effects."""
    descriptors = listen_fds()
    api_listener = Listener.open(inherited(config.api.bind, descriptors), "[api] bind")
    stack.callback(api_listener.close)
    meta_webhook_listener = Listener.open(inherited(config.webhooks.bind, descriptors), "[webhooks] bind")
    stack.callback(meta_webhook_listener.close)
    admin_listener = Listener.open(
        Bind(BindKind.UNIX, path=config.admin.socket), "[admin] socket", mode=int(config.admin.socket_mode, 8)
    )
    stack.callback(admin_listener.close)
    dashboard_listener = None
    if config.dashboard.bind is not None:
        dashboard_listener = Listener.open(inherited(config.dashboard.bind, descriptors), "[dashboard] bind")
        stack.callback(dashboard_listener.close)
    return api_listener, meta_webhook_listener, admin_listener, dashboard_listener


@contextmanager
def _left_if_closed(database: Database) -> Iterator[None]:
    """A file that is damaged or handed over is not written: the daemon runs, says so, and holds everything."""
    try:
        yield
    except StorageError:
        if database.outage is None or not database.outage.lasts:
            raise


def _begin(tx: Tx, *, queue: DispatchQueue) -> None:
    """Create Huey's tables and delete the jobs of the last run: jobs are enqueued again from the broadcasts.

    From here on messages are sent, so this is not the fresh copy of a hand-over any more, if it was put here by hand.
    """
    drains.take_heirship(tx)
    queue.create_tables(tx)
    queue.flush(tx)


def _enqueue_sending(tx: Tx, *, queue: DispatchQueue) -> None:
    for broadcast_id in broadcast_queue.sending(tx):
        queue.enqueue_in(tx, broadcast_id)


async def _settle_clock(daemon: Daemon) -> None:
    """Ask Meta whether the machine's clock is right if it has leapt since the last run; then ages count from here."""
    if not daemon.ctx.clock.is_trusted:
        await ask_meta(daemon.ctx, FIRST_TIMEOUT_S)
    with _left_if_closed(daemon.ctx.db):
        await daemon.clock_watch.run()
    daemon.ctx.started_at = daemon.ctx.clock.now()


async def _start_sending(stack: AsyncExitStack, daemon: Daemon) -> None:
    """Expire the leases of the last process, enqueue the broadcasts that are sending, start the workers."""
    await stack.enter_async_context(daemon.sender.open(daemon.ctx))
    with _left_if_closed(daemon.ctx.db):
        await daemon.sender.expire_all_leases()
        await daemon.ctx.db.write(partial(_enqueue_sending, queue=daemon.queue))
        await daemon.ctx.db.write(partial(canaries.wait_after_start, now=daemon.ctx.clock.now()))
    portal = await stack.enter_async_context(BlockingPortal())
    daemon.queue.start(portal, daemon.sender.send_broadcast, daemon.sender.job_not_stored)


def _start_background(tasks: TaskGroup, daemon: Daemon) -> None:
    ctx = daemon.ctx
    tasks.start_soon(daemon.scheduler.run)
    tasks.start_soon(Scheduler(ctx, periodic_jobs.maintenance(ctx, daemon.integrity), vital=False).run)
    tasks.start_soon(daemon.dispatcher.run)
    tasks.start_soon(daemon.intake.run)
    tasks.start_soon(DraftWorker(ctx).run)
    tasks.start_soon(MediaWorker(ctx).run)
    tasks.start_soon(sync.keep_synced, ctx)
    tasks.start_soon(ClickReader(ctx).run)
    tasks.start_soon(meta_check.keep_checked, ctx)
    tasks.start_soon(Watchdog(ctx, daemon.scheduler, daemon.queue, daemon.notifier).run)


def _start_servers(tasks: TaskGroup, background: TaskGroup, daemon: Daemon, shutdown: anyio.Event) -> None:
    ctx = daemon.ctx
    serve_until = partial(serve_http, shutdown=shutdown, drain_s=DRAIN_S)
    tasks.start_soon(
        partial(
            serve_until,
            daemon.api_listener,
            api.build(ctx),
            capacity=ctx.capacities["api"],
            loop_pass=LoopPass(API_PER_PASS),
        )
    )
    app, refuse, loop_pass = meta_webhooks.build(ctx, daemon.intake)
    tasks.start_soon(
        partial(
            serve_until,
            daemon.meta_webhook_listener,
            app,
            capacity=ctx.capacities["webhooks"],
            refuse=refuse,
            loop_pass=loop_pass,
        )
    )
    if daemon.dashboard_listener is not None:
        tasks.start_soon(
            partial(
                serve_until,
                daemon.dashboard_listener,
                dashboard.build(ctx, background),
                capacity=ctx.capacities["dashboard"],
                loop_pass=LoopPass(API_PER_PASS),
            )
        )
    tasks.start_soon(daemon.admin.serve, daemon.admin_listener)


def _announce_ready(daemon: Daemon) -> None:
    config = daemon.ctx.config
    for warning in warnings(config):
        log.warning("config_warning_found", warning=warning)
    if daemon.ctx.drain is not None:
        log.warning("drain_continued", reason=daemon.ctx.drain.detail)
    log.info(
        "daemon_ready",
        version=__version__,
        database=str(config.storage.path),
        api=daemon.api_address,
        webhooks=daemon.meta_webhooks_address + config.webhooks.path,
        dashboard=daemon.dashboard_listener.address if daemon.dashboard_listener is not None else None,
        admin=str(config.admin.socket),
        graph=f"{config.meta.graph_url}/{config.meta.api_version}",
    )
    daemon.notifier.ready()


async def _reload(daemon: Daemon) -> None:
    """Like `wacrmd reload`; errors are logged."""
    daemon.notifier.reloading()
    try:
        await reload_config(daemon.ctx)
    except Refusal as refusal:
        problems = [problem.message for problem in refusal.details]
        log.warning("config_reload_failed", reason=refusal.message, problems=problems)
    daemon.notifier.ready()


async def _drain(daemon: Daemon) -> None:
    """Start no new work, and wait until the results of requests in flight are recorded."""
    daemon.ctx.drain = daemon.ctx.drain or Drain(daemon.ctx.clock.now())
    daemon.ctx.changes.wake_all()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(daemon.queue.stop, DRAIN_S)
        tasks.start_soon(daemon.dispatcher.drain, OUTBOUND_DRAIN_S)
        drained = await daemon.sender.drain(DRAIN_S)
    if not drained:
        log.warning("drain_timed_out", in_flight=daemon.sender.in_flight)
    with suppress(StorageError):
        await daemon.clock_watch.store()
        await store_notes(daemon.ctx)
        await daemon.ctx.key_uses.store(daemon.ctx.db)
        await write_audit_sums(daemon.ctx, all_of_them=True)


async def _audit(
    ctx: Context, caller: Caller, method: str, params: JsonObject, result: str, calls: int
) -> None:
    await record(
        ctx,
        via=Via.COMMAND,
        uid=caller.uid,
        user=caller.user,
        pid=caller.pid,
        method=method,
        params=params,
        result=result,
        calls=calls,
    )
