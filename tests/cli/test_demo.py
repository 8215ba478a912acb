"""`wacrmd demo`, as a process of its own."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.fork_server import fork_server
from tests.support.patience import PATIENCE_S
from wacrmd.dashboard.cookies import LOGIN

# A shell starts what runs in its background with SIGINT ignored, and processes inherit that.
CODE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from wacrmd.cli.demo import demo
demo()
"""
RUN = [sys.executable, "-c", CODE]
FIRST = "While it runs, the API is at "


@pytest.mark.exhaustive(only=True)
def test_a_reader_of_a_pipe_can_call_the_api_before_the_broadcast_is_sent() -> None:
    command = [*RUN, "--recipients", "3000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        try:
            assert "/login#" in demo.stdout.readline()
            address, _, key = demo.stdout.readline().removeprefix(FIRST).strip().partition(", with the key ")
            answer = httpx.get(
                f"{address}/api/v1/me", headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE_S
            )
            assert answer.json()["data"]["key"]["scopes"] == ["broadcasts:send"]
        finally:
            demo.send_signal(signal.SIGINT)
        rest, errors = demo.communicate(timeout=PATIENCE_S)
    assert (demo.returncode, errors) == (0, "")
    assert "Right:" not in rest


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_it_leaves_no_file_however_it_is_ended(end: signal.Signals, tmp_path: Path) -> None:
    command = [*RUN, "--recipients", "3000"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    ) as demo:
        assert demo.stdout is not None
        next(line for line in demo.stdout if line.startswith("Broadcast "))
        demo.send_signal(end)
        _, errors = demo.communicate(timeout=PATIENCE_S)
    assert (demo.returncode, errors) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_the_link_it_prints_logs_in_and_enter_prints_another_one() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*RUN, "--recipients", "5"], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        try:
            assert demo.stdout is not None
            first = next(line for line in demo.stdout if "/login#" in line)
            next(line for line in demo.stdout if line.startswith("Ctrl-C stops both"))
            os.write(ours, b"\n")
            other = next(line for line in demo.stdout if "/login#" in line)
            for line in (first, other):
                assert logged_in(line.split()[-1])
        finally:
            demo.send_signal(signal.SIGINT)
            _, errors = demo.communicate(timeout=PATIENCE_S)
            os.close(ours)
            os.close(theirs)
    assert (demo.returncode, errors) == (0, "")


def logged_in(link: str) -> bool:
    """Whether a link lets in."""
    page, _, token = link.partition("#")
    with httpx.Client(headers={"Sec-Fetch-Site": "same-origin"}, timeout=PATIENCE_S) as browser:
        browser.get(page)
        answer = browser.post(f"{page}/link", data={"token": token, "login": browser.cookies[LOGIN]})
    return answer.status_code == 303


@pytest.mark.exhaustive(only=True)
def test_with_exit_it_ends_by_itself_and_shows_no_key() -> None:
    done = fork_server().run(CODE, "--recipients", 20, "--exit", timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, "")
    assert "each of the 20 people has one message" in done.stdout
    assert "key" not in done.stdout
    assert "/login#" not in done.stdout
