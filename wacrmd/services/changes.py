"""Wakes those who watch broadcasts; what has changed they read from the rows."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Changes:
    """The watchers of broadcasts, each with an event that is set when something has changed."""

    def __init__(self) -> None:
        self._watchers: dict[int, set[asyncio.Event]] = {}
        self._everywhere: set[asyncio.Event] = set()

    def publish(self, broadcast_ids: Iterable[int] = ()) -> None:
        """Wake the watchers of these broadcasts, and always those of all changes."""
        for watcher in self._everywhere:
            watcher.set()
        for broadcast_id in broadcast_ids:
            for watcher in self._watchers.get(broadcast_id, ()):
                watcher.set()

    def wake_all(self) -> None:
        """Wake all watchers: something that concerns every broadcast has changed, such as the start of a drain."""
        self.publish(list(self._watchers))

    @contextmanager
    def watch_all(self) -> Iterator[asyncio.Event]:
        """An event that is set at every change, also of something that is no broadcast."""
        watcher = asyncio.Event()
        self._everywhere.add(watcher)
        try:
            yield watcher
        finally:
            self._everywhere.discard(watcher)

    @contextmanager
    def watch(self, broadcast_id: int) -> Iterator[asyncio.Event]:
        """An event that is set at each change of a broadcast; clear it before reading the rows."""
        watcher = asyncio.Event()
        watchers = self._watchers.setdefault(broadcast_id, set())
        watchers.add(watcher)
        try:
            yield watcher
        finally:
            watchers.discard(watcher)
            if not watchers:
                self._watchers.pop(broadcast_id, None)
