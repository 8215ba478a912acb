"""The identity of a peer and its level."""

import os
import pwd
import socket
import threading

import anyio
import pytest

from tests.support.patience import PATIENCE_S
from wacrmd.admin import identity
from wacrmd.admin.identity import Levels, Peer, gid_of, levels, peer_of, user_name
from wacrmd.domain.actor import Level
from wacrmd.errors import ConfigError

RULE = Levels(own_uid=500, admin_gids=frozenset({10}), operator_gids=frozenset({20}))


@pytest.mark.parametrize(
    ("uid", "gid", "groups", "level"),
    [
        (0, 0, (), Level.ADMIN),
        (500, 500, (), Level.ADMIN),
        (600, 10, (), Level.ADMIN),
        (600, 600, (30, 10, 20), Level.ADMIN),
        (600, 20, (), Level.OPERATE),
        (600, 600, (20,), Level.OPERATE),
        (600, 500, (0, 30), Level.READ),
    ],
)
def test_the_level_follows_from_user_and_groups(
    uid: int, gid: int, groups: tuple[int, ...], level: Level
) -> None:
    assert RULE.of(Peer(1, uid, gid, frozenset(groups))) is level


def test_the_kernel_reports_the_peers_credentials() -> None:
    left, right = socket.socketpair(socket.AF_UNIX)
    with left, right:
        peer = peer_of(left)
    assert (peer.pid, peer.uid, peer.gid) == (os.getpid(), os.getuid(), os.getgid())
    assert peer.groups == frozenset(os.getgroups())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can take on other groups")
def test_supplementary_groups_are_those_of_the_connecting_process() -> None:
    listening = socket.socket(socket.AF_UNIX)
    with listening:
        listening.bind("")
        listening.listen()
        child = os.fork()
        if child == 0:
            os.setgroups([4711, 4712])
            os.setgid(4713)
            os.setuid(65534)
            client = socket.socket(socket.AF_UNIX)
            client.connect(listening.getsockname())
            client.recv(1)
            os._exit(0)
        accepted, _ = listening.accept()
        with accepted:
            peer = peer_of(accepted)
        os.waitpid(child, 0)
    assert peer == Peer(child, 65534, 4713, frozenset({4711, 4712}))


def test_groups_are_known_by_name_and_by_number() -> None:
    rule = levels(["root"], ["123", 45])
    assert rule == Levels(os.geteuid(), frozenset({gid_of("root")}), frozenset({123, 45}))


def test_every_unknown_group_is_listed() -> None:
    with pytest.raises(ConfigError) as raised:
        levels(["nobody-here"], ["root", "nor-here"])
    assert [problem.split(":")[0] for problem in raised.value.problems] == [
        "[admin] admin_groups",
        "[admin] operator_groups",
    ]
    assert "groupadd --system nobody-here" in raised.value.problems[0]


@pytest.mark.anyio
async def test_a_user_without_a_name_is_shown_by_number() -> None:
    assert await user_name(0) == "root"
    assert await user_name(4_000_000) == "uid 4000000"


@pytest.mark.anyio
async def test_a_user_is_shown_by_number_if_the_directory_server_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: int) -> None:
        raise OSError("I/O error")

    monkeypatch.setattr(pwd, "getpwuid", broken)
    assert await user_name(0) == "uid 0"


@pytest.mark.anyio
async def test_a_directory_server_that_hangs_delays_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    hung = threading.Event()
    monkeypatch.setattr(identity, "NAME_TIMEOUT_S", 0.05)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: hung.wait())
    try:
        with anyio.fail_after(PATIENCE_S):
            assert await user_name(0) == "uid 0"
    finally:
        hung.set()
