"""The admin socket's client: plain blocking calls, for the command line and for scripts."""

import errno
import grp
import os
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from wacrmd.admin import protocol
from wacrmd.admin.protocol import MAX_ANSWER, MAX_REQUEST, PROTOCOL, Request, RpcError
from wacrmd.errors import WacrmdError
from wacrmd.fields import JsonObject

CONNECT_TIMEOUT_S = 5.0
_FULL_BACKLOG_PAUSE_S = 0.02


class NotReachableError(WacrmdError):
    """No daemon answers at the admin socket. Exit code 69."""


class ProtocolMismatchError(WacrmdError):
    """The daemon speaks another version of the protocol, or something else altogether. Exit code 1."""


class ConnectionLostError(WacrmdError):
    """The daemon went away in the middle of a call; whether it was done is unknown. Exit code 1."""


class AdminClient:
    """One connection to a daemon; one call at a time. A context manager that closes it.

    A call raises RpcError when it is refused, and ConnectionLostError when no answer comes.
    """

    def __init__(self, path: Path, *, connect_timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        self._path = path
        self._calls = 0
        self._socket = _connect(path, connect_timeout_s)
        self._lines = self._socket.makefile("rb")
        try:
            self.daemon_version = self._greeting()
        except BaseException:
            self.close()
            raise
        # A call takes as long as it takes (a backup, a watch): only the greeting has a deadline.
        self._socket.settimeout(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the daemon ends its streams."""
        self._lines.close()
        self._socket.close()

    @property
    def uid(self) -> int:
        """The user that the daemon runs as."""
        from wacrmd.admin.identity import peer_of  # noqa: PLC0415 - slow to import, and seldom needed

        return peer_of(self._socket).uid

    def call(self, method: str, params: JsonObject | None = None, descriptors: Sequence[int] = ()) -> Any:
        """The result of an ordinary method; the daemon gets the open files too."""
        request_id = self._begin(method, params, descriptors)
        while True:
            answer = self._answer(method)
            if answer.get("id") == request_id and "result" in answer:
                return answer["result"]

    def stream(self, method: str, params: JsonObject | None = None) -> Iterator[Any]:
        """The items of a streaming method, as they come; stop early by closing the client."""
        request_id = self._begin(method, params)
        while True:
            answer = self._answer(method)
            if answer.get("method") == "stream" and answer["params"]["id"] == request_id:
                yield answer["params"]["item"]
            elif answer.get("id") == request_id and "result" in answer:
                return

    def _begin(self, method: str, params: JsonObject | None, descriptors: Sequence[int] = ()) -> int:
        self._calls += 1
        line = protocol.encode_request(Request(self._calls, method, params or {}))
        if len(line) > MAX_REQUEST:
            raise protocol.too_long()
        try:
            sent = socket.send_fds(self._socket, [line], descriptors) if descriptors else 0
            self._socket.sendall(line[sent:])
        except OSError:
            # The daemon has closed already; what it said before that is what the caller must be told.
            self._answer(method)
            raise self._lost(method) from None
        return self._calls

    def _answer(self, method: str) -> JsonObject:
        """The next line that concerns this call; raises RpcError if it is an error."""
        try:
            line = self._lines.readline(MAX_ANSWER)
        except OSError:
            line = b""
        if not line.endswith(b"\n"):
            raise self._lost(method)
        answer = _parse(line)
        if answer is None:
            raise ProtocolMismatchError(f"what answers at {self._path} does not speak wacrmd's protocol")
        _raise_error(answer)
        return answer

    def _greeting(self) -> str:
        try:
            line = self._lines.readline(MAX_REQUEST)
        except TimeoutError:
            raise NotReachableError(
                f"the daemon at {self._path} took the connection and said nothing: it may be stuck, "
                "see its log (journalctl -u wacrmd)"
            ) from None
        except OSError:
            line = b""
        if not line:
            raise NotReachableError(
                f"the daemon at {self._path} closed the connection at once: it is stopping, "
                "try again in a moment"
            )
        hello = _parse(line) or {}
        _raise_error(hello)
        if "wacrmd" not in hello:
            raise ProtocolMismatchError(
                f"what answers at {self._path} is no wacrmd daemon: name the right socket with --socket"
            )
        if hello.get("protocol") != PROTOCOL:
            raise ProtocolMismatchError(
                f"the daemon (wacrmd {hello['wacrmd']}) speaks protocol {hello.get('protocol')} and this "
                f"command speaks {PROTOCOL}: use the wacrmd command of the daemon's version, "
                "or restart the daemon"
            )
        return str(hello["wacrmd"])

    def _lost(self, method: str) -> ConnectionLostError:
        return ConnectionLostError(
            f"the daemon closed the connection before it answered {method}, so whether that was done is "
            "unknown: see 'wacrmd status' and the daemon's log"
        )


def _connect(path: Path, timeout_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            connection.connect(os.fspath(path))
        except BlockingIOError:
            # Linux does not let a socket with a timeout wait for a place in the backlog (connect(2): EAGAIN).
            if time.monotonic() < deadline:
                time.sleep(_FULL_BACKLOG_PAUSE_S)
                continue
            connection.close()
            raise NotReachableError(
                f"the daemon at {path} takes no more connections: it may be stuck, see its log "
                "(journalctl -u wacrmd)"
            ) from None
        except OSError as error:
            connection.close()
            raise NotReachableError(_why_not(path, error)) from None
        else:
            return connection


def _why_not(path: Path, error: OSError) -> str:
    """One sentence about a connection that failed, and what to do."""
    if isinstance(error, FileNotFoundError):
        return (
            f"no daemon is reachable, there is no socket {path}: start it with 'systemctl start wacrmd', "
            "or name its socket with --socket"
        )
    if isinstance(error, ConnectionRefusedError):
        return f"nobody answers at {path}: the daemon is not running, start it with 'systemctl start wacrmd'"
    if isinstance(error, PermissionError):
        return f"no permission to use {path}: use sudo, or join the group {_group_of(path)}"
    if error.errno is None or error.errno == errno.ENAMETOOLONG:
        return f"the socket's path is too long (at most 107 bytes): {path}"
    return f"cannot connect to {path}: {error.strerror}"


def _group_of(path: Path) -> str:
    """The name of the group that the socket belongs to, or words for it where that cannot be told."""
    try:
        gid = path.stat().st_gid
        return grp.getgrgid(gid).gr_name
    except (OSError, KeyError):
        return "that the socket and its directory belong to"


def _parse(line: bytes) -> JsonObject | None:
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return message if isinstance(message, dict) else None


def _raise_error(answer: JsonObject) -> None:
    """Raise what the daemon refused; an error without an id concerns the whole connection."""
    error = answer.get("error")
    if error is not None:
        raise RpcError(error["code"], error["message"], error.get("data") or {})
