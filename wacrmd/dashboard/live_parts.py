"""What pages show while it changes: the parts of a page, and what is new in them since a browser looked."""

import asyncio
import hashlib
from collections.abc import Hashable, Iterable, Mapping
from contextlib import ExitStack
from typing import Protocol

from markupsafe import Markup

from wacrmd.services.changes import Changes

MIN_INTERVAL_S = 1.0
"""The shortest time between two readings of a source."""

POLL_S = 5.0
"""How often what shows a hold is read again: a hold also depends on the number and the clock."""

SHARE = 0.01
"""The part of a core that a source may cost: if one reading takes 30 ms, the next one is 3 s later."""

LONGEST_PAUSE_S = 30.0
"""However much a reading costs, the next one may come after this time."""

Parts = Mapping[str, Markup]
"""The elements of a page that change, by their ids."""


class Source(Protocol):
    """What a page shows, as the visitor may see it."""

    @property
    def key(self) -> Hashable:
        """The same for sources that show the same."""

    @property
    def broadcast_id(self) -> int | None:
        """Whose changes change it; None: any change may."""

    @property
    def poll_s(self) -> float:
        """When it is read again although no change was reported; `POLL_S` for what also shows a hold."""

    async def read(self) -> Parts:
        """The elements as they are now."""

    def whole(self, parts: Parts) -> Iterable[Markup]:
        """The elements that make a page right that has other ones."""


def next_of(
    looked_at: Mapping["Topic", Iterable[Hashable]], turns: Mapping[Hashable, float], now: float
) -> "Topic":
    """The source to read next, of those that somebody looks at, with the users who do: the one that is due first.

    Of several that are due, it is one of the user whose turn (when something was last read for them) is longest ago, so that
    many pages of one user do not hold up those of others.
    """

    def order(topic: "Topic") -> tuple[float, float, float]:
        turn = min((turns.get(user, float("-inf")) for user in looked_at[topic]), default=now)
        return max(topic.due_at(), now), turn, topic.due_at()

    return min(looked_at, key=order)


def version_of(parts: Parts) -> str:
    """The same for the same elements."""
    digest = hashlib.blake2b(digest_size=9)
    for each in parts.values():
        digest.update(each.encode())
    return digest.hexdigest()


class Topic:
    """A source as all see it who look at it now. Pure but for `read`: each call gets the time."""

    def __init__(self, source: Source, changes: Changes) -> None:
        self.source = source
        self.watchers: set[asyncio.Event] = set()
        """Set when the version has changed."""
        self.version = ""
        """Empty until it was read."""
        self._parts: Parts = {}
        self._before = ""
        self._difference = b""
        self._whole: bytes | None = None
        self._due_at = self._read_at = float("-inf")
        self._is_dirty = True
        self._watching = ExitStack()
        self._changed: asyncio.Event | None = None
        if source.broadcast_id is not None:
            self._changed = self._watching.enter_context(changes.watch(source.broadcast_id))

    def close(self) -> None:
        """Look no more."""
        self._watching.close()

    def note_change(self) -> None:
        """Something has changed somewhere."""
        self._is_dirty = self._is_dirty or self._changed is None or self._changed.is_set()

    def due_at(self) -> float:
        """When it is to be read."""
        return self._due_at if self._is_dirty else max(self._due_at, self._read_at + self.source.poll_s)

    async def read(self) -> None:
        """Read the source, and take what it shows now."""
        self._is_dirty = False
        if self._changed is not None:
            self._changed.clear()
        self._take(await self.source.read())

    def rest(self, cost_s: float, now: float) -> None:
        """Say what the reading that ends now has cost: that decides when the next one may be."""
        self._read_at, self._due_at = now, now + min(max(cost_s / SHARE, MIN_INTERVAL_S), LONGEST_PAUSE_S)

    def since(self, seen: str) -> bytes:
        """The data of an event that leads from what a browser has seen to the present version."""
        if seen and seen == self._before:
            return self._difference
        if self._whole is None:
            self._whole = _data(self.source.whole(self._parts))
        return self._whole

    def _take(self, parts: Parts) -> None:
        version = version_of(parts)
        if version == self.version:
            return
        if self._parts.keys() == parts.keys():
            self._before = self.version
            self._difference = _data(each for name, each in parts.items() if self._parts[name] != each)
        else:
            self._before = ""
        self._parts, self._whole, self.version = parts, None, version
        for each in self.watchers:
            each.set()


def _data(parts: Iterable[Markup]) -> bytes:
    """The data of an event. A `template` lets browsers read the cells of a table outside of one."""
    text = "".join(f"<template>{each}</template>" for each in parts)
    return b"".join(b"data: %s\n" % line.encode() for line in text.splitlines() if line)
