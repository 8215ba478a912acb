"""The protocol of systemd: notifications of readiness, status and watchdog (sd_notify(3)), and passed sockets."""

import os
import socket
import sys
import time
from collections.abc import Mapping
from typing import Self

_FIRST_FD = 3
"""SD_LISTEN_FDS_START: inherited descriptors follow the three standard ones."""


class Notifier:
    """Notifies the service manager of the daemon's state; without a manager, every call does nothing.

    `watchdog_interval_s` is the longest time between two calls of `watchdog()` that the manager accepts; None
    where it expects none.
    """

    def __init__(self, address: str | None = None, watchdog_interval_s: float | None = None) -> None:
        self._address = address
        self.watchdog_interval_s = watchdog_interval_s

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The notifier for `$NOTIFY_SOCKET`, `$WATCHDOG_USEC` and `$WATCHDOG_PID`."""
        address = environ.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return cls()
        micros = environ.get("WATCHDOG_USEC", "")
        is_set = micros.isdecimal() and int(micros) > 0
        is_ours = environ.get("WATCHDOG_PID", str(os.getpid())) in _own_pids()
        return cls(address, int(micros) / 1_000_000 if is_set and is_ours else None)

    @property
    def active(self) -> bool:
        """Whether there is a service manager."""
        return self._address is not None

    def ready(self) -> None:
        """The start, or a reload, is finished."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        self._send(f"STATUS={' '.join(text.split())}")

    def starting(self, text: str, seconds: float) -> None:
        """The start goes on: set the status line, and let the manager wait so much longer for `ready()`."""
        self._send(f"STATUS={' '.join(text.split())}\nEXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}")

    def stopping(self) -> None:
        """The daemon has begun to stop."""
        self._send("STOPPING=1")

    def reloading(self) -> None:
        """A reload has begun; `ready()` ends it. Type=notify-reload needs the time."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def watchdog(self) -> None:
        """The daemon is alive (a keep-alive ping)."""
        if self.watchdog_interval_s is not None:
            self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        """Send one datagram; errors are ignored, because a manager that does not read must not stop the daemon."""
        if self._address is None:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                sender.sendto(state.encode(errors="replace"), address)
            except OSError:
                return


def listen_fds(environ: Mapping[str, str] = os.environ) -> tuple[int, ...]:
    """The listening sockets that systemd passes to this process (sd_listen_fds(3)); no child inherits them.

    Empty where the variables are absent or meant for another process.
    """
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") not in _own_pids() or not count.isdecimal():
        return ()
    descriptors = tuple(range(_FIRST_FD, _FIRST_FD + int(count)))
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    return descriptors


def _own_pids() -> set[str]:
    """The process ids that mean this daemon: its own, and for the single executable its parent's."""
    pids = {str(os.getpid())}
    if getattr(sys, "frozen", False):
        pids.add(str(os.getppid()))
    return pids
