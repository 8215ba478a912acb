"""The address of a listener: `HOST:PORT`, `unix:/path` or `fd://N`."""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

EXPECTED = '"HOST:PORT", "unix:/path" or "fd://N"'
MAX_UNIX_PATH = 107
"""Bytes that fit into `sun_path` before its closing NUL (unix(7))."""
MAX_PORT = 65535

_HOST_PORT = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[\w.-]+)):(?P<port>\d{1,5})", re.ASCII)
_FD = re.compile(r"fd://(?P<fd>\d{1,6})", re.ASCII)


class BindKind(StrEnum):
    """The three forms of an address."""

    TCP = "tcp"
    UNIX = "unix"
    FD = "fd"


@dataclass(frozen=True, slots=True)
class Bind:
    """One address: `host` and `port` for TCP, `path` for a Unix socket, `fd` for an inherited descriptor."""

    kind: BindKind
    host: str = ""
    port: int = 0
    path: Path | None = None
    fd: int = -1

    @classmethod
    def parse(cls, text: str) -> Self:
        """The address in `text`; raises ValueError that says what was expected."""
        if text.startswith("unix:"):
            path = text.removeprefix("unix:")
            if not path.startswith("/") or not fits_sun_path(path):
                raise ValueError(f"an absolute path of at most {MAX_UNIX_PATH} bytes after unix:")
            return cls(BindKind.UNIX, path=Path(path))
        if match := _FD.fullmatch(text):
            return cls(BindKind.FD, fd=int(match["fd"]))
        match = _HOST_PORT.fullmatch(text)
        if match is None:
            raise ValueError(EXPECTED)
        if int(match["port"]) > MAX_PORT:
            raise ValueError(f"a port from 0 to {MAX_PORT}")
        if match["v6"]:
            try:
                ipaddress.IPv6Address(match["v6"])
            except ValueError:
                raise ValueError("an IPv6 address between the brackets") from None
        return cls(BindKind.TCP, host=match["v6"] or match["host"], port=int(match["port"]))

    def __str__(self) -> str:
        """The form that `parse` reads."""
        if self.kind is BindKind.UNIX:
            return f"unix:{self.path}"
        if self.kind is BindKind.FD:
            return f"fd://{self.fd}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it.

        An inherited descriptor counts as local: the program that opened it chose its address.
        """
        if self.kind is not BindKind.TCP or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def fits_sun_path(path: str) -> bool:
    """Whether `path` can be the address of a Unix socket."""
    return "\0" not in path and len(path.encode(errors="surrogateescape")) <= MAX_UNIX_PATH
