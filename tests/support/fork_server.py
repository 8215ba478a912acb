"""Programs that use wacrmd and start at once: forks of a process that has imported it.

To import the daemon is nine tenths of the work of a start. A fork is a process as any other: it can be killed, and has its
own memory, files and locks. Not so what takes effect when a program is executed, as LD_PRELOAD, and its command line.

The server imports nothing of the tests, and has one thread, so that its forks are whole.
"""

import atexit
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

WACRMD = "import sys; from wacrmd.cli.main import main; sys.exit(main())"
"""The script of wacrmd itself; its arguments are those of the command line."""
_MOST = 1 << 20


class Forked:
    """A running fork, with the part of the interface of `subprocess.Popen` that tests use; any thread may wait."""

    def __init__(self, status: socket.socket) -> None:
        self.returncode: int | None = None
        self._status = status.detach()  # a number: a socket that the garbage collector meets first would warn
        first = self._told(socket.MSG_WAITALL)
        if len(first) != 4:
            raise RuntimeError("the fork server has ended")
        self.pid = int.from_bytes(first, "big")

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, or the negative number of the signal, once it has ended; raises TimeoutExpired."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._status, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired("a fork", timeout or 0)
            # Only looked at: several threads may wait.
            answer = self._told(socket.MSG_PEEK)
            if len(answer) != 4:
                raise RuntimeError("the fork server has ended")
            self.returncode = int.from_bytes(answer, "big", signed=True)
        return self.returncode

    def poll(self) -> int | None:
        """As `wait`, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _told(self, flags: int) -> bytes:
        with socket.socket(fileno=os.dup(self._status)) as status:
            return status.recv(4, flags)

    def __del__(self) -> None:
        os.close(self._status)


class ForkServer:
    """Starts forks. It and all of them end with the process that made it."""

    def __init__(self, wrapper: tuple[str, ...]) -> None:
        self._control, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with inner:
            self._process = subprocess.Popen(
                [*wrapper, sys.executable, "-P", __file__, str(inner.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[inner.fileno()],
                cwd="/",
            )
        atexit.register(self.close)

    def close(self) -> None:
        """End the server, and with it what it has started."""
        self._control.close()
        self._process.wait()

    def start(
        self, script: str, *arguments: object, stdout: int, stderr: int, cwd: str | Path | None = None
    ) -> Forked:
        """Run a script, as `python -c` does, with the environment of this process; the descriptors are copied."""
        ours, theirs = socket.socketpair()
        request = {
            "script": script,
            "arguments": [str(each) for each in arguments],
            "environ": dict(os.environ),
            "cwd": str(cwd or Path.cwd()),
        }
        with theirs:
            message = json.dumps(request).encode()
            socket.send_fds(self._control, [message], [stdout, stderr, theirs.fileno()])
        return Forked(ours)

    def run(
        self, script: str, *arguments: object, cwd: str | Path | None = None, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Like `subprocess.run` with `capture_output`; raises TimeoutExpired, and then it is killed."""
        with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
            started = self.start(script, *arguments, stdout=stdout.fileno(), stderr=stderr.fileno(), cwd=cwd)
            try:
                code = started.wait(timeout)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()
                raise
            stdout.seek(0)
            stderr.seek(0)
            return subprocess.CompletedProcess(
                [str(each) for each in arguments], code, stdout.read(), stderr.read()
            )


@cache
def fork_server(wrapper: tuple[str, ...] = ()) -> ForkServer:
    """The server of this process; `wrapper` is a command that executes the server, such as `unshare`."""
    return ForkServer(wrapper)


def _serve(control: socket.socket) -> str:
    """Fork for each request. Returns the script in each fork, and ends with the other side of the socket."""
    running = dict[int, tuple[int, socket.socket]]()
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd != control.fileno():
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    pid, status = running.pop(key.fd)
                    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                    with suppress(OSError), status:  # nobody may wait for it any more
                        status.send(code.to_bytes(4, "big", signed=True))
                    continue
                message, descriptors, _, _ = socket.recv_fds(control, _MOST, 3)
                if not message:
                    for pid, _ in running.values():
                        os.kill(pid, signal.SIGKILL)
                    sys.exit()
                stdout, stderr, answer = descriptors
                pid = os.fork()
                if pid == 0:
                    for inherited in (control, *(status for _, status in running.values())):
                        inherited.close()
                    for descriptor in running:
                        os.close(descriptor)
                    os.close(answer)
                    return _prepared(json.loads(message), stdout, stderr)
                os.close(stdout)
                os.close(stderr)
                status = socket.socket(fileno=answer)
                status.send(pid.to_bytes(4, "big"))
                descriptor = os.pidfd_open(pid)
                running[descriptor] = pid, status
                selector.register(descriptor, selectors.EVENT_READ)


def _prepared(request: dict[str, Any], stdout: int, stderr: int) -> str:
    """Make this fork what the request says; its script."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for place, given in ((1, stdout), (2, stderr)):
        os.dup2(given, place)
        os.close(given)
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    os.chdir(str(request["cwd"]))
    sys.argv = ["-c", *request["arguments"]]
    return str(request["script"])


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of Ctrl-C hear the forks
    from wacrmd.cli.serve import _quick_imports  # noqa: PLC0415 - whoever starts the server imports nothing of the daemon

    with _quick_imports():
        import wacrmd.cli.main  # noqa: PLC0415
        import wacrmd.cli.restore  # noqa: PLC0415
        import wacrmd.config  # noqa: PLC0415
        import wacrmd.daemon  # noqa: F401, PLC0415
    script = _serve(socket.socket(fileno=int(sys.argv[1])))
    exec(compile(script, "<forked>", "exec"), {"__name__": "__main__"})


if __name__ == "__main__":
    _main()
