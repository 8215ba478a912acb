"""A hand-over that is killed between any two of its steps: never are there two databases that may send."""

import signal
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from tests.e2e.process import Daemon
from tests.support.fork_server import fork_server
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import ACCESS_TOKEN, APP_SECRET, people, phones
from wacrmd.errors import WacrmdError
from wacrmd.simulator import Options, Simulator
from wacrmd.store import drains
from wacrmd.store.connection import open_reader

pytestmark = pytest.mark.anyio

COUNT = 60

DYING = """
import os, signal, sys
from importlib import import_module

step, when, call, *arguments = sys.argv[1:]
module, _, name = step.partition(":")
owner = import_module(module)
*path, name = name.split(".")
for part in path:
    owner = getattr(owner, part)
original, calls = getattr(owner, name), 0

def die(moment):
    if moment == when and calls == int(call):
        os.kill(os.getpid(), signal.SIGKILL)

def step(*args, **kwargs):
    global calls
    calls += 1
    die("before")
    done = original(*args, **kwargs)
    die("after")
    return done

setattr(owner, name, step)
from wacrmd.cli.main import main
sys.exit(main(arguments))
"""
"""wacrmd, killed before or after a call of one of its functions."""

STEPS = {
    "drained, not marked": ("wacrmd.store.drains:store", "before", 2),
    "marked, not committed": ("wacrmd.store.drains:store", "after", 2),
    "committed": ("wacrmd.store.backups:_copied", "before", 1),
    "copied, still marked": ("wacrmd.store.drains:make_heir", "before", 1),
    "mark of the copy removed": ("wacrmd.store.drains:make_heir", "after", 1),
    "copy checked": ("wacrmd.store.backups:_copied", "after", 1),
    "before the name": ("wacrmd.new_file:NewFile.publish", "before", 1),
    "after the name": ("wacrmd.new_file:NewFile.publish", "after", 1),
}
"""Moments at which the process dies: a function, before or after it, and which call of it."""


class DyingDaemon(Daemon):
    """The first process dies at a step."""

    step: tuple[str, str, int] | None

    def start(self, environ: Mapping[str, str] = {}, *, log: int | None = None) -> None:
        """Start a process; the first one will die."""
        if self.step is None:
            super().start(environ, log=log)
            return
        with (self.folder / "daemon.log").open("ab") as file:
            line = [*self.step, "serve", "--config", self.folder / "config.toml"]
            self.process = fork_server().start(DYING, *line, stdout=file.fileno(), stderr=file.fileno())
        self.step = None


def mark(database: Path) -> str:
    """What a daemon that starts on this database does."""
    with closing(open_reader(database)) as connection:
        drain = drains.stored(connection)
    if drain is None:
        return "sends"
    return "handed over" if drain.handed_over else "drained"


@pytest.mark.exhaustive(enough=2)
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
async def test_a_daemon_that_dies_leaves_one_database_that_may_send(
    tmp_path: Path, step: tuple[str, str, int]
) -> None:
    """The daemon writes the copy itself, as for a script: the only way on which it also gives it its name."""
    copy = tmp_path / "move.db"
    async with Simulator.running(Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN)) as sim:
        daemon = DyingDaemon(tmp_path, sim, rate=100)
        daemon.step = step
        try:
            await daemon.set_up()
            await send_some(daemon, sim)
            with suppress(WacrmdError):
                await daemon.admin("backup", file=str(copy), hand_over=True)
            assert daemon.process is not None
            await anyio.to_thread.run_sync(daemon.process.wait)
            assert daemon.process.returncode == -signal.SIGKILL
            found = mark(tmp_path / "wacrmd.db")
            if copy.exists():
                assert (mark(copy), found) == ("sends", "handed over")
            else:
                assert found != "sends"
            await goes_on_when_told(daemon, sim, has_copy=copy.exists())
        finally:
            await daemon.kill()


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_command_that_dies_leaves_one_database_that_may_send(tmp_path: Path, when: str) -> None:
    """The command gives the copy its name, when the daemon has answered."""
    copy = tmp_path / "elsewhere" / "move.db"
    copy.parent.mkdir()
    async with Simulator.running(Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN)) as sim:
        daemon = Daemon(tmp_path, sim, rate=100)
        try:
            await daemon.set_up()
            await send_some(daemon, sim)
            line = ["--socket", str(tmp_path / "admin.sock"), "backup", "--hand-over", str(copy)]
            dying = partial(fork_server().run, timeout=PATIENCE_S)
            done = await anyio.to_thread.run_sync(
                dying, DYING, "wacrmd.new_file:NewFile.publish", when, 1, *line
            )
            assert done.returncode == -signal.SIGKILL
            assert mark(tmp_path / "wacrmd.db") == "handed over"
            assert copy.exists() == (when == "after")
            await daemon.stop()
            await goes_on_when_told(daemon, sim, has_copy=copy.exists())
        finally:
            await daemon.kill()


async def send_some(daemon: Daemon, sim: Simulator) -> None:
    """Begin a broadcast."""
    async with daemon.client() as api:
        body = {"template_name": "hello", "recipients": people(COUNT)}
        answer = await api.post("/api/v1/broadcasts", json=body)
        assert answer.status_code == 202, answer.text
    await eventually(lambda: sim.ledger.counts()["total"] > COUNT // 10)


async def goes_on_when_told(daemon: Daemon, sim: Simulator, *, has_copy: bool) -> None:
    """After a start nothing is sent; without a copy the database can be taken back, and each person gets one message."""
    before = sim.ledger.counts()["total"]
    await daemon.restart()
    await anyio.sleep(1)
    assert sim.ledger.counts()["total"] == before
    if has_copy:
        return
    await daemon.admin("undrain", take_back=True)
    with anyio.fail_after(PATIENCE_S):
        async with daemon.client() as api:
            broadcast_id = (await daemon.admin("broadcast.list"))[0]["id"]
            async with api.stream("GET", f"/api/v1/broadcasts/{broadcast_id}/events") as events:
                async for _ in events.aiter_lines():
                    pass  # until it is sent
    assert Counter(entry.send.input for entry in sim.ledger.entries) == Counter(phones(COUNT))


async def test_a_lost_connection_is_told_with_what_to_do(tmp_path: Path) -> None:
    """Whether the hand-over was done is unknown to the command."""
    async with Simulator.running(Options(app_secret=APP_SECRET, access_token=ACCESS_TOKEN)) as sim:
        daemon = DyingDaemon(tmp_path, sim)
        daemon.step = STEPS["copy checked"]
        try:
            await daemon.set_up()
            command = [sys.executable, "-m", "wacrmd.cli.main", "--socket", str(tmp_path / "admin.sock")]
            done = await anyio.run_process(
                [*command, "backup", "--hand-over", str(tmp_path / "move.db")], check=False
            )
            assert done.returncode == 1
            assert b"wacrmd status" in done.stderr
            assert not (tmp_path / "move.db").exists()
            assert mark(tmp_path / "wacrmd.db") == "handed over"
            await daemon.kill()
            await daemon.restart()
            left = {file.name async for file in anyio.Path(tmp_path).glob(".*")}
            assert not left, "what is left of the copy is removed at the next start"
        finally:
            await daemon.kill()
