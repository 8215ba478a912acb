"""The pings and status lines of a daemon: healthy, with a part that hangs, and stopped."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from tests.support.fork_server import WACRMD, fork_server
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import configuration, site
from wacrmd.config import Bind, BindKind
from wacrmd.dispatch.scheduler import PeriodicJob
from wacrmd.http.sockets import inherited
from wacrmd.systemd.notify import Notifier
from wacrmd.systemd.watchdog import Watchdog

pytestmark = pytest.mark.anyio


@contextmanager
def manager(folder: Path) -> Iterator[tuple[socket.socket, str]]:
    """A service manager's socket and its address."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        address = str(folder / "notify")
        listener.bind(address)
        listener.settimeout(PATIENCE_S)
        yield listener, address


def drain(listener: socket.socket) -> list[str]:
    """All messages that have arrived."""
    received = []
    listener.setblocking(False)
    try:
        while True:
            received.append(listener.recv(4096).decode())
    except BlockingIOError:
        return received
    finally:
        listener.settimeout(PATIENCE_S)


def until(listener: socket.socket, wanted: str) -> None:
    """Read up to this message."""
    while not listener.recv(4096).decode().startswith(wanted):
        pass


def until_stopped(pid: int) -> None:
    """Wait until a signal has stopped the process."""
    deadline = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "T":
        assert time.monotonic() < deadline
        time.sleep(0.002)  # nothing tells a process that is not its parent


async def test_a_healthy_daemon_sends_pings_and_its_status(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        with manager(tmp_path) as (listener, address):
            watchdog = Watchdog(
                here.running.ctx, here.running.scheduler, here.running.queue, Notifier(address, 0.3)
            )
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watchdog.run)
                await anyio.to_thread.run_sync(until, listener, "STATUS=Idle, ready for broadcasts")
                await anyio.to_thread.run_sync(until, listener, "WATCHDOG=1")
                await anyio.to_thread.run_sync(until, listener, "WATCHDOG=1")
                tasks.cancel_scope.cancel()


async def test_a_database_that_does_not_answer_ends_the_pings_until_it_does(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        ctx = here.running.ctx
        slow = Watchdog(
            ctx,
            here.running.scheduler,
            here.running.queue,
            Notifier("/nowhere", 1),
            database_timeout_s=PATIENCE_S,
        )
        watchdog = Watchdog(
            ctx, here.running.scheduler, here.running.queue, Notifier("/nowhere", 1), database_timeout_s=0.1
        )
        assert await slow.problem() is None
        release, stuck = threading.Event(), threading.Event()

        def block(_: object) -> None:
            stuck.set()
            release.wait()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ctx.db.outside_transaction, block)
            await anyio.to_thread.run_sync(stuck.wait)
            assert "database has not answered" in str(await watchdog.problem())
            release.set()
        assert await slow.problem() is None


async def test_a_scheduler_that_does_not_finish_a_pass_ends_the_pings(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        running, now = here.running, [0.0]
        watchdog = Watchdog(
            running.ctx, running.scheduler, running.queue, Notifier("/nowhere", 1), monotonic=lambda: now[0]
        )
        assert await watchdog.problem() is None
        hung = anyio.Event()

        async def hang() -> None:
            hung.set()
            await anyio.sleep_forever()

        running.scheduler._jobs.append(PeriodicJob("hang", 0, hang))
        await hung.wait()
        assert await watchdog.problem() is None
        now[0] += 121
        assert "scheduler has not finished a pass for 121 s" in str(await watchdog.problem())


async def test_a_dead_worker_ends_the_pings(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        running = here.running
        watchdog = Watchdog(running.ctx, running.scheduler, running.queue, Notifier("/nowhere", 1))
        running.queue._huey.dequeue = _raise_system_exit  # no handler of Huey catches this
        running.queue.wake()
        await eventually(lambda: running.queue.workers_alive() < running.queue.workers)
        assert "of 4 sender workers are dead" in str(await watchdog.problem())
        del running.queue._huey.dequeue


async def test_workers_that_were_stopped_are_not_dead(tmp_path: Path) -> None:
    """At a stop they end first, and open connections may need twenty seconds more."""
    async with site(tmp_path) as here:
        running = here.running
        watchdog = Watchdog(running.ctx, running.scheduler, running.queue, Notifier("/nowhere", 1))
        await running.queue.stop(1)
        assert await watchdog.problem() is None
        assert not [each for each in (await here.admin("status"))["warnings"] if "workers" in each]


def _raise_system_exit() -> None:
    raise SystemExit


def test_a_stopped_process_sends_no_ping_until_it_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kill -STOP` of the real daemon: no ping for five intervals, then they come again."""
    config = tmp_path / "config.toml"
    settings = configuration(tmp_path, "http://127.0.0.1:9")
    config.write_text(
        f'[storage]\npath = "{settings.storage.path}"\n[api]\nbind = "127.0.0.1:0"\n'
        f'[webhooks]\nbind = "127.0.0.1:0"\n[dashboard]\nbind = ""\n[admin]\nsocket = "{settings.admin.socket}"\n'
    )
    with manager(tmp_path) as (listener, address):
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        with (tmp_path / "out.log").open("wb") as out:
            daemon = fork_server().start(
                WACRMD, "serve", "--config", config, stdout=out.fileno(), stderr=out.fileno()
            )
        try:
            until(listener, "READY=1")
            until(listener, "WATCHDOG=1")
            daemon.send_signal(signal.SIGSTOP)
            until_stopped(daemon.pid)
            drain(listener)
            time.sleep(1.5)  # five intervals: a ping that must not come cannot be waited for in another way
            assert drain(listener) == []
            daemon.send_signal(signal.SIGCONT)
            until(listener, "WATCHDOG=1")
            daemon.terminate()
            until(listener, "STOPPING=1")
            assert daemon.wait(PATIENCE_S) == 0
        finally:
            daemon.kill()
            daemon.wait()


def test_a_socket_held_by_systemd_is_found_by_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held, socket.create_server(("127.0.0.1", 0)) as other:
        bind = Bind.parse(f"127.0.0.1:{held.getsockname()[1]}")
        passed = [other.fileno(), held.fileno()]
        assert inherited(bind, passed) == Bind(BindKind.FD, fd=held.fileno())
        assert inherited(Bind.parse("127.0.0.1:1"), passed) == Bind.parse("127.0.0.1:1")
