"""The daemon as a process of its own, which can be killed; the simulated Meta runs in the test."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx

from tests.support.fork_server import WACRMD, Forked, fork_server
from tests.support.patience import PATIENCE_S
from tests.support.site import NUMBER
from wacrmd.admin.client import AdminClient
from wacrmd.errors import WacrmdError
from wacrmd.simulator import Simulator

Process = Forked | subprocess.Popen[bytes]
READY_S = PATIENCE_S

CONFIG = """
[storage]
path = "{folder}/wacrmd.db"
[api]
bind = "127.0.0.1:{api}"
[webhooks]
bind = "127.0.0.1:{webhooks}"
[dashboard]
bind = ""
[admin]
socket = "{folder}/admin.sock"
[meta]
graph_url = "{graph_url}"
connect_timeout_s = 1
read_timeout_s = {read_timeout_s}
[sender]
messages_per_second = {rate}
{sender}
[limits]
requests_per_minute = 1000000
[log]
level = "info"
format = "json"
"""


def free_ports(count: int) -> list[int]:
    """Free ports, which the daemon uses after each restart.

    Below those that the system gives to clients and to whoever asks for any: it would do so while the daemon is down.
    """
    found = list[int]()
    while len(found) < count:
        port = secrets.choice(range(10_000, 32_000))
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
    return found


def spawn(
    config: Path,
    log_file: Path,
    environ: Mapping[str, str] = {},
    log: int | None = None,
    *,
    forked: bool = True,
) -> Process:
    """A daemon with this configuration; executed and not forked if it gets variables, for some count only then."""
    line = ["serve", "--config", str(config)]
    with log_file.open("ab") as file:
        stderr = file.fileno() if log is None else log
        if forked and not environ:
            return fork_server().start(WACRMD, *line, stdout=file.fileno(), stderr=stderr)
        return subprocess.Popen(
            [sys.executable, "-m", "wacrmd.cli.main", *line],
            stdout=file,
            stderr=stderr,
            env=os.environ | environ,
        )


class Daemon:
    """A database with one account, number and key, and the daemon that is started on it again and again."""

    forked = True
    """Whether its processes are forks; others have a command line of their own."""

    def __init__(
        self,
        folder: Path,
        sim: Simulator,
        *,
        rate: float = 400,
        sender: str = "",
        read_timeout_s: float = 30,
    ) -> None:
        self.folder = folder
        self.api_port, self.webhook_port = free_ports(2)
        self.key = ""
        self.process: Process | None = None
        config = CONFIG.format(
            folder=folder,
            api=self.api_port,
            webhooks=self.webhook_port,
            graph_url=sim.url,
            rate=rate,
            sender=sender,
            read_timeout_s=read_timeout_s,
        )
        (folder / "config.toml").write_text(config)
        sim.change(webhook_url=f"http://127.0.0.1:{self.webhook_port}/webhooks/meta")

    @property
    def is_running(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def start(self, environ: Mapping[str, str] = {}, *, log: int | None = None) -> None:
        """Start the process, with these variables too; `log` is a descriptor for its log instead of the file."""
        self.process = spawn(
            self.folder / "config.toml", self.folder / "daemon.log", environ, log, forked=self.forked
        )

    async def kill(self) -> int | None:
        """SIGKILL, and wait for the end; the exit code of a process that had ended before."""
        process, self.process = self.process, None
        if process is None:
            return None
        ended = process.poll()
        process.kill()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(process.wait)
        return ended

    async def stop(self, within_s: float = 60) -> int | None:
        """SIGTERM; the exit code, or None if it did not end in time and was killed."""
        process = self.process
        if process is None:
            return None
        process.send_signal(signal.SIGTERM)
        with anyio.move_on_after(within_s):
            await anyio.to_thread.run_sync(process.wait, abandon_on_cancel=True)
        ended = process.poll()
        await self.kill()
        return ended

    async def ready(self, within_s: float = READY_S) -> bool:
        """Wait until the admin socket answers; False when the process has ended or takes too long."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                return False
            with suppress(WacrmdError, OSError):
                await self.admin("status")
                return True
            await anyio.sleep(0.02)
        return False

    async def admin(self, method: str, **params: Any) -> Any:
        """One call of the admin socket; fails when the daemon is not there or dies meanwhile."""

        def call() -> Any:
            with AdminClient(self.folder / "admin.sock", connect_timeout_s=10) as client:
                return client.call(method, params)

        return await anyio.to_thread.run_sync(call)

    async def set_up(self, *, log: int | None = None) -> None:
        """Start, and make account, number and key; `log` as in `start`."""
        self.start(log=log)
        if not await self.ready():
            raise RuntimeError(f"the daemon does not start:\n{(self.folder / 'daemon.log').read_text()}")
        await self.admin("account.add", name="shop")
        await self.admin("number.add", **NUMBER)
        key = await self.admin(
            "key.create",
            account="shop",
            name="tests",
            scopes=["messages:send", "broadcasts:send", "broadcasts:read"],
        )
        self.key = key["key"]

    async def restart(self) -> None:
        """Start again on the same database, and wait until it is ready."""
        self.start()
        if not await self.ready():
            raise RuntimeError(f"the daemon does not start:\n{(self.folder / 'daemon.log').read_text()}")

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """A local app's HTTP client."""
        headers = {"Authorization": f"Bearer {self.key}"}
        base = f"http://127.0.0.1:{self.api_port}"
        async with httpx.AsyncClient(base_url=base, headers=headers, timeout=PATIENCE_S) as client:
            yield client
