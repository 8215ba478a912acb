"""Secrets that a person types at a terminal."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.harness import Daemon
from tests.support.patience import PATIENCE_S

CODE = "import sys; from wacrmd.cli.main import main; sys.exit(main(sys.argv[1:]))"
PASSWORD = "correct horse battery"


@contextmanager
def adding_a_user(daemon: Daemon) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`wacrmd user add` at a terminal, whose other end is given."""
    ours, theirs = pty.openpty()
    command = ["user", "add", "ann", "--role", "viewer", "--password-file", "-"]
    with subprocess.Popen(
        [sys.executable, "-c", CODE, "--socket", daemon.socket, *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,  # else it would ask at the terminal of who runs the tests
    ) as adding:
        os.close(theirs)
        try:
            yield adding, ours
        finally:
            os.close(ours)


def read_until(terminal: int, text: bytes) -> bytes:
    """What is written up to some text."""
    read = b""
    while text not in read:
        read += os.read(terminal, 4096)
    return read


@pytest.mark.parametrize("again", [PASSWORD, "another one"])
def test_a_password_is_asked_for_twice_and_not_shown(daemon: Daemon, again: str) -> None:
    with adding_a_user(daemon) as (adding, terminal):
        seen = read_until(terminal, b"Password: ")
        os.write(terminal, f"{PASSWORD}\n".encode())
        seen += read_until(terminal, b"confirmation: ")
        os.write(terminal, f"{again}\n".encode())
        if again != PASSWORD:
            seen += read_until(terminal, b"Password: ")
            assert not daemon.asked
            return
        seen += read_until(terminal, b"sessions")
        assert adding.wait(PATIENCE_S) == 0
    assert daemon.asked[-1][1]["password"] == PASSWORD
    assert PASSWORD.encode() not in seen
