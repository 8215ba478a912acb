"""Nobody reads the daemon's standard error: lines are lost, and nothing else."""

import fcntl
import os
import shlex
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from tests.e2e.process import Daemon
from tests.support.patience import PATIENCE_S
from tests.support.site import ACCESS_TOKEN, APP_SECRET, people
from wacrmd.simulator import Options, Simulator

pytestmark = pytest.mark.anyio


@pytest.mark.exhaustive(only=True)
async def test_a_full_pipe_stops_nothing_and_is_told(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)
    options = Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN, error_share=0.3, error_code=131026)
    async with Simulator.running(options) as sim:
        daemon = Daemon(tmp_path, sim)
        try:
            await daemon.set_up(log=theirs)
            await daemon.admin("log-level", level="debug", minutes=10)
            async with daemon.client() as client:
                for start in range(0, 2000, 500):
                    body = {"template_name": "hello", "recipients": people(500, start)}
                    answer = await client.post("/api/v1/broadcasts", json=body)
                    assert answer.status_code == 202
                    path = f"/api/v1/broadcasts/{answer.json()['data']['broadcast_id']}"
                    with anyio.fail_after(PATIENCE_S):
                        while (await client.get(path)).json()["data"]["status"] != "sent":  # noqa: ASYNC110 - another process
                            await anyio.sleep(0.1)
            status = await daemon.admin("status")
            assert any("Nobody has read the log" in each for each in status["warnings"])
            doctor = await daemon.admin("doctor")
            assert [each["state"] for each in doctor["checks"] if each["check"] == "log"] == ["warn"]
            assert await daemon.stop() == 0
        finally:
            await daemon.kill()
            os.close(theirs)
            os.close(ours)


def without_streams(config: Path) -> subprocess.Popen[bytes]:
    """A daemon that was started with its standard streams closed."""
    line = shlex.join([sys.executable, "-m", "wacrmd.cli.main", "serve", "--config", str(config)])
    return subprocess.Popen(["sh", "-c", f"exec {line} <&- >&- 2>&-"])


@pytest.mark.exhaustive(only=True)
async def test_a_daemon_whose_standard_streams_are_closed_runs(tmp_path: Path) -> None:
    options = Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN)
    async with Simulator.running(options) as sim:
        daemon = Daemon(tmp_path, sim)
        daemon.process = without_streams(tmp_path / "config.toml")
        assert await daemon.ready()
        assert await daemon.stop() == 0
