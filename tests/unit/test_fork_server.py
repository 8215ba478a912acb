"""A fork is a process of its own, as one that is executed would be."""

import os
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from tests.support.fork_server import WACRMD, Forked, fork_server
from tests.support.patience import PATIENCE_S

WAITING = "import signal; signal.pause()"


def waiting() -> Forked:
    with tempfile.TemporaryFile() as file:
        return fork_server().start(WAITING, stdout=file.fileno(), stderr=file.fileno())


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return fork_server().run(script, *arguments, timeout=PATIENCE_S)


def test_it_says_what_it_prints_and_how_it_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIVEN", "a variable of now")
    monkeypatch.chdir(tmp_path)
    done = run(
        "import os, sys; print(sys.argv[1:], os.environ['GIVEN'], os.getcwd()); sys.exit('an error')", 1, "b"
    )
    assert (done.returncode, done.stderr) == (1, "an error\n")
    assert done.stdout == f"['1', 'b'] a variable of now {tmp_path}\n"
    assert run("raise SystemExit(78)").returncode == 78
    assert "ZeroDivisionError" in run("1 / 0").stderr
    assert run(WACRMD, "version").stdout.startswith("wacrmd ")


def test_nothing_of_one_fork_is_in_the_next_one() -> None:
    run("import wacrmd.config, os; wacrmd.config.left = 1; os.environ['LEFT'] = '1'; os.umask(0)")
    done = run(
        "import wacrmd.config, os; print(hasattr(wacrmd.config, 'left'), 'LEFT' in os.environ, os.umask(0))"
    )
    assert done.stdout.split()[:2] == ["False", "False"]
    assert done.stdout.split()[2] == run("import os; print(os.umask(0))").stdout.strip()


def test_it_has_no_file_of_the_server_or_of_another_fork() -> None:
    with_another = waiting()
    try:
        done = run(
            "import os; print([os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')[:-1]])"
        )
        assert not any("socket:" in file or "pidfd" in file for file in eval(done.stdout)), done.stdout
    finally:
        with_another.kill()
        with_another.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_is_killed_and_all_who_wait_hear_of_it(number: signal.Signals) -> None:
    process = waiting()
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0)
    heard = list[int]()
    threads = [threading.Thread(target=lambda: heard.append(process.wait(PATIENCE_S))) for _ in range(3)]
    for thread in threads:
        thread.start()
    process.send_signal(number)
    for thread in threads:
        thread.join()
    assert heard == [-number] * 3
    assert process.poll() == process.returncode == -number
    process.kill()


def test_ctrl_c_reaches_it() -> None:
    done = run("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
    assert "KeyboardInterrupt" in done.stderr
    assert os.getpid() != fork_server()._process.pid
