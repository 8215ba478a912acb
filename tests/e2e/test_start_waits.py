"""A start that the disk prevents is tried again until it works, and says so; one that nothing can mend ends with 78."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest

from tests.e2e.process import Daemon
from tests.support.clock import ShiftClock
from tests.support.disk import fill
from tests.support.patience import PATIENCE_S
from tests.support.site import configuration
from wacrmd.daemon import StartPostponedError, run
from wacrmd.simulator import Options, Simulator
from wacrmd.store.connection import open_writer
from wacrmd.store.migrate import migrate

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service manager that receives notifications."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listener


async def told(manager: socket.socket, text: str) -> str:
    """The first notification that contains `text`."""
    with anyio.fail_after(PATIENCE_S):
        while True:
            message = await anyio.to_thread.run_sync(manager.recv, 4096)
            if text in message.decode():
                return message.decode()


def events(folder: Path) -> list[dict[str, Any]]:
    """The lines of the daemon's log."""
    return [json.loads(line) for line in (folder / "daemon.log").read_text().splitlines() if line[:1] == "{"]


async def test_on_a_full_disk_a_start_waits_says_so_and_goes_on_when_there_is_space(
    small_disk: Path, tmp_path: Path, manager: socket.socket
) -> None:
    async with Simulator.running(Options(app_secret="s", access_token="t")) as sim:
        daemon = Daemon(tmp_path, sim)
        config = (tmp_path / "config.toml").read_text()
        (tmp_path / "config.toml").write_text(
            config.replace(f'"{tmp_path}/wacrmd.db"', f'"{small_disk}/wacrmd.db"')
        )
        daemon.start()
        assert await daemon.ready()
        await told(manager, "READY=1")
        assert await daemon.stop() == 0
        ballast = fill(small_disk)
        began = len(events(tmp_path))

        daemon.start()
        message = await told(manager, "Waits to start")
        assert "the disk is full" in message
        assert "EXTEND_TIMEOUT_USEC=" in message
        assert "READY=1" not in message
        await told(manager, "Waits to start")
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.ConnectError):  # Meta is told nothing, and repeats it
                await client.post(f"http://127.0.0.1:{daemon.webhook_port}/webhooks/meta")
        ballast.unlink()
        await told(manager, "READY=1")
        names = list[str]()
        with anyio.fail_after(PATIENCE_S):
            while "daemon_ready" not in names:  # nobody waits for the log
                await anyio.sleep(0.01)
                names = [each["event"] for each in events(tmp_path)[began:]]
        assert names.count("start_postponed") == 1
        assert names.count("daemon_ready") == 1
        assert await daemon.stop() == 0

        fill(small_disk)
        daemon.start()
        await told(manager, "Waits to start")
        assert await daemon.stop(within_s=10) == 0, "a signal ends it while it waits"


async def test_without_room_for_the_admin_socket_a_start_is_tried_again(
    small_disk: Path, tmp_path: Path
) -> None:
    disk = os.statvfs(small_disk)
    no_more_files = f"remount,nr_inodes={disk.f_files - disk.f_ffree}"
    await anyio.run_process(["mount", "-o", no_more_files, str(small_disk)])
    config = configuration(tmp_path, "http://127.0.0.1:9", f'[admin]\nsocket = "{small_disk}/admin.sock"')
    with pytest.raises(StartPostponedError, match=r"admin\.sock: No space left on device"):
        async with run(config, ShiftClock()):
            pass


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [("newer", "has schema 9999"), ("foreign", "is not a database of wacrmd"), ("damaged", "is damaged")],
)
def test_a_database_that_a_restart_does_not_mend_ends_the_daemon_with_78(
    tmp_path: Path, damage: str, sentence: str
) -> None:
    path = tmp_path / "wacrmd.db"
    with closing(open_writer(path)) as connection:
        migrate(connection, path)
        if damage == "newer":
            connection.execute("PRAGMA user_version = 9999")
        if damage == "foreign":
            connection.execute("PRAGMA application_id = 4711")
    if damage == "damaged":
        with path.open("r+b") as file:
            file.write(bytes(4096))
    config = tmp_path / "config.toml"
    config.write_text(f'[storage]\npath = "{path}"\n[admin]\nsocket = "{tmp_path}/admin.sock"\n')
    command = [sys.executable, "-m", "wacrmd.cli.main", "serve", "--config", str(config)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE_S)
    assert ended.returncode == 78
    assert sentence in ended.stderr
