"""How a command finds the daemon and calls it."""

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wacrmd import __version__
from wacrmd.admin.client import AdminClient
from wacrmd.admin.protocol import RpcCode, RpcError
from wacrmd.cli.frame import Session
from wacrmd.errors import ConfigError
from wacrmd.fields import JsonObject

# The defaults of wacrmd.config, repeated: importing it would double the time of every command. A test compares them.
DEFAULT_SOCKET = Path("/run/wacrmd/admin.sock")
DEFAULT_CONFIG = Path("/etc/wacrmd/config.toml")
MAX_CONFIG_BYTES = 1 << 20


def socket_path(session: Session, environ: Mapping[str, str] = os.environ) -> Path:
    """`--socket`, else `$WACRMD_SOCKET`, else the socket in the configuration file, else the default.

    Raises ConfigError if a file named with `--config` cannot be read.
    """
    if session.socket is not None:
        return session.socket
    if environ.get("WACRMD_SOCKET"):
        return Path(environ["WACRMD_SOCKET"])
    path = session.config or Path(environ.get("WACRMD_CONFIG") or DEFAULT_CONFIG)
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CONFIG_BYTES).decode()
        configured = tomllib.loads(text).get("admin", {}).get("socket", DEFAULT_SOCKET)
        return Path(configured)
    except OSError as error:
        if session.config is not None:
            raise ConfigError([f"{path}: expected a readable file, found: {error.strerror}"]) from None
    except (ValueError, AttributeError, TypeError):
        if session.config is not None:
            raise ConfigError(
                [f"{path}: cannot be used, see 'wacrmd check-config --config {path}'"]
            ) from None
    return DEFAULT_SOCKET


def call(session: Session, method: str, /, *, descriptors: Sequence[int] = (), **params: Any) -> Any:
    """The result of one call; parameters that are None are left out. The daemon gets the open files too.

    Raises the errors of AdminClient.
    """
    with AdminClient(socket_path(session)) as daemon:
        try:
            return daemon.call(method, _given(params), descriptors)
        except RpcError as error:
            raise _explained(error, daemon.daemon_version) from None


def stream(session: Session, method: str, /, **params: Any) -> Iterator[Any]:
    """The items of a streaming call as they come; parameters and errors as in `call`."""
    with AdminClient(socket_path(session)) as daemon:
        try:
            yield from daemon.stream(method, _given(params))
        except RpcError as error:
            raise _explained(error, daemon.daemon_version) from None


def _given(params: JsonObject) -> JsonObject:
    return {name: value for name, value in params.items() if value is not None}


def _explained(error: RpcError, daemon_version: str) -> RpcError:
    """The error, with the likely cause if command and daemon have different versions."""
    if error.code != RpcCode.METHOD_NOT_FOUND or daemon_version == __version__:
        return error
    return RpcError(
        error.code,
        f"the daemon (wacrmd {daemon_version}) does not know this method; this command is wacrmd {__version__}: "
        "restart the daemon after an update",
        error.data,
    )
