"""What a person sees: on terminals of two widths nothing runs over the edge, and nothing is lost."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import anyio.to_thread
import pytest

from tests.support.site import PHONE_NUMBER_ID, people, phones, site

pytestmark = pytest.mark.anyio

_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def look(folder: Path, columns: int, *line: str) -> str:
    """What the command writes to a terminal of that width, without colours."""
    ours, theirs = pty.openpty()
    environ = os.environ | {"COLUMNS": str(columns), "TERM": "xterm-256color"}
    command = [sys.executable, "-m", "wacrmd.cli.main", "--socket", str(folder / "admin.sock"), *line]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, env=environ) as process:
        os.close(theirs)
        written = b""
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            while True:
                try:
                    chunk = terminal.read(65536)
                except OSError:  # Linux says so when the other side has gone
                    break
                if not chunk:
                    break
                written += chunk
        assert process.wait(20) in (0, 1)
    # A live view moves up over its lines and writes them anew.
    return _STYLE.sub("", written.decode().replace("\x1b[1A", "\n")).replace("\r", "")


@pytest.mark.parametrize("columns", [80, 120])
async def test_nothing_runs_over_the_edge(tmp_path: Path, columns: int) -> None:
    numbers = phones(12)
    async with site(tmp_path, failed_recipients=(f"{numbers[0]}=131049",), quality_rating="RED") as here:
        await here.admin("number.set", id=PHONE_NUMBER_ID, label="The main line of the shop")
        sent_id = await here.send(people(12), name="Spring sale for everybody who asked for it")
        await here.until(sent_id, lambda shown: shown["failed_count"] == 1 and shown["read_count"] > 0)
        await here.admin("number.pause", id=PHONE_NUMBER_ID, reason="the shop is closed, nobody answers " * 2)
        held_id = await here.send(people(3), name="Autumn")
        await here.admin(
            "optout.add", account="shop", phone=numbers[1], detail="asked for it on the phone " * 3
        )
        await here.admin("webhook.add", account="shop", url="https://crm.example.com/" + "a" * 60)
        (hook,) = await here.admin("webhook.list")

        async def seen(*line: str) -> str:
            text = await anyio.to_thread.run_sync(look, tmp_path, columns, *line)
            for written in text.split("\n"):
                if str(tmp_path) not in written:  # a path is never broken, so that it can be copied
                    assert len(written.rstrip()) <= columns, (line, written)
            return text

        status = await seen("status")
        assert "shop is closed" in status
        assert held_id[:8] in status
        assert "Healthy" in status, "an operator wanted the pause"
        assert "FAIL" in await seen("doctor")
        listed = await seen("broadcast", "list")
        assert sent_id[:8] in listed
        assert "held  broadcast" in listed
        shown = await seen("broadcast", "show", sent_id)
        assert "131049" in shown
        assert "100 %" in shown
        assert "12/12" in await seen("broadcast", "watch", sent_id)
        assert numbers[11] in await seen("broadcast", "recipients", sent_id)
        assert "just now" in await seen("broadcast", "recipients", sent_id, "--to", numbers[2])
        assert PHONE_NUMBER_ID in await seen("number", "list")
        await here.admin("broadcast.pause", id=held_id)  # which the webhook is told of
        for line in (
            ("number", "show", PHONE_NUMBER_ID),
            ("number", "check", PHONE_NUMBER_ID),
            ("account", "list"),
            ("key", "list"),
            ("audit",),
            ("optout", "list"),
            ("webhook", "list"),
            ("webhook", "deliveries", hook["id"]),
        ):
            assert await seen(*line)
