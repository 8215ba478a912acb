"""The notifications that systemd receives on a real datagram socket, and the sockets that it passes."""

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE_S
from wacrmd.systemd.notify import Notifier, listen_fds


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A service manager's socket, and the value of `$NOTIFY_SOCKET`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        name = str(tmp_path / "notify") if request.param == "path" else f"@wacrmd-{uuid.uuid4()}"
        listener.bind(name.replace("@", "\0", 1))
        listener.settimeout(PATIENCE_S)
        yield listener, name


def test_every_message_arrives_as_systemd_reads_it(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    notifier = Notifier.from_env({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "10000000"})
    notifier.ready()
    notifier.status("sending 3 of\n 10")
    notifier.watchdog()
    notifier.stopping()
    received = [listener.recv(4096).decode() for _ in range(4)]
    assert received == ["READY=1", "STATUS=sending 3 of 10", "WATCHDOG=1", "STOPPING=1"]


def test_a_reload_carries_the_monotonic_time(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    before = time.monotonic_ns() // 1000
    Notifier.from_env({"NOTIFY_SOCKET": name}).reloading()
    reloading, moment = listener.recv(4096).decode().split("\n")
    assert reloading == "RELOADING=1"
    assert before <= int(moment.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000


def test_without_a_service_manager_nothing_is_sent(tmp_path: Path) -> None:
    for environ in ({}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "relative"}):
        notifier = Notifier.from_env(environ)
        notifier.ready()
        assert notifier.watchdog_interval_s is None
    Notifier.from_env({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


def test_a_manager_that_does_not_read_does_not_stop_the_daemon(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    notifier = Notifier.from_env({"NOTIFY_SOCKET": name})
    for _ in range(2000):  # far more than the kernel queues
        notifier.status("x" * 100)
    assert listener.recv(4096).startswith(b"STATUS=")


@pytest.mark.parametrize(
    ("usec", "pid", "interval_s"),
    [
        ("30000000", None, 30.0),
        ("500000", "ours", 0.5),
        ("30000000", "1", None),
        ("0", None, None),
        ("x", None, None),
        ("", None, None),
    ],
)
def test_the_watchdog_interval(usec: str, pid: str | None, interval_s: float | None) -> None:
    watched = str(os.getpid()) if pid == "ours" else pid
    environ = {"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": usec} | ({"WATCHDOG_PID": watched} if watched else {})
    assert Notifier.from_env(environ).watchdog_interval_s == interval_s


def test_no_ping_is_sent_where_the_manager_expects_none(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    notifier = Notifier.from_env({"NOTIFY_SOCKET": name})
    notifier.watchdog()
    notifier.ready()
    assert listener.recv(4096) == b"READY=1"


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDS": "1"},
        {"LISTEN_FDS": "1", "LISTEN_PID": "1"},
        {"LISTEN_FDS": "x", "LISTEN_PID": str(os.getpid())},
        {"LISTEN_FDS": "0", "LISTEN_PID": str(os.getpid())},
    ],
)
def test_sockets_for_another_process_are_left_alone(environ: dict[str, str]) -> None:
    assert listen_fds(environ) == ()


SHOW = """
import os
from wacrmd.systemd.notify import listen_fds
os.environ["LISTEN_PID"] = str(os.getpid())
found = listen_fds()
print(found, [os.get_inheritable(fd) for fd in found])
"""


def test_passed_sockets_are_found_and_not_inherited() -> None:
    # In another process, in which the descriptors 3 and 4 are free.
    command = f'exec "{sys.executable}" -c "$0" 3</dev/null 4</dev/null'
    environ = os.environ | {"LISTEN_FDS": "2"}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        ["/bin/sh", "-c", command, SHOW], env=environ, cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "(3, 4) [False, False]"
