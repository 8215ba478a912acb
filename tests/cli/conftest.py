"""The command line against a daemon on a real socket."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.harness import Daemon
from tests.support.patience import PATIENCE_S
from wacrmd.cli.main import main


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the configuration and the daemon of the machine that runs the tests."""
    monkeypatch.delenv("WACRMD_SOCKET", raising=False)
    monkeypatch.setenv("WACRMD_CONFIG", str(tmp_path / "no-config.toml"))


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    running = Daemon(tmp_path / "admin.sock")
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=running.run, args=(ready, stop))
    thread.start()
    assert ready.wait(PATIENCE_S)
    yield running
    stop.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command line: exit code, stdout, stderr."""

    def once(*arguments: str | Path) -> tuple[int, str, str]:
        code = main([str(one) for one in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return once
