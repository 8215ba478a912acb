"""A daemon that is killed in a flood of webhooks: what it answered 200 is on disk."""

import asyncio
import json
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.e2e.process import Daemon
from tests.support.meta import metadata
from tests.support.patience import PATIENCE_S
from tests.support.site import ACCESS_TOKEN, APP_SECRET, WABA_ID
from wacrmd.simulator import Options, Simulator
from wacrmd.simulator.payloads import encoded, envelope, signature

pytestmark = pytest.mark.anyio

CALLERS = 64
ENOUGH = 300


@pytest.mark.exhaustive(only=True)
async def test_no_webhook_that_was_answered_200_is_lost_at_kill_9(tmp_path: Path) -> None:
    answered: set[str] = set()
    enough = asyncio.Event()
    numbers = count()
    async with Simulator.running(Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN)) as sim:
        daemon = Daemon(tmp_path, sim)
        await daemon.set_up()

        async def flood(client: httpx.AsyncClient) -> None:
            """Post messages of people, one in each webhook, until the daemon is gone."""
            while True:
                message_id = f"wamid.flood{next(numbers)}"
                message = {
                    "id": message_id,
                    "from": "14155550100",
                    "type": "image",
                    "timestamp": "1795000000",
                }
                body = encoded(envelope(WABA_ID, "messages", {"metadata": metadata(), "messages": [message]}))
                headers = {"X-Hub-Signature-256": signature(APP_SECRET, body)}
                try:
                    answer = await client.post("/webhooks/meta", content=body, headers=headers)
                except httpx.TransportError:
                    return
                assert answer.status_code in (200, 503), answer.text
                if answer.status_code == 200:
                    answered.add(message_id)
                    if len(answered) >= ENOUGH:
                        enough.set()

        address = f"http://127.0.0.1:{daemon.webhook_port}"
        limits = httpx.Limits(max_connections=CALLERS)
        async with (
            httpx.AsyncClient(base_url=address, timeout=PATIENCE_S, limits=limits) as client,
            asyncio.TaskGroup() as tasks,
        ):
            for _ in range(CALLERS):
                tasks.create_task(flood(client))
            async with asyncio.timeout(PATIENCE_S):
                await enough.wait()
            await daemon.kill()
    with closing(sqlite3.connect(tmp_path / "wacrmd.db")) as connection:
        stored = {row[0] for row in connection.execute("SELECT id FROM inbound_message")}
    assert len(answered) >= ENOUGH
    assert answered <= stored, json.dumps(sorted(answered - stored))
