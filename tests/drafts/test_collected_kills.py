"""A daemon that is killed while a program fills a draft, sends or deletes it: nobody is lost, nor there twice."""

import random
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from tests.drafts.drafting import BY_HAND, TEMPLATES
from tests.drafts.test_draft_kills import recipients_in
from tests.e2e.process import Daemon
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import ACCESS_TOKEN, APP_SECRET, phones
from wacrmd.clock import iso
from wacrmd.simulator import Options, Simulator

pytestmark = pytest.mark.anyio

PARTS = 6
PART = 400
GAP_S = 0.15
"""A part takes some 50 ms: a kill falls anywhere in it, or between two."""


class Program:
    """A program that repeats each request with its key until it is answered, as docs/api.md says."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.asked = 0
        """Requests that were made, answered or not."""

    async def until_answered(self, method: str, path: str, key: str = "", **body: Any) -> httpx.Response:
        """The answer of a daemon that may be killed meanwhile; each 503 says that nothing was stored."""
        headers = {"Authorization": self.daemon.key} | ({"Idempotency-Key": key} if key else {})
        while True:
            self.asked += 1
            try:
                async with httpx.AsyncClient(
                    base_url=f"http://127.0.0.1:{self.daemon.api_port}/api/v1"
                ) as api:
                    answer = await api.request(method, path, json=body or None, headers=headers)
                if answer.status_code < 500:
                    return answer
            except httpx.HTTPError:
                pass
            await anyio.sleep(0.01)

    async def fill(self) -> str:
        """Make a draft, and add the people part by part; its id."""
        new = {
            "template_name": "order_update",
            "draft": True,
            "scheduled_at": iso(int(time.time() + 100 * 86_400) * 1000),
        }
        made = await self.until_answered("POST", "/broadcasts", "the draft", **new)
        draft: str = made.json()["data"]["broadcast_id"]
        for at in range(PARTS):
            given = [
                {"to": phone, "params": ["Jane", "A-1"]}
                for phone in phones(PART + 10, max(0, at * PART - 10))
            ]
            answer = await self.until_answered(
                "POST", f"/broadcasts/{draft}/recipients", f"part {at}", recipients=given
            )
            assert answer.status_code == 202, answer.text
        return draft


async def killed(daemon: Daemon, chance: random.Random, stop: anyio.Event) -> int:
    """Kill the daemon again and again; how often."""
    count = 0
    while not stop.is_set():
        await anyio.sleep(chance.uniform(0.02, GAP_S))
        await daemon.kill()
        count += 1
        await daemon.restart()
    return count


@pytest.mark.exhaustive(only=True)
async def test_a_program_fills_sends_and_deletes_drafts_of_a_daemon_that_is_killed(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    options = Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN, templates=TEMPLATES)
    async with Simulator.running(options) as sim:
        daemon = Daemon(tmp_path, sim)
        config = tmp_path / "config.toml"
        config.write_text(config.read_text() + BY_HAND.partition("[meta]")[0])
        await daemon.set_up()
        await daemon.admin("template.sync", account="shop")
        program, stop, kills = Program(daemon), anyio.Event(), 0

        async def kill() -> None:
            nonlocal kills
            kills = await killed(daemon, chance, stop)

        try:
            with anyio.fail_after(PATIENCE_S * 2):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(kill)
                    draft = await program.fill()
                    other = (
                        await program.until_answered(
                            "POST",
                            "/broadcasts",
                            "another",
                            template_name="order_update",
                            draft=True,
                            recipients=[
                                {"to": phone, "params": ["Jane", "A-1"]} for phone in phones(1000, 50_000)
                            ],
                        )
                    ).json()["data"]["broadcast_id"]
                    sent = await program.until_answered("POST", f"/broadcasts/{draft}/send")
                    gone = await program.until_answered("DELETE", f"/broadcasts/{other}")
                    stop.set()
                await eventually(lambda: not recipients_in(tmp_path, other))
            shown = await daemon.admin("broadcast.show", id=draft)
            problems = (await daemon.admin("check-db"))["problems"]
        finally:
            await daemon.kill()
    told = f"seed {seed}, {kills} kills, {program.asked} requests"
    assert problems == [], told
    assert sent.status_code in (202, 409), told  # 409: the answer was lost
    assert gone.status_code in (204, 404), told
    assert (shown["status"], shown["total_recipients"]) == ("scheduled", PARTS * PART), told
    assert recipients_in(tmp_path, draft) == phones(PARTS * PART), told
    with closing(sqlite3.connect(tmp_path / "wacrmd.db")) as db:
        assert db.execute("SELECT count(*) FROM person").fetchone() == (PARTS * PART,), told
    assert len(sim.ledger) == 0, told
