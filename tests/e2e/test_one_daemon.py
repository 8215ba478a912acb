"""A second daemon does not start on the file of the first, whatever path its configuration has."""

import re
import shutil
import subprocess
from pathlib import Path

import anyio.to_thread
import pytest

from tests.e2e.process import Daemon
from tests.support.fork_server import WACRMD, fork_server
from tests.support.patience import eventually
from tests.support.site import ACCESS_TOKEN, APP_SECRET, people
from wacrmd.simulator import Options, Simulator

pytestmark = pytest.mark.anyio


async def test_a_second_daemon_on_the_same_file_names_the_first_and_sends_nothing(tmp_path: Path) -> None:
    """With `resend`, a second daemon would take all attempts of the first for lost ones and repeat them."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    options = Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN, latency_ms=60_000)
    async with Simulator.running(options) as sim:
        daemon = Daemon(home, sim, sender='on_uncertain = "resend"')
        daemon.forked = False  # its command line is told
        try:
            await daemon.set_up()
            async with daemon.client() as api:
                body = {"template_name": "hello", "recipients": people(10)}
                assert (await api.post("/api/v1/broadcasts", json=body)).status_code == 202
            await eventually(lambda: sim.ledger.counts()["total"] == 10)
            assert daemon.process is not None
            for name in ("link", "hard"):
                path = elsewhere / f"{name}.db"
                path.symlink_to(home / "wacrmd.db") if name == "link" else path.hardlink_to(
                    home / "wacrmd.db"
                )
                shutil.copy2(home / "wacrmd.db.key", elsewhere / f"{name}.db.key")
                config = elsewhere / f"{name}.toml"
                text = (home / "config.toml").read_text()
                text = text.replace(f"{home}/wacrmd.db", str(path)).replace(
                    f"{home}/admin", f"{elsewhere}/admin"
                )
                config.write_text(re.sub(r'bind = "127.0.0.1:\d+"', 'bind = "127.0.0.1:0"', text))
                done = await anyio.to_thread.run_sync(run, config)
                assert done.returncode == 75, done.stderr
                assert (
                    f"{path} is in use by another wacrmd (process {daemon.process.pid}, started"
                    in done.stderr
                )
                assert f"serve --config {home}/config.toml)" in done.stderr
            assert sim.ledger.counts()["total"] == 10
        finally:
            await daemon.kill()


def run(config: Path) -> subprocess.CompletedProcess[str]:
    """The second daemon; it must end by itself."""
    try:
        return fork_server().run(WACRMD, "serve", "--config", config, timeout=20)
    except subprocess.TimeoutExpired:
        pytest.fail("a second daemon has started")
