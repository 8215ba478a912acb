"""Who is at the other end of the admin socket, and what they may do (docs/admin.md, Who may do what)."""

import grp
import os
import pwd
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

import anyio
import anyio.to_thread

from wacrmd.domain.actor import Level
from wacrmd.errors import ConfigError

SO_PEERGROUPS: int = getattr(socket, "SO_PEERGROUPS", 59)
"""Linux 4.13 and later; Python's socket module has no name for it (include/uapi/asm-generic/socket.h)."""

NAME_TIMEOUT_S = 1.0
"""How long a user's name is looked for: a directory server that hangs must not hold up an operator."""

_PEER_CREDENTIALS = struct.Struct("iII")
_GROUP = struct.Struct("I")
_MAX_GROUPS_BYTES = 1024
"""What Python's getsockopt takes at most: 256 groups."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected, as the kernel knew it at that moment."""

    pid: int
    uid: int
    gid: int
    groups: frozenset[int]


@dataclass(frozen=True, slots=True)
class Caller:
    """A peer with its name and its level: what a method's handler and the audit log are told."""

    pid: int
    uid: int
    gid: int
    user: str
    level: Level


@dataclass(frozen=True, slots=True)
class Levels:
    """The rule that gives a peer its level: root and the daemon's own user do all, groups as configured."""

    own_uid: int
    admin_gids: frozenset[int] = frozenset()
    operator_gids: frozenset[int] = frozenset()

    def of(self, peer: Peer) -> Level:
        """The level of this peer."""
        gids = peer.groups | {peer.gid}
        if peer.uid in (0, self.own_uid) or gids & self.admin_gids:
            return Level.ADMIN
        return Level.OPERATE if gids & self.operator_gids else Level.READ


def levels(admin_groups: Iterable[str | int], operator_groups: Iterable[str | int]) -> Levels:
    """The rule for this process and the configured groups; raises ConfigError naming every unknown group."""
    problems: list[str] = []

    def gids(key: str, groups: Iterable[str | int]) -> frozenset[int]:
        found = set()
        for group in groups:
            try:
                found.add(gid_of(group))
            except LookupError:
                problems.append(
                    f"[admin] {key}: expected groups that exist on this machine, found {group!r}; "
                    f"create it with 'groupadd --system {group}' or take it out"
                )
        return frozenset(found)

    rule = Levels(os.geteuid(), gids("admin_groups", admin_groups), gids("operator_groups", operator_groups))
    if problems:
        raise ConfigError(problems)
    return rule


def gid_of(group: str | int) -> int:
    """The id of a group given by name or by number; raises LookupError for an unknown name."""
    if isinstance(group, int) or group.isdecimal():
        return int(group)
    return grp.getgrnam(group).gr_gid


def peer_of(connection: socket.socket) -> Peer:
    """The process at the other end of a unix socket; raises OSError where the kernel cannot tell.

    Supplementary groups that cannot be told (an old kernel, more than 256 of them) count as none: a caller
    then gets a lower level than it could have, never a higher one.
    """
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    pid, uid, gid = _PEER_CREDENTIALS.unpack(raw)
    try:
        packed = connection.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, _MAX_GROUPS_BYTES)
    except OSError:
        packed = b""
    return Peer(pid, uid, gid, frozenset(group for (group,) in _GROUP.iter_unpack(packed)))


async def user_name(uid: int) -> str:
    """The user's name, or `uid 1234` where it has none or the lookup takes longer than NAME_TIMEOUT_S."""
    with anyio.move_on_after(NAME_TIMEOUT_S):
        try:
            return (await anyio.to_thread.run_sync(pwd.getpwuid, uid, abandon_on_cancel=True)).pw_name
        except (KeyError, OSError):
            pass  # No such user, or a directory server that is broken: neither may lock an operator out.
    return f"uid {uid}"
