"""A site for measuring: the real daemon and the stand-in for Meta, each in a process of its own."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.client import Answer, Client, request
from wacrmd.admin.client import AdminClient

APP_SECRET = "the app secret of the bench"
PHONE_NUMBER_IDS = tuple(f"1065403522429{digits:02}" for digits in range(20, 80))
SERVE = "from wacrmd.cli.main import main; import sys; sys.argv = ['wacrmd', *sys.argv[1:]]; main()"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Process:
    """A process and what it has used so far."""

    popen: subprocess.Popen[str]

    @property
    def cpu_s(self) -> float:
        """Seconds of CPU, user and system."""
        fields = Path(f"/proc/{self.popen.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def memory_mb(self) -> float:
        """Resident memory in MB (10^6 bytes)."""
        for line in Path(f"/proc/{self.popen.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024 / 1e6
        return 0.0


@dataclass
class Daemon:
    """A daemon that is ready."""

    process: Process
    folder: Path
    api_address: str
    webhook_address: str
    ready_s: float

    def admin(self, method: str, **params: Any) -> Any:
        """Call a method of the admin socket."""
        with AdminClient(self.folder / "admin.sock") as client:
            return client.call(method, params)


@dataclass
class Site:
    """A daemon with one account and a key, and the stand-in."""

    daemon: Daemon
    standin: Process
    standin_address: str
    key: str = ""
    numbers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def authorization(self) -> dict[str, str]:
        """The header that opens the API."""
        return {"Authorization": f"Bearer {self.key}"}

    def broadcast(self, count: int, start: int = 0, **fields: Any) -> bytes:
        """The request for a broadcast to `count` people, all different."""
        body = {"template_name": "hello", "recipients": people(count, start), **fields}
        return request("POST", "/api/v1/broadcasts", json.dumps(body).encode(), self.authorization)

    def get(self, path: str) -> bytes:
        """The request for something of the API."""
        return request("GET", path, headers=self.authorization)

    async def stats(self) -> dict[str, Any]:
        """What the stand-in has counted."""
        stats: dict[str, Any] = json.loads((await once(self.standin_address, request("GET", "/stats"))).body)
        return stats

    async def reset(self) -> None:
        """Set the counts of the stand-in to zero."""
        await once(self.standin_address, request("POST", "/reset"))

    async def received(self, count: int, timeout_s: float = 900) -> dict[str, Any]:
        """The stand-in's counts once it has `count` messages."""
        until = time.monotonic() + timeout_s
        while (stats := await self.stats())["received"] < count:
            if time.monotonic() > until:
                raise TimeoutError(f"{stats['received']} of {count} messages came")
            await asyncio.sleep(0.1)
        if stats["duplicates"]:
            raise AssertionError(f"{stats['duplicates']} messages came twice")
        return stats

    async def recorded(self, broadcast_ids: list[str]) -> None:
        """Return once these broadcasts are sent."""
        for broadcast_id in broadcast_ids:
            while True:
                answer = await once(self.daemon.api_address, self.get(f"/api/v1/broadcasts/{broadcast_id}"))
                if json.loads(answer.body)["data"]["status"] == "sent":
                    break
                await asyncio.sleep(0.05)


async def until(ready: Callable[[], Awaitable[bool]], every_s: float) -> None:
    """Ask again and again until something of another process is ready: nothing tells when it is."""
    while True:
        if await ready():
            return
        await asyncio.sleep(every_s)


def people(count: int, start: int = 0) -> list[dict[str, Any]]:
    """That many recipients with one parameter each."""
    return [
        {"to": f"+1415{2_000_000 + (start + index) % 7_999_999:07d}", "params": [f"Person {index}"]}
        for index in range(count)
    ]


async def once(address: str, given: bytes) -> Answer:
    """One exchange on a connection of its own."""
    client = Client(address)
    try:
        return await client.send(given)
    finally:
        client.close()


def accepted(answers: list[Answer]) -> list[str]:
    """The ids in 202 answers; anything else is an error."""
    for answer in answers:
        if answer.status != 202:
            raise AssertionError(f"HTTP {answer.status}: {answer.body[:300]!r}")
    return [json.loads(answer.body)["data"]["broadcast_id"] for answer in answers]


def standin(*arguments: str) -> AbstractContextManager[tuple[Process, str]]:
    """The stand-in as a process, and its address."""
    return server("bench.standin", *arguments)


@contextmanager
def server(module: str, *arguments: str) -> Iterator[tuple[Process, str]]:
    """A server of the bench as a process, which prints its port, and its address; it is killed at the end."""
    popen = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert popen.stdout is not None
    try:
        yield Process(popen), f"127.0.0.1:{int(popen.stdout.readline())}"
    finally:
        popen.kill()
        popen.communicate()


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def daemon(
    folder: Path, graph_address: str, ports: tuple[int, int], extra: str = "", dashboard: str = ""
) -> Iterator[Daemon]:
    """The daemon as a process, from its start until it said that it is ready; ended with SIGTERM.

    `dashboard` is the address of its pages; empty: without.
    """
    config = folder / "config.toml"
    config.write_text(
        f'[storage]\npath = "{folder}/wacrmd.db"\n'
        f'[api]\nbind = "127.0.0.1:{ports[0]}"\n[webhooks]\nbind = "127.0.0.1:{ports[1]}"\n'
        f'[dashboard]\nbind = "{dashboard}"\n'
        f'[admin]\nsocket = "{folder}/admin.sock"\n[meta]\ngraph_url = "http://{graph_address}"\n'
        f"[limits]\nrequests_per_minute = 1000000\n{extra}"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(folder / "notify.sock"))
        notify.settimeout(1)
        log = (folder / "daemon.log").open("a")
        began = time.monotonic()
        popen = subprocess.Popen(
            [sys.executable, *PROFILER, "-c", SERVE, "serve", "--config", str(config)],
            env=_environment() | {"NOTIFY_SOCKET": str(folder / "notify.sock")},
            stderr=log,
            text=True,
        )
        try:
            while not _is_ready(notify):
                if popen.poll() is not None or time.monotonic() - began > READY_TIMEOUT_S:
                    raise AssertionError(
                        f"the daemon did not start:\n{config.with_name('daemon.log').read_text()}"
                    )
            ready_s = time.monotonic() - began
            api_address, webhook_address = (f"127.0.0.1:{port}" for port in ports)
            yield Daemon(Process(popen), folder, api_address, webhook_address, ready_s)
        finally:
            popen.send_signal(signal.SIGTERM)
            popen.wait(60)
            log.close()
            (folder / "notify.sock").unlink()


def _is_ready(notify: socket.socket) -> bool:
    """Whether the daemon says so within a second (sd_notify)."""
    try:
        return b"READY=1" in notify.recv(4096)
    except TimeoutError:
        return False


def _environment() -> dict[str, str]:
    """As installed packages run: with compiled modules beside the sources."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


READY_TIMEOUT_S = 120

PROFILER: tuple[str, ...] = ()
"""Arguments for the daemon's Python, to profile it."""


@asynccontextmanager
async def site(
    folder: Path,
    *,
    rate: float = 1000,
    numbers: int = 1,
    rates: Sequence[float] = (),
    latency_ms: float = 100,
    batch: int = 0,
    extra: str = "",
    dashboard: str = "",
) -> AsyncIterator[Site]:
    """A site in `folder`, each of its numbers at `rate` messages a second, or one number for each of `rates`.

    With `batch`, the stand-in posts three statuses a message, so many of them in each webhook.
    """
    ports = free_port(), free_port()
    arguments = ["--latency-ms", str(latency_ms), "--app-secret", APP_SECRET]
    if batch:
        arguments += ["--webhook", f"127.0.0.1:{ports[1]}", "--batch", str(batch)]
    with (
        standin(*arguments) as (meta, meta_address),
        daemon(folder, meta_address, ports, extra, dashboard) as running,
    ):
        made = Site(running, meta, meta_address)
        if not running.admin("account.list"):
            running.admin("account.add", name="bench")
            for phone_number_id, each in zip(PHONE_NUMBER_IDS, rates or [rate] * numbers, strict=False):
                running.admin(
                    "number.add",
                    account="bench",
                    phone_number_id=phone_number_id,
                    waba_id="102290129340398",
                    access_token="EAAbench",
                    app_secret=APP_SECRET,
                    verify_token="bench",
                    messages_per_second=each,
                )
        made.numbers = running.admin("number.list")
        scopes = ["broadcasts:send", "broadcasts:read"]
        made.key = running.admin("key.create", account="bench", name="bench", scopes=scopes)["key"]
        yield made
