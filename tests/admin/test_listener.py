"""The socket's file: its mode and group, and whose file is replaced."""

import os
import socket
import stat
from pathlib import Path

import pytest

from wacrmd.admin.listener import open_listener
from wacrmd.errors import AddressInUseError, ConfigError


def test_the_file_has_the_mode_and_group_it_was_given(tmp_path: Path) -> None:
    listener = open_listener(tmp_path / "admin.sock", mode=0o600, group=os.getgid())
    found = listener.path.stat()
    assert stat.S_ISSOCK(found.st_mode)
    assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o600, os.getgid())
    listener.close()
    assert not listener.path.exists()


def test_what_a_dead_daemon_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    listener = open_listener(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    listener.close()


def test_a_daemon_that_lives_keeps_its_socket(tmp_path: Path) -> None:
    first = open_listener(tmp_path / "admin.sock")
    with pytest.raises(AddressInUseError, match="another daemon answers"):
        open_listener(first.path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(first.path))
    first.close()


def test_a_daemon_whose_backlog_is_full_keeps_its_socket(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))
        with pytest.raises(AddressInUseError):
            open_listener(path)
        assert path.exists()


def test_closing_leaves_the_file_of_a_successor_alone(tmp_path: Path) -> None:
    first = open_listener(tmp_path / "admin.sock")
    first.path.rename(tmp_path / "moved")
    second = open_listener(tmp_path / "admin.sock")
    first.close()
    assert second.path.exists()
    second.close()


def test_a_file_that_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="is not a socket"):
        open_listener(path)
    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("missing/admin.sock", "does not exist; create it"), ("x" * 120, "at most 107 bytes")],
)
def test_a_path_that_cannot_be_used_is_named_with_what_to_do(
    tmp_path: Path, name: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence) as raised:
        open_listener(tmp_path / name)
    assert raised.value.problems[0].startswith("[admin] socket: ")


def test_an_unknown_group_leaves_no_file_behind(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no-such-group"):
        open_listener(tmp_path / "admin.sock", group="no-such-group")
    assert list(Path(tmp_path).iterdir()) == []
