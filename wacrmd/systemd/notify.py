"""What systemd is told and what it hands over: readiness, watchdog and listening sockets (sd_notify(3))."""

import os
import socket
import sys
import time
from collections.abc import Mapping
from typing import Self

_FIRST_FD = 3
"""SD_LISTEN_FDS_START: inherited descriptors follow the three standard ones."""


class Notifier:
    """Tells the service manager how the daemon is; without one, every call does nothing.

    `watchdog_interval_s` is the time within which `watchdog()` must be called, None where nobody watches;
    call it at half of that.
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
        watched = micros.isdecimal() and int(micros) > 0
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) in _own_pids()
        return cls(address, int(micros) / 1_000_000 if watched and ours else None)

    @property
    def active(self) -> bool:
        """Whether a service manager listens."""
        return self._address is not None

    def ready(self) -> None:
        """Start-up, or a reload, is done."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={' '.join(text.split())}")

    def stopping(self) -> None:
        """The daemon has begun to stop."""
        self._send("STOPPING=1")

    def reloading(self) -> None:
        """A reload has begun; `ready` ends it (Type=notify-reload needs the time)."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def watchdog(self) -> None:
        """The daemon is alive."""
        if self.watchdog_interval_s is not None:
            self._send("WATCHDOG=1")

    def _send(self, state: str) -> None:
        """Hand over one datagram; a manager that does not listen must not stop the daemon."""
        if self._address is None:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            try:
                sender.sendto(state.encode(errors="replace"), address)
            except OSError:
                return


def listen_fds(environ: Mapping[str, str] = os.environ) -> dict[str, int]:
    """The listening sockets that systemd hands to this process, by name; no child inherits them.

    The names are those of `FileDescriptorName=`, else of the socket units; a second socket of the same name
    is `name.2`. Empty where the variables are absent or meant for another process.
    """
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") not in _own_pids() or not count.isdecimal():
        return {}
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    found: dict[str, int] = {}
    for place in range(int(count)):
        base = name = (names[place] if place < len(names) else "") or "unknown"
        again = 1
        while name in found:
            again += 1
            name = f"{base}.{again}"
        os.set_inheritable(_FIRST_FD + place, False)
        found[name] = _FIRST_FD + place
    return found


def _own_pids() -> set[str]:
    """The process ids by which a manager may mean us: the single executable runs below its own unpacker."""
    pids = {str(os.getpid())}
    if getattr(sys, "frozen", False):
        pids.add(str(os.getppid()))
    return pids
