"""A daemon and a simulated Meta that know each other, on a temporary database, with one account, number and key."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio.to_thread
import httpx

from wacrmd import daemon
from wacrmd.admin.client import AdminClient
from wacrmd.clock import SystemClock
from wacrmd.config import parse
from wacrmd.demo.templates import OFFER, TEMPLATES
from wacrmd.fields import JsonObject
from wacrmd.simulator import Options, Simulator

ACCOUNT = "demo"
PHONE_NUMBER_ID = "106540352242922"
WABA_ID = "102290129340398"
ACCESS_TOKEN = "a token for the simulated Meta only"  # noqa: S105 - no secret: the real Meta does not know it
APP_SECRET = "the app secret of the simulated Meta"  # noqa: S105 - as above
BETWEEN_THOUSANDS = "\N{NARROW NO-BREAK SPACE}"
"""In the numbers of the dashboard."""
FIRST_PHONE = 14_152_000_000
_FILE = re.compile(r'(?:href|src)="(/static/[^"]+)"')
"""A file that a page of the dashboard loads."""
BEHAVIOUR: JsonObject = {
    "latency_ms": 90,
    "latency_jitter_ms": 60,
    "delivered_share": 0.95,
    "read_share": 0.6,
    "replied_share": 0.08,
    "insights": True,
    "clicked_share": 0.2,
    "failed_share": 0.03,
    "failed_codes": (131026, 131026, 131049, 130472),
    "reply_texts": ("Thank you!", "Yes, please", "What do they cost?"),
    "stop_share": 0.05,
    "sent_after_ms": 80,
    "delivered_after_ms": 600,
    "read_after_ms": 2500,
    "replied_after_ms": 4000,
    "failed_after_ms": 700,
    "twice_share": 0.05,
    "early_share": 0.05,
    "shuffle": True,
}
"""Usual shares: most messages are delivered, some are read, a few are answered; webhooks come in any order."""


@dataclass(frozen=True, slots=True)
class DemoSite:
    """The running daemon and simulated Meta, and a key for the API."""

    meta: Simulator
    api_url: str
    dashboard_url: str
    key: str
    folder: Path

    @property
    def socket(self) -> Path:
        """The daemon's admin socket."""
        return self.folder / "admin.sock"

    @property
    def log_file(self) -> Path:
        """The daemon's log: a file, because the terminal shows the broadcast."""
        return self.folder / "wacrmd.log"

    async def send(self, recipients: int) -> str:
        """Post a broadcast as a local app does; its id."""
        people = [
            {"to": f"+{FIRST_PHONE + n}", "params": [f"customer {n + 1}", "20 %"]} for n in range(recipients)
        ]
        async with self._api() as api:
            answer = await api.post(
                "/api/v1/broadcasts",
                json={"name": "Spring offer", "template_name": OFFER, "recipients": people},
            )
            answer.raise_for_status()
            return str(answer.json()["data"]["broadcast_id"])

    def watch(self, broadcast_id: str) -> Iterator[JsonObject]:
        """The items of `broadcast.watch`, until the broadcast is finished; blocks."""
        with AdminClient(self.socket) as client:
            yield from client.stream("broadcast.watch", {"id": broadcast_id})

    async def link(self) -> str:
        """A link that logs one browser in to the dashboard, once, within two minutes."""

        def ask() -> str:
            with AdminClient(self.socket) as client:
                return str(client.call("dashboard", {})["url"])

        return await anyio.to_thread.run_sync(ask)

    async def differences(self, broadcast_id: str) -> list[str]:
        """Where the simulated Meta, wacrmd and its dashboard differ, once all webhooks are delivered."""
        await self.meta.idle(timeout_s=60)
        async with self._api() as api:
            answer = await api.get(f"/api/v1/broadcasts/{broadcast_id}")
            answer.raise_for_status()
            shown = answer.json()["data"]
        ledger = self.meta.ledger
        with_status = {
            status: sum(status in entry.statuses for entry in ledger.entries)
            for status in ("delivered", "read", "failed")
        }
        counts = ledger.counts()
        pairs = [
            ("messages accepted by Meta", counts["total"], shown["total_recipients"]),
            ("people who got one", counts["distinct_to"], shown["total_recipients"]),
            ("delivered", with_status["delivered"], shown["delivered_count"]),
            ("read", with_status["read"], shown["read_count"]),
            ("failed", with_status["failed"], shown["failed_count"]),
            ("sent", counts["total"] - with_status["failed"], shown["sent_count"]),
        ]
        return [
            f"{name}: {theirs} according to Meta, {ours} according to wacrmd"
            for name, theirs, ours in pairs
            if theirs != ours
        ] + await self._missing_in_dashboard(shown)

    async def _missing_in_dashboard(self, shown: JsonObject) -> list[str]:
        """What the dashboard does not show of a broadcast to somebody who opens a link."""
        token = (await self.link()).partition("#")[2]
        counts = ("total_recipients", "sent_count", "delivered_count", "read_count", "failed_count")
        pages = {
            "/broadcasts": (shown["name"], shown["id"]),
            f"/broadcasts/{shown['id']}": (shown["name"], *(str(shown[count]) for count in counts)),
        }
        async with httpx.AsyncClient(
            base_url=self.dashboard_url, headers={"Sec-Fetch-Site": "same-origin"}, timeout=30
        ) as browser:
            await browser.get("/login")
            login = "".join(browser.cookies.values())  # the page has one cookie, and the same in its form
            await browser.post("/login/link", data={"token": token, "login": login})
            texts = {path: (await browser.get(path)).text.replace(BETWEEN_THOUSANDS, "") for path in pages}
            files = sorted({file for text in texts.values() for file in _FILE.findall(text)})
            missing = [file for file in files if (await browser.get(file)).is_error]
        if missing or not files:
            return [f"the pages of the dashboard lack files: {missing}"]
        return [
            f"the dashboard does not show {each!r} at {path}"
            for path, expected in pages.items()
            for each in expected
            if each not in texts[path]
        ]

    def _api(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.api_url, headers={"Authorization": f"Bearer {self.key}"}, timeout=30
        )


@asynccontextmanager
async def run_site(folder: Path, recipients: int) -> AsyncIterator[DemoSite]:
    """Run both until the block ends. A broadcast may have as many as `recipients`, or 1,000."""
    options = Options(access_token=ACCESS_TOKEN, app_secret=APP_SECRET, templates=TEMPLATES, **BEHAVIOUR)
    async with Simulator.running(options) as meta:
        config = parse(
            f"""
            [storage]
            path = {json.dumps(str(folder / "wacrmd.db"))}
            [api]
            bind = "127.0.0.1:0"
            [webhooks]
            bind = "127.0.0.1:0"
            [dashboard]
            bind = "127.0.0.1:0"
            [admin]
            socket = {json.dumps(str(folder / "admin.sock"))}
            [meta]
            graph_url = "{meta.url}"
            [templates]
            clicks_interval_minutes = 1
            [limits]
            max_recipients = {max(1000, recipients)}
            requests_per_minute = 6000
            """,
            "demo",
        )
        async with daemon.run(config, SystemClock()) as site:
            meta.change(webhook_url=f"http://{site.meta_webhooks_address}{config.webhooks.path}")
            key = await anyio.to_thread.run_sync(partial(_set_up, folder / "admin.sock"))
            listener = site.dashboard_listener
            if listener is None:
                raise AssertionError("the demo's configuration has a dashboard")
            yield DemoSite(meta, f"http://{site.api_address}", f"http://{listener.address}", key, folder)


def _set_up(socket: Path) -> str:
    """Add account, number and key over the admin socket, as an operator does once; returns the key."""
    with AdminClient(socket) as client:
        client.call("account.add", {"name": ACCOUNT})
        client.call(
            "number.add",
            {
                "account": ACCOUNT,
                "phone_number_id": PHONE_NUMBER_ID,
                "waba_id": WABA_ID,
                "access_token": ACCESS_TOKEN,
                "app_secret": APP_SECRET,
                "verify_token": "demo",
                "label": "Demo shop",
            },
        )
        client.call("number.check", {"id": PHONE_NUMBER_ID, "subscribe": True})
        client.call("template.sync", {"account": ACCOUNT})
        made = client.call(
            "key.create", {"account": ACCOUNT, "name": "demo app", "scopes": ["broadcasts:send"]}
        )
        key: str = made["key"]
        return key
