"""The client's errors: no daemon, another protocol, broken connections."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.folders import open_to_all
from tests.support.patience import PATIENCE_S
from wacrmd.admin.client import AdminClient, ConnectionLostError, NotReachableError, ProtocolMismatchError
from wacrmd.admin.protocol import RpcError

GREETING = b'{"wacrmd":"9.9","protocol":1}\n'


@contextlib.contextmanager
def answering(path: Path, serve: Callable[[socket.socket], None]) -> Iterator[None]:
    """A server for one connection, which runs `serve`."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def run() -> None:
            accepted, _ = listening.accept()
            with accepted:
                serve(accepted)

        thread = threading.Thread(target=run)
        thread.start()
        yield
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def sending(*lines: bytes) -> Callable[[socket.socket], None]:
    """Send the first line at once, and each further one after a request."""

    def serve(accepted: socket.socket) -> None:
        accepted.sendall(lines[0])
        for line in lines[1:]:
            accepted.recv(65536)
            accepted.sendall(line)

    return serve


def test_the_error_of_a_missing_socket_names_the_command_that_starts_the_daemon(tmp_path: Path) -> None:
    with pytest.raises(NotReachableError, match=r"systemctl start wacrmd.*--socket"):
        AdminClient(tmp_path / "admin.sock")


def test_the_error_of_a_socket_without_a_listener_says_that_the_daemon_is_not_running(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(NotReachableError, match="the daemon is not running"):
        AdminClient(path)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_the_error_of_a_missing_permission_names_sudo_and_the_group(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        path.chmod(0o600)
        open_to_all(tmp_path)
        listening.listen()
        os.setegid(65534)
        os.seteuid(65534)
        try:
            with pytest.raises(NotReachableError, match="use sudo, or join the group root"):
                AdminClient(path)
        finally:
            os.seteuid(0)
            os.setegid(0)


def test_a_socket_path_that_is_too_long_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotReachableError, match="too long"):
        AdminClient(tmp_path / ("x" * 120))


def test_a_daemon_with_a_full_backlog_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))
        with pytest.raises(NotReachableError, match="takes no more connections"):
            AdminClient(path, connect_timeout_s=0.1)


def test_a_daemon_that_sends_no_greeting_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        with pytest.raises(NotReachableError, match="said nothing"):
            AdminClient(path, connect_timeout_s=0.1)


def test_another_protocol_version_is_an_error_that_names_both_versions(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with (
        answering(path, sending(b'{"wacrmd":"9.9","protocol":2}\n')),
        pytest.raises(
            ProtocolMismatchError, match=r"wacrmd 9\.9\) speaks protocol 2 and this command speaks 1"
        ),
    ):
        AdminClient(path)


@pytest.mark.parametrize("hello", [b"220 mail.example ESMTP\r\n", b"[]\n", b"{}\n"])
def test_a_greeting_of_another_program_is_an_error(tmp_path: Path, hello: bytes) -> None:
    path = tmp_path / "admin.sock"
    with answering(path, sending(hello)), pytest.raises(ProtocolMismatchError, match="no wacrmd daemon"):
        AdminClient(path)


def test_the_error_of_a_connection_closed_at_once_says_that_the_daemon_is_stopping(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with answering(path, lambda _: None), pytest.raises(NotReachableError, match="it is stopping"):
        AdminClient(path)


def test_an_error_instead_of_the_greeting_is_raised(tmp_path: Path) -> None:
    line = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"too many","data":{}}}\n'
    path = tmp_path / "admin.sock"
    with answering(path, sending(line)), pytest.raises(RpcError, match="too many"):
        AdminClient(path)


@pytest.mark.parametrize("half", [b"", b'{"jsonrpc":"2.0","id":1,"resu'])
def test_the_error_of_a_broken_connection_says_that_the_outcome_is_unknown(
    tmp_path: Path, half: bytes
) -> None:
    path = tmp_path / "admin.sock"
    with answering(path, sending(GREETING, half)), AdminClient(path) as client:
        assert client.daemon_version == "9.9"
        with pytest.raises(ConnectionLostError, match="whether that was done is unknown"):
            client.call("name.add")


def test_a_broken_stream_yields_its_items_and_then_raises(tmp_path: Path) -> None:
    item = b'{"jsonrpc":"2.0","method":"stream","params":{"id":1,"item":7}}\n'
    path = tmp_path / "admin.sock"
    with answering(path, sending(GREETING, item)), AdminClient(path) as client:
        items = client.stream("watch")
        assert next(items) == 7
        with pytest.raises(ConnectionLostError):
            next(items)


def test_an_error_sent_before_the_connection_was_closed_is_raised(tmp_path: Path) -> None:
    line = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"too long","data":{}}}\n'
    path = tmp_path / "admin.sock"
    with answering(path, sending(GREETING + line)):
        client = AdminClient(path)
    with client, pytest.raises(RpcError, match="too long"):
        client.call("name.add", {"name": "x" * 100_000})
