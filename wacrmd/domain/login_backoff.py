"""How long somebody waits who gave wrong passwords; pure.

A stranger waits by the name and by the network. The name has a short wait, for whoever knows it can make it wait; the
network has a long one. A browser that has logged in with the name before waits by itself alone: strangers cannot lock its
user out. Wrong passwords fade.

Times are of the monotonic clock. Nothing is stored: a restart begins afresh, and costs a guesser more than it gains.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from wacrmd.clock import MINUTE, SECOND, Millis
from wacrmd.domain.network import address_of

FREE_TRIES = 5
"""Wrong passwords before the first wait: people mistype."""

FIRST_WAIT: Millis = 2 * SECOND
"""It doubles with each wrong password."""

FADES_AFTER: Millis = 10 * MINUTE
"""After so long without a further one, one wrong password is forgotten."""

MAX_WRONG = 20
"""More are not counted: three hours later all is forgotten."""

MAX_KEYS = 10_000
"""Names, networks and browsers that are remembered. Those that were not heard of for longest are forgotten first."""

IPV6_PREFIX = 64
"""What one customer has at least: all its addresses are one."""


class By(StrEnum):
    """By what somebody is known."""

    NAME = "name"
    NETWORK = "network"
    BROWSER = "browser"


LONGEST_WAIT: dict[By, Millis] = {By.NAME: MINUTE, By.NETWORK: 15 * MINUTE, By.BROWSER: 15 * MINUTE}


class Key(NamedTuple):
    """A name, a network, or a browser that has logged in with the name before."""

    by: By
    value: str


@dataclass(slots=True)
class _Tries:
    wrong: int = 0
    at: Millis = 0
    until: Millis = 0


@dataclass(slots=True)
class LoginBackoff:
    """The wrong passwords of the last hours."""

    _tries: OrderedDict[Key, _Tries] = field(default_factory=OrderedDict)

    def wait(self, keys: Iterable[Key], now: Millis) -> Millis:
        """How long who has these keys must wait; 0: not at all."""
        return max(0, *(self._tries[key].until - now for key in keys if key in self._tries), 0)

    def try_(self, keys: Iterable[Key], now: Millis) -> None:
        """Count a password that is not checked yet as wrong: of many at once, few are checked."""
        for key in keys:
            tries = self._tries.pop(key, None) or _Tries(at=now)
            tries.wrong = min(max(0, tries.wrong - (now - tries.at) // FADES_AFTER) + 1, MAX_WRONG)
            tries.at = now
            if tries.wrong >= FREE_TRIES:
                tries.until = now + min(FIRST_WAIT << (tries.wrong - FREE_TRIES), LONGEST_WAIT[key.by])
            self._tries[key] = tries
        while len(self._tries) > MAX_KEYS:
            self._tries.popitem(last=False)

    def succeeded(self, keys: Iterable[Key], now: Millis) -> None:
        """It was right. Earlier wrong ones still count, except for the browser: who has a name may guess others."""
        for key in keys:
            tries = self._tries.get(key)
            if tries is None:
                continue
            if key.by is By.BROWSER:
                del self._tries[key]
            else:
                tries.wrong, tries.until = max(0, tries.wrong - 1), now


def keys_of(name: str, address: str | None, browser: str | None) -> tuple[Key, ...]:
    """By what a login is known; `browser` has logged in with this name before, `address` is None on a Unix socket."""
    if browser is not None:
        return (Key(By.BROWSER, browser),)
    network = network_of(address)
    named = Key(By.NAME, name.casefold())
    return (named,) if network is None else (named, Key(By.NETWORK, network))


def network_of(address: str | None) -> str | None:
    """The network that has one owner: an IPv4 address, or the first 64 bits of an IPv6 address; None for no address."""
    if not address:
        return None
    try:
        found = address_of(address)
    except ValueError:
        return None
    if found.version == 4:  # noqa: PLR2004 - of the Internet Protocol
        return str(found)
    return str(ipaddress.ip_network((found, IPV6_PREFIX), strict=False))
