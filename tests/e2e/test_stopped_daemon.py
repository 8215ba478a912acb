"""A daemon that did not run for a while: what Meta answered meanwhile is read, and nothing is uncertain."""

import os
import signal
from functools import partial
from pathlib import Path

import anyio
import pytest

from tests.e2e.process import Daemon
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import ACCESS_TOKEN, APP_SECRET, people
from wacrmd.simulator import Options, Simulator

pytestmark = pytest.mark.anyio

COUNT = 1000
READ_TIMEOUT_S = 2.0


def has_taken(sim: Simulator, count: int) -> bool:
    return bool(sim.ledger.counts()["total"] >= count)


@pytest.mark.exhaustive(only=True)
async def test_no_recipient_is_uncertain_after_a_stop_longer_than_the_read_timeout(tmp_path: Path) -> None:
    """Answers wait in the sockets while the daemon is stopped. No status could settle an uncertain recipient."""
    async with Simulator.running(
        Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN, latency_ms=500)
    ) as sim:
        daemon = Daemon(tmp_path, sim, rate=500, read_timeout_s=READ_TIMEOUT_S)
        sim.change(webhooks=False)
        try:
            await daemon.set_up()
            async with daemon.client() as api:
                answer = await api.post(
                    "/api/v1/broadcasts", json={"template_name": "hello", "recipients": people(COUNT)}
                )
                assert answer.status_code == 202, answer.text
                url = f"/api/v1/broadcasts/{answer.json()['data']['broadcast_id']}"
                for taken in (COUNT // 5, COUNT // 2):
                    await eventually(partial(has_taken, sim, taken))
                    assert daemon.process is not None
                    os.kill(daemon.process.pid, signal.SIGSTOP)
                    await anyio.sleep(READ_TIMEOUT_S + 1)
                    os.kill(daemon.process.pid, signal.SIGCONT)
                with anyio.fail_after(PATIENCE_S):
                    shown = (await api.get(url)).json()["data"]
                    while shown["pending_count"] or shown["status"] != "sent":
                        await anyio.sleep(0.1)
                        shown = (await api.get(url)).json()["data"]
        finally:
            await daemon.kill()
    assert (shown["sent_count"], shown["uncertain_count"]) == (COUNT, 0)
    assert sim.ledger.counts()["total"] == sim.ledger.counts()["distinct_to"] == COUNT
