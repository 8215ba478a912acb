"""Output on terminals of two widths: no line is too wide, and no text is lost."""

import contextlib
import fcntl
import io
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from pathlib import Path

import anyio.to_thread
import pytest

from tests.support.clock import ShiftClock
from tests.support.patience import PATIENCE_S
from tests.support.site import PHONE_NUMBER_ID, people, phones, site
from tests.support.terminal import stdout_on_a_terminal
from wacrmd.cli.main import main

pytestmark = pytest.mark.anyio

_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def look(folder: Path, *line: str) -> str:
    """The output of the command on a terminal, without colours."""
    with stdout_on_a_terminal() as terminal:
        assert main(["--socket", str(folder / "admin.sock"), *line]) in (0, 1)
    # A live view moves the cursor up and writes its lines again.
    return _STYLE.sub("", terminal.text.replace("\x1b[1A", "\n")).replace("\r", "")


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("columns", [80, 120])
async def test_no_output_is_wider_than_the_terminal(
    tmp_path: Path, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm-256color")
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
            text = await anyio.to_thread.run_sync(look, tmp_path, *line)
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
        await here.admin("broadcast.pause", id=held_id)  # which sends an event to the webhook
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


def answer(folder: Path, typed: bytes, *line: str) -> tuple[int, str]:
    """Run a command on a terminal of its own and type this at its question: the exit code and the output."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "wacrmd.cli.main", "--socket", str(folder / "admin.sock"), *line]
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - so that Ctrl-C is a signal
    ) as process:
        assert process.stdout is not None
        written = b""
        while not written.rstrip().endswith(b"[y/N]:") and (piece := os.read(process.stdout.fileno(), 4096)):
            written += piece
        for _ in range(round(PATIENCE_S)):
            os.write(ours, typed)
            with contextlib.suppress(subprocess.TimeoutExpired):
                written += process.communicate(timeout=1)[0]
                break
            # A Ctrl-C in the instant before Python waits for input is only seen after it: it is typed again.
        else:
            process.kill()
    os.close(theirs)
    os.close(ours)
    return process.returncode, written.decode()


async def test_commands_that_cannot_be_undone_ask_for_confirmation(tmp_path: Path) -> None:
    async with site(
        tmp_path, clock=ShiftClock(stopped=True), close_after_share=1.0, webhooks=False, messages_per_second=1
    ) as here:
        await here.admin("number.pause", id=PHONE_NUMBER_ID)
        broadcast_id = await here.send(people(3), name="Spring")

        async def answer_prompt(typed: bytes, *line: str) -> tuple[int, str]:
            return await anyio.to_thread.run_sync(answer, tmp_path, typed, *line)

        code, text = await answer_prompt(b"n\n", "broadcast", "cancel", broadcast_id[:8])
        assert code == 1
        assert "Cancel Spring? 3 people will never get it." in text
        assert (await here.show(broadcast_id))["status"] == "sending"
        await here.admin("number.resume", id=PHONE_NUMBER_ID)
        await here.until(broadcast_id, lambda shown: shown["uncertain_count"] >= 1)
        code, text = await answer_prompt(b"n\n", "broadcast", "retry", broadcast_id[:8], "--uncertain")
        assert code == 1
        assert "would get it twice" in text
        code, text = await answer_prompt(b"y\n", "broadcast", "cancel", broadcast_id[:8])
        assert code == 0
        assert (await here.show(broadcast_id))["status"] == "cancelled"
        code, text = await answer_prompt(b"n\n", "account", "remove", "shop")
        assert (code, "stopped" in text) == (1, True)
        for typed, ends in ((b"\x03", 130), (b"\x04", 1)):  # Ctrl-C, and Ctrl-D: the end of the input
            code, text = await answer_prompt(typed, "account", "remove", "shop")
            assert (code, text.splitlines()[-1]) == (ends, "wacrmd: stopped")
            assert "Traceback" not in text


def interrupted_watch(folder: Path, broadcast_id: str) -> tuple[int, str]:
    """Watch a broadcast, and press Ctrl-C once it is shown: the exit code and what was said."""
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); import sys;"
    program += "from wacrmd.cli.main import main; sys.exit(main())"  # a shell may have had it ignored
    line = [sys.executable, "-c", program, "--socket", str(folder / "admin.sock"), "broadcast", "watch"]
    with subprocess.Popen(
        [*line, broadcast_id], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE_S)
    return process.returncode, said


async def test_ctrl_c_ends_a_watch_with_130_and_not_the_broadcast(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.admin("number.pause", id=PHONE_NUMBER_ID)
        broadcast_id = await here.send(people(2))
        code, said = await anyio.to_thread.run_sync(interrupted_watch, tmp_path, broadcast_id)
        assert (code, said) == (
            130,
            f"The broadcast goes on. To watch it again: wacrmd broadcast watch {broadcast_id}\n",
        )


async def test_nothing_is_asked_about_nobody(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        broadcast_id = await here.send(people(2), name="Spring")
        await here.until_status(broadcast_id, "sent")
        for line, said in (
            (("retry", broadcast_id[:8], "--uncertain"), "There is no recipient to send to again."),
            (("give-up", broadcast_id[:8]), "There is no uncertain recipient."),
        ):
            code, text = await anyio.to_thread.run_sync(answer, tmp_path, b"", "broadcast", *line)
            assert (code, text) == (0, said + "\n")


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("columns", [60, 80, 200])
async def test_what_to_do_about_uncertain_people_is_said(
    tmp_path: Path, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    async with site(tmp_path, close_after_share=1.0, webhooks=False) as here:
        await here.admin("number.set", id=PHONE_NUMBER_ID, display_phone="+14155550100", label="Main")
        broadcast_id = await here.send(people(2), name="Spring")
        await here.until(broadcast_id, lambda shown: shown["uncertain_count"] == 2)

        async def seen(*line: str) -> str:
            return await anyio.to_thread.run_sync(look, tmp_path, *line)

        shown = await seen("broadcast", "show", broadcast_id)
        assert "+14155550100, Main" in shown
        assert "UNCERTAIN" in await seen("broadcast", "list")
        status = await seen("status")
        assert "broadcast show" in status
        assert "warn  warning" not in status
        assert "+14155550100" in status
        with contextlib.redirect_stderr(io.StringIO()) as told:
            await seen("broadcast", "show", broadcast_id)
        for command in ("recipients {} --status uncertain", "retry {} --uncertain", "give-up {}"):
            assert f"wacrmd broadcast {command.format(broadcast_id[:8])}\n" in told.getvalue()
