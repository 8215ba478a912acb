"""The demonstration: a daemon and the simulated Meta on a temporary database, and one broadcast between them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx

from wacrmd import daemon
from wacrmd.admin.client import AdminClient
from wacrmd.clock import SystemClock
from wacrmd.config import parse
from wacrmd.simulator import Options, Simulator

ACCOUNT = "demo"
TEMPLATE = "spring_offer"
PHONE_NUMBER_ID = "106540352242922"
WABA_ID = "102290129340398"
ACCESS_TOKEN = "a token that only the simulated Meta takes"  # noqa: S105 - no secret: it opens nothing
APP_SECRET = "the app secret of the simulated Meta"  # noqa: S105 - as above
FIRST_PHONE = 14_152_000_000
LOOK_EVERY_S = 0.2
BEHAVIOUR: dict[str, Any] = {
    "latency_ms": 90,
    "latency_jitter_ms": 60,
    "delivered_share": 0.95,
    "read_share": 0.6,
    "replied_share": 0.08,
    "failed_share": 0.03,
    "sent_after_ms": 80,
    "delivered_after_ms": 600,
    "read_after_ms": 2500,
    "replied_after_ms": 4000,
    "failed_after_ms": 700,
    "twice_share": 0.05,
    "early_share": 0.05,
    "shuffle": True,
}
"""A Meta as it is on a good day: most people get it, some read it, a few answer, webhooks come in any order."""


@dataclass(frozen=True, slots=True)
class Demo:
    """The two programs, running, and a key for the API."""

    sim: Simulator
    api_url: str
    key: str
    folder: Path

    @property
    def socket(self) -> Path:
        """The daemon's admin socket."""
        return self.folder / "admin.sock"

    @property
    def log_file(self) -> Path:
        """Where the daemon's log goes, so that it does not run through the picture."""
        return self.folder / "wacrmd.log"

    async def send(self, recipients: int) -> dict[str, Any]:
        """Post a broadcast as a local app would; what the API answered."""
        people = [{"to": f"+{FIRST_PHONE + n}", "params": [f"customer {n + 1}"]} for n in range(recipients)]
        async with self._client() as client:
            answer = await client.post(
                "/api/v1/broadcasts",
                json={"name": "Spring offer", "template_name": TEMPLATE, "recipients": people},
            )
            answer.raise_for_status()
            data: dict[str, Any] = answer.json()["data"]
            return data

    async def watch(self, broadcast_id: str) -> AsyncIterator[dict[str, Any]]:
        """The broadcast as the API shows it, again and again, until every webhook of it has come in."""
        async with self._client() as client:
            while True:
                answer = await client.get(f"/api/v1/broadcasts/{broadcast_id}")
                answer.raise_for_status()
                shown: dict[str, Any] = answer.json()["data"]
                webhooks = self.sim.summary()["webhooks"]
                yield shown
                if shown["status"] == "sent" and webhooks["pending"] == 0:
                    return
                await anyio.sleep(LOOK_EVERY_S)

    def differences(self, shown: dict[str, Any]) -> list[str]:
        """What the simulated Meta's ledger and the daemon's counts disagree about; empty when all is true."""
        ledger = self.sim.ledger
        told = {
            status: sum(status in entry.statuses for entry in ledger.entries)
            for status in ("delivered", "read", "failed")
        }
        counts = ledger.counts()
        pairs = [
            ("messages taken by Meta", counts["total"], shown["total_recipients"]),
            ("people who got one", counts["distinct_to"], shown["total_recipients"]),
            ("delivered", told["delivered"], shown["delivered_count"]),
            ("read", told["read"], shown["read_count"]),
            ("failed", told["failed"], shown["failed_count"]),
            ("sent", counts["total"] - told["failed"], shown["sent_count"]),
        ]
        return [
            f"{name}: Meta's ledger says {theirs}, wacrmd says {ours}"
            for name, theirs, ours in pairs
            if theirs != ours
        ]

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.api_url, headers={"Authorization": f"Bearer {self.key}"}, timeout=30
        )


@asynccontextmanager
async def running(folder: Path, recipients: int) -> AsyncIterator[Demo]:
    """A daemon and a simulated Meta that know each other, with one account, number and key."""
    options = Options(access_token=ACCESS_TOKEN, app_secret=APP_SECRET, **BEHAVIOUR)
    async with Simulator.running(options) as sim:
        config = parse(
            f"""
            [storage]
            path = {json.dumps(str(folder / "wacrmd.db"))}
            [api]
            bind = "127.0.0.1:0"
            [webhooks]
            bind = "127.0.0.1:0"
            [admin]
            socket = {json.dumps(str(folder / "admin.sock"))}
            [meta]
            graph_url = "{sim.url}"
            [limits]
            max_recipients = {max(1000, recipients)}
            requests_per_minute = 6000
            """,
            "demo",
        )
        async with daemon.run(config, SystemClock()) as site:
            sim.change(webhook_url=f"http://{site.webhooks_address}{config.webhooks.path}")
            key = await anyio.to_thread.run_sync(partial(_configure, folder / "admin.sock"))
            yield Demo(sim, f"http://{site.api_address}", key, folder)


def _configure(socket: Path) -> str:
    """What an operator does once, over the admin socket; returns a key for a local app."""
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
        made = client.call(
            "key.create", {"account": ACCOUNT, "name": "demo app", "scopes": ["broadcasts:send"]}
        )
        key: str = made["key"]
        return key
