"""The daemon is killed while rules send again: a failure and what follows from it are on disk together, or neither is."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.process import Daemon
from tests.support.patience import eventually
from tests.support.site import ACCESS_TOKEN, APP_SECRET, people, phones
from wacrmd.clock import DAY
from wacrmd.simulator import Options, Simulator

pytestmark = pytest.mark.anyio
PEOPLE = 240
RULES = [{"codes": [131049], "after_hours": 24, "times": 1}]


def rows(daemon: Daemon, sql: str) -> list[Any]:
    """Rows of the file, with or without a running daemon."""
    with closing(sqlite3.connect(daemon.folder / "wacrmd.db")) as db, db:
        return db.execute(sql).fetchall()


def count(daemon: Daemon, condition: str) -> int:
    found: int = rows(daemon, f"SELECT count(*) FROM recipient WHERE {condition}")[0][0]
    return found


async def waiting_for_a_rule(daemon: Daemon, least: int) -> None:
    await eventually(lambda: count(daemon, "rule_retries = 1") >= least)


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("way", ["answer", "status"])
async def test_each_failure_is_sent_again_once_whenever_the_daemon_is_killed(
    tmp_path: Path, way: str
) -> None:
    wrong = tuple(f"{phone}=131049" for phone in phones(PEOPLE))
    option = "refused_recipients" if way == "answer" else "failed_recipients"
    fails: dict[str, Any] = {option: wrong}
    async with Simulator.running(Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN, **fails)) as sim:
        daemon = Daemon(tmp_path, sim, sender='on_uncertain = "hold"')
        await daemon.set_up()
        try:
            async with daemon.client() as client:
                body = {"template_name": "hello", "recipients": people(PEOPLE), "retry_rules": RULES}
                answer = await client.post("/api/v1/broadcasts", json=body)
                assert answer.status_code == 202, answer.text
            for part in range(1, 4):
                await waiting_for_a_rule(daemon, part * PEOPLE // 5)
                await daemon.kill()
                assert count(daemon, "status = 'failed'") == 0, "a failure without what follows from it"
                assert count(daemon, "rule_retries = 1 AND status != 'pending'") == 0
                await daemon.restart()
            await eventually(lambda: not count(daemon, "attempt = 0 OR status IN ('sending', 'sent')"))
            await sim.idle()  # a status that comes again ends an uncertainty
            waiting = "status = 'pending' AND rule_retries = 1 AND attempt = 1 AND failed_attempt = 1"
            assert count(daemon, f"({waiting}) OR status = 'uncertain'") == PEOPLE
            ((soonest, at),) = rows(
                daemon, f"SELECT min(next_attempt_at), min(claimed_at) FROM recipient WHERE {waiting}"
            )
            assert soonest >= at // 1000 * 1000 + DAY, "Meta's times are whole seconds"
            await daemon.kill()
            again = count(daemon, waiting)
            rows(daemon, "UPDATE recipient SET next_attempt_at = 0 WHERE status = 'pending'")  # a day later
            await daemon.restart()
            await eventually(lambda: count(daemon, "status = 'failed'") >= again // 3)
            await daemon.kill()
            await daemon.restart()
            await eventually(lambda: not count(daemon, "status IN ('pending', 'sending', 'sent')"))
            await sim.idle()
            assert count(daemon, "rule_retries > 1 OR attempt > 2") == 0
            assert count(daemon, "status IN ('failed', 'uncertain')") == PEOPLE
            assert rows(daemon, "SELECT status FROM broadcast") == [("sent",)]
            if way == "status":
                sends = [entry.send.input for entry in sim.ledger.entries]
                assert max(map(sends.count, set(sends))) <= 2
                assert sim.ledger.counts()["duplicate_callback_data"] == 0, "no attempt was made twice"
        finally:
            await daemon.kill()
