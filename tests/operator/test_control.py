"""Controlling the daemon: reload, drain, log level, audit, signals."""

import json
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio.streams.file import FileReadStream
from anyio.streams.text import TextReceiveStream

from tests.operator.conftest import Wacrmd
from tests.support.clock import ShiftClock
from tests.support.fork_server import WACRMD, fork_server
from tests.support.patience import PATIENCE_S, eventually
from tests.support.site import Site, configuration, people, site
from wacrmd import log
from wacrmd.admin.protocol import RpcError
from wacrmd.clock import DAY, MINUTE
from wacrmd.config import Config
from wacrmd.services.maintenance.drain import start_drain

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def log_level_as_before() -> Iterator[None]:
    """Restore the log level of the process."""
    yield
    log.set_level("info")
    log.mask_phone_numbers(on=True)


def write(here: Site, folder: Path, extra: str) -> None:
    """Change the daemon's configuration file."""

    def reread() -> Config:
        return configuration(folder, here.sim.url, extra)

    here.running.ctx.control.reread = reread


async def test_reload_shows_what_changed_and_what_needs_a_restart(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        write(here, tmp_path, "[sender]\nmessages_per_second = 20\nworkers = 9\n[log]\nlevel = 'warning'\n")
        code, out, err = await wacrmd("reload")
        assert code == 0
        assert "sender.messages_per_second: 80" in out
        assert 'log.level: "info" → "warning"' in out
        assert "sender.workers: 4 → 9 takes effect at the next restart" in err
        assert log.level() == "warning"
        config = here.running.ctx.config
        assert (config.sender.messages_per_second, config.sender.workers) == (20, 4)
        await here.admin("number.set", id=here.number["id"], messages_per_second=0)
        assert (await here.admin("number.list"))[0]["messages_per_second"] == 20
        code, out, _ = await wacrmd("reload", "--json")
        assert json.loads(out)["applied"] == []
        assert [one["key"] for one in json.loads(out)["needs_restart"]] == ["sender.workers"]


async def test_a_reload_of_a_bad_configuration_lists_all_errors_and_changes_nothing(
    tmp_path: Path, wacrmd: Wacrmd
) -> None:
    async with site(tmp_path) as here:
        write(here, tmp_path, '[sender]\nmessages_per_second = -1\n[log]\nlevel = "loud"\n')
        code, out, err = await wacrmd("reload")
        assert (code, out) == (78, "")
        assert len(err.splitlines()) == 2
        write(
            here, tmp_path, '[admin]\noperator_groups = ["no-such-group-here"]\n[sender]\nmax_retries = 9\n'
        )
        code, _, err = await wacrmd("reload")
        assert code == 78
        assert "no-such-group-here" in err
        assert here.running.ctx.config.sender.max_retries == 6
        here.running.ctx.control.reread = None
        with pytest.raises(RpcError, match="without a configuration file"):
            await here.admin("reload")


async def test_while_draining_nothing_is_accepted_or_sent(tmp_path: Path, wacrmd: Wacrmd) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock, messages_per_second=200) as here:
        broadcast_id = await here.send(people(60))
        await here.until(broadcast_id, lambda shown: shown["sent_count"] > 0)
        code, out, _ = await wacrmd("drain")
        assert code == 0
        assert "the daemon can be stopped" in out
        assert (await here.post(people(1))).status_code == 503
        shown = await here.show(broadcast_id)
        assert shown["status"] == "sending"
        assert shown["pending_count"] > 0
        assert shown["hold"]["reason"] == "draining"
        taken = len(here.sim.ledger.entries)
        assert (await here.admin("status"))["draining"] is True
        assert len(here.sim.ledger.entries) == taken
        code, out, _ = await wacrmd("drain", "--off")
        assert (code, out) == (0, "The drain has ended: broadcasts go on.\n")
        clock.go()
        await here.until_status(broadcast_id, "sent")
        assert here.sim.ledger.counts()["distinct_to"] == here.sim.ledger.counts()["total"] == 60


async def test_a_drain_waits_for_requests_in_flight_even_if_the_clock_is_set(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock, hold_answers=True) as here:
        await here.send(people(5))
        ctx = here.running.ctx
        await eventually(lambda: ctx.throughput.in_flight == 5)
        with anyio.fail_after(PATIENCE_S):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(partial(start_drain, ctx, wait_s=3600))
                while not ctx.draining:
                    await anyio.lowlevel.checkpoint()
                clock.leap(-DAY)
                here.sim.change(hold_answers=False)
        assert ctx.throughput.in_flight == 0


async def test_a_temporary_log_level_ends_at_its_time(tmp_path: Path, wacrmd: Wacrmd) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        log.set_level("info")
        code, out, _ = await wacrmd("log-level", "debug", "--for", "10")
        assert code == 0
        assert out.startswith("The log level is debug, until")
        assert log.level() == "debug"
        clock.advance(11 * MINUTE)
        with anyio.fail_after(PATIENCE_S):
            while log.level() != "info":
                await here.running.scheduler.passed.wait()
        assert (await here.admin("log-level")) == {"level": "info", "until": None, "configured": "info"}
        code, out, _ = await wacrmd("log-level")
        assert out == "The log level is info, as configured.\n"
        assert (await wacrmd("log-level", "--for", "3"))[0] == 2


async def test_the_audit_is_filtered_and_has_pages(tmp_path: Path, wacrmd: Wacrmd) -> None:
    async with site(tmp_path) as here:
        for name in ("a", "b", "c"):
            await here.admin("account.add", name=name)

        async def found(*options: str) -> list[tuple[str, str | None]]:
            code, out, err = await wacrmd("--json", "audit", *options)
            assert code == 0, err
            return [(row["method"], row["params"].get("name")) for row in json.loads(out)]

        added = [("account.add", name) for name in ("shop", "a", "b", "c")]
        assert await found("--method", "account.add") == added
        newest = await here.admin("audit", method="account.add", limit=2)
        assert [row["params"]["name"] for row in newest] == ["b", "c"]
        assert await found("--method", "account.add", "--before", str(newest[0]["id"])) == added[:2]
        assert await found("--user", "nobody") == await found("--via", "dashboard") == []
        user = newest[0]["user"]
        assert await found("--user", user, "--via", "command") == await found()


async def test_the_audit_shows_who_changed_what_without_secrets(tmp_path: Path, wacrmd: Wacrmd) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        with pytest.raises(RpcError):
            await here.admin("account.remove", name="shop")
        clock.advance(120 * MINUTE)
        await here.admin("account.rename", name="shop", new="store")
        rows = await here.admin("audit")
        assert [row["method"] for row in rows] == [
            "account.add",
            "number.add",
            "key.create",
            "account.remove",
            "account.rename",
        ]
        assert rows[1]["params"]["access_token"] == "[redacted]"
        assert [row["result"] for row in rows[3:]] == ["conflict", "ok"]
        assert rows[0]["uid"] == os.getuid()
        recent = await here.admin("audit", since="1h")
        assert [row["method"] for row in recent] == ["account.rename"]
        assert len(await here.admin("audit", since="1d", limit=2)) == 2
        assert await here.admin("audit", since="1d", limit=None) == await here.admin("audit", since="1d")
        assert await here.admin("audit", since="2100-01-01") == []
        code, out, _ = await wacrmd("audit", "--since", "1h")
        assert code == 0
        assert "name=shop new=store" in out
        code, _, err = await wacrmd("audit", "--since", "yesterday")
        assert code == 2
        assert "2h or 3d" in err


async def test_sighup_reloads_the_file_and_sigterm_ends_the_daemon(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    text = f"""
[storage]
path = "{tmp_path}/wacrmd.db"
[api]
bind = "127.0.0.1:0"
[webhooks]
bind = "127.0.0.1:0"
[dashboard]
bind = ""
[admin]
socket = "{tmp_path}/admin.sock"
"""
    file.write_text(text)
    reading, writing = os.pipe()
    process = fork_server().start(WACRMD, "serve", "--config", file, stdout=writing, stderr=writing)
    os.close(writing)
    with anyio.fail_after(PATIENCE_S):
        async with FileReadStream(os.fdopen(reading, "rb", buffering=0)) as output:
            events = TextReceiveStream(output)
            await until_event(events, "daemon_ready")
            file.write_text(text + "[sender]\nmax_retries = 9\n")
            process.send_signal(signal.SIGHUP)
            line = await until_event(events, "config_reloaded")
            assert "sender.max_retries" in line
            file.write_text(text + "[sender]\nmax_retries = -9\n")
            process.send_signal(signal.SIGHUP)
            assert "max_retries" in await until_event(events, "config_reload_failed")
            process.send_signal(signal.SIGTERM)
            await until_event(events, "daemon_stopped")
            assert process.wait(PATIENCE_S) == 0


async def until_event(events: TextReceiveStream, name: str) -> str:
    """The first line of this event."""
    seen = ""
    while True:
        seen += await events.receive()
        for line in seen.split("\n")[:-1]:
            if f'"event":"{name}"' in line:
                return line
