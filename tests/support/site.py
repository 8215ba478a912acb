"""A whole site in the test's process: the real daemon and the simulated Meta, joined by real sockets."""

import asyncio
import re
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx

from tests.support.clock import ShiftClock
from tests.support.patience import PATIENCE_S
from wacrmd import daemon
from wacrmd.admin.client import AdminClient
from wacrmd.clock import SECOND, Millis
from wacrmd.config import Config, parse
from wacrmd.simulator import Options, Simulator
from wacrmd.store.database import Database

APP_SECRET = "an app secret for tests"
ACCESS_TOKEN = "EAAtestaccesstoken"
VERIFY_TOKEN = "a verify token for tests"
PHONE_NUMBER_ID = "106540352242922"
WABA_ID = "102290129340398"
NUMBER = {
    "account": "shop",
    "phone_number_id": PHONE_NUMBER_ID,
    "waba_id": WABA_ID,
    "access_token": ACCESS_TOKEN,
    "app_secret": APP_SECRET,
    "verify_token": VERIFY_TOKEN,
}
"""The number of a site, as an operator adds it."""
NOBODY = "http://127.0.0.1:9/"
"""Where nobody listens: webhooks that are posted to it wait until the URL is changed to `Site.webhook_url`."""
LOOK_S = 0.02
"""Between two looks at a broadcast: one after each change took more processor time than the daemon needed to send."""
ALL_SCOPES = (
    "broadcasts:send",
    "broadcasts:read",
    "messages:send",
    "templates:read",
    "optouts:manage",
    "webhooks:manage",
    "numbers:read",
)


def phones(count: int, start: int = 0) -> list[str]:
    """That many valid numbers, all different."""
    return [f"+1415{2_000_000 + start + index}" for index in range(count)]


def people(count: int, start: int = 0) -> list[dict[str, Any]]:
    """That many recipients of a broadcast, with one parameter each."""
    return [{"to": phone, "params": [f"Person {phone[-4:]}"]} for phone in phones(count, start)]


def configuration(folder: Path, graph_url: str, extra: str = "") -> Config:
    """A configuration on free ports with all files in `folder`; `extra` is TOML that is added to it."""
    text = f"""
[storage]
path = "{folder}/wacrmd.db"
[api]
bind = "127.0.0.1:0"
[webhooks]
bind = "127.0.0.1:0"
[dashboard]
bind = ""
[admin]
socket = "{folder}/admin.sock"
[meta]
graph_url = "{graph_url}"
connect_timeout_s = 10
read_timeout_s = 30
[limits]
requests_per_minute = 100000
"""
    return parse(_merge(text, extra), "test.toml")


def _merge(text: str, extra: str) -> str:
    """Append each section of `extra` to the same section of `text`, or at the end."""
    for block in filter(None, (part.strip() for part in re.split(r"(?m)^\[", extra))):
        name, _, body = block.partition("]")
        head = f"[{name}]\n"
        keys = [line.split("=")[0].strip() for line in body.strip().splitlines() if "=" in line]
        if head in text:
            before, after = text.split(head, 1)
            section, bracket, rest = after.partition("\n[")
            kept = [line for line in section.splitlines() if line.split("=")[0].strip() not in keys]
            text = before + head + "\n".join([*kept, body.strip(), ""]) + bracket + rest
        else:
            text += f"[{name}]\n{body.strip()}\n"
    return text


@cache
def _no_tls() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def plain_client(url: str) -> httpx.AsyncClient:
    """A client of a listener without TLS: to load authorities for each client took 2 ms of processor time."""
    return httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, verify=_no_tls(), trust_env=False)


@dataclass
class Site:
    """A running site with one account, one number and one key with all scopes."""

    running: daemon.Daemon
    sim: Simulator
    clock: ShiftClock
    socket: Path
    api: httpx.AsyncClient
    hook: httpx.AsyncClient
    key: str
    account: dict[str, Any] = field(default_factory=dict)
    number: dict[str, Any] = field(default_factory=dict)
    _shown: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """Each broadcast as it was shown, by its id and ETag."""

    @property
    def webhook_url(self) -> str:
        """The URL for Meta's webhooks."""
        return f"http://{self.running.meta_webhooks_address}/webhooks/meta"

    async def admin(self, method: str, /, **params: Any) -> Any:
        """Call a method of the admin socket."""

        def call() -> Any:
            with AdminClient(self.socket, connect_timeout_s=PATIENCE_S) as client:
                return client.call(method, params)

        return await anyio.to_thread.run_sync(call)

    def set_up(self, messages_per_second: float) -> None:
        """Make the account, the number and the key, or find those of an earlier run; blocks."""
        with AdminClient(self.socket, connect_timeout_s=PATIENCE_S) as client:
            found = client.call("account.list", {})
            self.account = found[0] if found else client.call("account.add", {"name": "shop"})
            numbers = client.call("number.list", {}) if found else []
            new = NUMBER | {"messages_per_second": messages_per_second}
            self.number = numbers[0] if numbers else client.call("number.add", new)
            scopes = {"account": "shop", "name": "tests", "scopes": list(ALL_SCOPES)}
            self.key = self.key or client.call("key.create", scopes)["key"]

    async def post(self, recipients: list[dict[str, Any]], **fields: Any) -> httpx.Response:
        """Request a broadcast."""
        body = {"template_name": "hello", "recipients": recipients, **fields}
        return await self.api.post("/api/v1/broadcasts", json=body)

    async def send(self, recipients: list[dict[str, Any]], **fields: Any) -> str:
        """Create a broadcast; returns its id."""
        answer = await self.post(recipients, **fields)
        assert answer.status_code == 202, answer.text
        broadcast_id: str = answer.json()["data"]["broadcast_id"]
        return broadcast_id

    async def show(self, broadcast_id: str) -> dict[str, Any]:
        """The broadcast as the API shows it; asserts that its counts add up."""
        answer = await self.api.get(f"/api/v1/broadcasts/{broadcast_id}")
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        same_etag = self._shown.setdefault((broadcast_id, answer.headers["etag"]), data)
        assert data == same_etag, "a 304 would have said that nothing has changed"
        parts = ("sent", "failed", "pending", "uncertain", "cancelled")
        assert sum(data[f"{part}_count"] for part in parts) == data["total_recipients"], data
        assert data["sent_count"] >= data["delivered_count"] >= data["read_count"] >= data["replied_count"]
        return data

    async def until(
        self, broadcast_id: str, true: Callable[[dict[str, Any]], bool], timeout_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """The broadcast once `true` returns True for it; checked after changes."""
        shown: dict[str, Any] = {}
        try:
            with anyio.fail_after(timeout_s):
                row = await self.running.ctx.db.read(partial(_row_id, uuid=broadcast_id))
                with self.running.ctx.changes.watch(row) as changed:
                    while True:
                        changed.clear()
                        shown = await self.show(broadcast_id)
                        if true(shown):
                            return shown
                        await anyio.sleep(LOOK_S)
                        with anyio.move_on_after(0.5):  # a hold can change without a change of rows
                            await changed.wait()
        except TimeoutError as error:
            raise AssertionError(f"still not so after {timeout_s} s: {shown}") from error

    async def until_status(
        self, broadcast_id: str, status: str, timeout_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """The broadcast once it has this status."""
        return await self.until(broadcast_id, lambda shown: shown["status"] == status, timeout_s)


def _row_id(tx: Any, uuid: str) -> int:
    row_id: int = tx.execute("SELECT id FROM broadcast WHERE uuid = ?", (uuid,)).fetchone()[0]
    return row_id


@asynccontextmanager
async def _same_time(sim: Simulator, clock: ShiftClock) -> AsyncIterator[None]:
    """Let the simulated Meta have the true time of a clock."""

    def follow(ahead: Millis) -> None:
        sim.change(date_ahead_s=ahead / SECOND)

    follow(clock.ahead)
    clock.on_change = follow
    yield
    clock.on_change = lambda _: None


@cache
def _empty_database() -> bytes:
    """The file of a database in which there is nothing yet: to make one takes a fifth of a site's work."""

    async def make(folder: str) -> bytes:
        file = anyio.Path(folder) / "wacrmd.db"
        async with Database.open(Path(file), ShiftClock()):
            pass
        return await file.read_bytes()

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as own_loop:
        return own_loop.submit(asyncio.run, make(folder)).result()


def _begun(config: Config) -> Config:
    """Put an empty database in its place, unless there is one, or something of one: what comes of that a test may show."""
    file = config.storage.path
    if not any(file.parent.glob(f"{file.name}*")):
        file.touch(mode=0o600)
        file.write_bytes(_empty_database())
    return config


@asynccontextmanager
async def site(
    folder: Path,
    *,
    extra: str = "",
    clock: ShiftClock | None = None,
    messages_per_second: float = 500,
    key: str = "",
    **options: Any,
) -> AsyncIterator[Site]:
    """A site in `folder`; `extra` is added to the configuration, `options` are those of the simulated Meta.

    `key` is one of an earlier run on the same database; otherwise one is made.
    """
    clock = clock or ShiftClock()
    settings = Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN, **options)
    async with (
        Simulator.running(settings) as sim,
        _same_time(sim, clock),
        daemon.run(_begun(configuration(folder, sim.url, extra)), clock) as running,
        plain_client(f"http://{running.api_address}") as api,
        plain_client(f"http://{running.meta_webhooks_address}") as hook,
    ):
        if settings.webhook_url is None:
            sim.change(webhook_url=f"http://{running.meta_webhooks_address}/webhooks/meta")
        made = Site(running, sim, clock, folder / "admin.sock", api, hook, key)
        await anyio.to_thread.run_sync(made.set_up, messages_per_second)
        api.headers["Authorization"] = f"Bearer {made.key}"
        try:
            yield made
        finally:
            sim.change(hold_answers=False)  # the daemon's stop waits for requests in flight
