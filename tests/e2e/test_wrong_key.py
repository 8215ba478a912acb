"""A daemon whose key file is not that of its database stops at the start, with one sentence and exit code 78."""

import base64
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import anyio.to_thread
import pytest

from tests.e2e.process import Daemon
from tests.support.fork_server import WACRMD, fork_server
from tests.support.site import ACCESS_TOKEN, APP_SECRET
from wacrmd import key_file
from wacrmd.simulator import Options, Simulator

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]


def another_key(path: Path) -> str:
    path.write_bytes(base64.b64encode(os.urandom(32)))
    return f"has the key {key_file.read(path)[0].fingerprint}, and"


def missing(path: Path) -> str:
    path.unlink()
    return "is missing: put back your copy of it"


def readable(path: Path) -> str:
    path.chmod(0o644)
    return "can be read by others (mode 0644): run chmod 600"


def cut_off(path: Path) -> str:
    path.write_bytes(path.read_bytes()[:20])
    return "does not hold a key"


def empty(path: Path) -> str:
    path.write_bytes(b"")
    return "does not hold a key"


CHANGES: list[Callable[[Path], str]] = [another_key, missing, readable, cut_off, empty]


def started(folder: Path) -> subprocess.CompletedProcess[str]:
    """A daemon that is expected to end by itself."""
    line = ["serve", "--config", folder / "config.toml"]
    try:
        return fork_server().run(WACRMD, *line, timeout=20)
    except subprocess.TimeoutExpired:
        pytest.fail("the daemon has started")


@pytest.mark.parametrize("has_secrets", [True, False])
async def test_the_start_stops_with_one_sentence(tmp_path: Path, has_secrets: bool) -> None:
    async with Simulator.running(Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN)) as sim:
        daemon = Daemon(tmp_path, sim)
        if has_secrets:
            await daemon.set_up()
        else:
            daemon.start()
            assert await daemon.ready()
        assert await daemon.stop() == 0
        path = tmp_path / "wacrmd.db.key"
        own = key_file.read(path)[0].fingerprint
        shutil.copy2(path, tmp_path / "copy")
        for change in CHANGES if has_secrets else CHANGES[:2]:
            said = change(path)
            done = await anyio.to_thread.run_sync(started, tmp_path)
            errors = [line for line in done.stderr.splitlines() if not line.startswith("{")]
            assert done.returncode == 78, (change, done.stderr)
            assert len(errors) == 1, errors
            assert errors[0].startswith(f"wacrmd: the key file {path} {said}"), errors
            assert f"needs the key {own}" in errors[0]
            shutil.copy2(tmp_path / "copy", path)
        await daemon.restart()
        assert await daemon.stop() == 0


async def test_a_file_that_does_not_say_its_key_is_known_by_its_secrets(tmp_path: Path) -> None:
    """One of an earlier build."""
    path, database = tmp_path / "wacrmd.db.key", tmp_path / "wacrmd.db"
    async with Simulator.running(Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN)) as sim:
        daemon = Daemon(tmp_path, sim)
        await daemon.set_up()
        assert await daemon.stop() == 0
        shutil.copy2(path, tmp_path / "copy")
        with sqlite3.connect(database) as connection:
            connection.execute("DELETE FROM setting WHERE key = 'key_fingerprint'")
        connection.close()
        another_key(path)
        done = await anyio.to_thread.run_sync(started, tmp_path)
        assert done.returncode == 78
        assert f"which cannot decrypt the secrets in {database}: put back the key file" in done.stderr
        path.unlink()
        done = await anyio.to_thread.run_sync(started, tmp_path)
        assert done.returncode == 78
        assert not path.exists(), "no new key is made for old secrets"
        shutil.copy2(tmp_path / "copy", path)
        await daemon.restart()
        assert await daemon.stop() == 0
        another_key(path)
        done = await anyio.to_thread.run_sync(started, tmp_path)
        assert f"needs the key {key_file.read(tmp_path / 'copy')[0].fingerprint}" in done.stderr
