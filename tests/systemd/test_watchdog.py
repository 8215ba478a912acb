"""What systemd hears of a daemon that is well, of one whose parts are stuck, and of one that is stopped."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from tests.support.patience import PATIENCE_S
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
    """All that waits on the socket."""
    heard = []
    listener.setblocking(False)
    try:
        while True:
            heard.append(listener.recv(4096).decode())
    except BlockingIOError:
        return heard
    finally:
        listener.settimeout(PATIENCE_S)


def until(listener: socket.socket, wanted: str) -> None:
    """Read until this message comes."""
    while not listener.recv(4096).decode().startswith(wanted):
        pass


async def test_a_healthy_daemon_pings_and_says_what_it_does(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        with manager(tmp_path) as (listener, address):
            dog = Watchdog(
                here.running.ctx, here.running.scheduler, here.running.queue, Notifier(address, 0.3)
            )
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(dog.run)
                await anyio.to_thread.run_sync(until, listener, "STATUS=Idle, ready for broadcasts")
                await anyio.to_thread.run_sync(until, listener, "WATCHDOG=1")
                await anyio.to_thread.run_sync(until, listener, "WATCHDOG=1")
                tasks.cancel_scope.cancel()


async def test_a_database_that_does_not_answer_ends_the_pings_until_it_does(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        ctx = here.running.ctx
        patient = Watchdog(
            ctx,
            here.running.scheduler,
            here.running.queue,
            Notifier("/nowhere", 1),
            answer_within_s=PATIENCE_S,
        )
        dog = Watchdog(
            ctx, here.running.scheduler, here.running.queue, Notifier("/nowhere", 1), answer_within_s=0.1
        )
        assert await patient.ailment() is None
        let_go, stuck = threading.Event(), threading.Event()

        def wedge(_: object) -> None:
            stuck.set()
            let_go.wait()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ctx.db.alone, wedge)
            await anyio.to_thread.run_sync(stuck.wait)
            assert "database has not answered" in str(await dog.ailment())
            let_go.set()
        assert await patient.ailment() is None


async def test_a_sweeper_that_hangs_in_a_chore_ends_the_pings(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        running, now = here.running, [0.0]
        dog = Watchdog(
            running.ctx, running.scheduler, running.queue, Notifier("/nowhere", 1), monotonic=lambda: now[0]
        )
        assert await dog.ailment() is None
        hung = anyio.Event()

        async def hang() -> None:
            hung.set()
            await anyio.sleep_forever()

        running.scheduler._jobs.append(PeriodicJob("hang", 0, hang))
        await hung.wait()
        assert await dog.ailment() is None
        now[0] += 121
        assert "sweeper has not ended a pass for 121 s" in str(await dog.ailment())


async def test_a_dead_worker_ends_the_pings(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        running = here.running
        dog = Watchdog(running.ctx, running.scheduler, running.queue, Notifier("/nowhere", 1))
        await running.queue.stop(1)
        assert "4 of 4 sender workers are dead" in str(await dog.ailment())


def test_a_stopped_process_is_silent_and_goes_on_when_continued(tmp_path: Path) -> None:
    """`kill -STOP` of the real daemon: not one ping for five intervals, then they come again."""
    config = tmp_path / "config.toml"
    settings = configuration(tmp_path, "http://127.0.0.1:9")
    config.write_text(
        f'[storage]\npath = "{settings.storage.path}"\n[api]\nbind = "127.0.0.1:0"\n'
        f'[webhooks]\nbind = "127.0.0.1:0"\n[admin]\nsocket = "{settings.admin.socket}"\n'
    )
    with manager(tmp_path) as (listener, address):
        daemon = subprocess.Popen(
            [sys.executable, "-m", "wacrmd.cli.main", "serve", "--config", str(config)],
            env=os.environ | {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "300000"},
            stderr=subprocess.DEVNULL,
        )
        try:
            until(listener, "READY=1")
            until(listener, "WATCHDOG=1")
            daemon.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, daemon.pid, os.WSTOPPED)
            drain(listener)
            time.sleep(1.5)  # the property is that nothing comes
            assert drain(listener) == []
            daemon.send_signal(signal.SIGCONT)
            until(listener, "WATCHDOG=1")
            daemon.terminate()
            until(listener, "STOPPING=1")
            assert daemon.wait(PATIENCE_S) == 0
        finally:
            daemon.kill()
            daemon.wait()


def test_a_socket_that_systemd_holds_is_taken_over_by_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held, socket.create_server(("127.0.0.1", 0)) as other:
        bind = Bind.parse(f"127.0.0.1:{held.getsockname()[1]}")
        passed = [other.fileno(), held.fileno()]
        assert inherited(bind, passed) == Bind(BindKind.FD, fd=held.fileno())
        assert inherited(Bind.parse("127.0.0.1:1"), passed) == Bind.parse("127.0.0.1:1")
