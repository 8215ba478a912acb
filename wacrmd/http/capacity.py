"""How much one listener holds for its clients at one time: connections, and the bytes of bodies; pure.

What is full makes room: whoever has kept the listener waiting longest goes, and who has just come goes last. So a client
that sends its request at once is served, however many slow ones there are.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

MAX_CONNECTIONS = 1024
"""Above what local apps and a reverse proxy keep open. A connection that rests costs about 10 KB, and one that sends a
large body for which there is no room about 135."""

MAX_BODY_BYTES = 64 << 20
"""All bodies that have not been answered, together."""

LARGEST_BODIES = 4
"""As many bodies of the largest size always have room."""


class Shortage(StrEnum):
    """What there was too much of."""

    CONNECTIONS = "connections"
    BODIES = "bodies"


class Holder(Protocol):
    """A request whose body is being received."""

    def evict(self) -> None:
        """Give up receiving."""


class Capacity:
    """What one listener may hold, and the bodies that it holds. Connections are counted by the server."""

    def __init__(self, connections: int, body_bytes: int) -> None:
        self.max_connections = connections
        self.max_body_bytes = body_bytes
        self.connections = 0
        self.body_bytes = 0
        self.on_shortage: Callable[[Shortage], None] = lambda _: None
        """Called for each connection or body that had to go, or was not let in."""
        self._held: dict[Holder, int] = {}
        self._unfinished: dict[Holder, None] = {}

    @classmethod
    def of(cls, largest_body: int, files: int) -> "Capacity":
        """The capacity for bodies of up to `largest_body` bytes, in a process that may have `files` files open."""
        return cls(min(MAX_CONNECTIONS, files // 8), max(MAX_BODY_BYTES, LARGEST_BODIES * largest_body))

    def take(self, holder: Holder, size: int) -> None:
        """Hold so many bytes more of a body that is not complete. Without room, the oldest incomplete bodies go."""
        self._held[holder] = self._held.get(holder, 0) + size
        self._unfinished.setdefault(holder)
        self.body_bytes += size
        while self.body_bytes > self.max_body_bytes and self._unfinished:
            oldest = next(iter(self._unfinished))
            self.release(oldest)
            self.on_shortage(Shortage.BODIES)
            oldest.evict()

    def complete(self, holder: Holder) -> None:
        """The body is complete: it counts until `release`, but it does not go any more."""
        self._unfinished.pop(holder, None)

    def release(self, holder: Holder) -> None:
        """The body is not held any more."""
        self.body_bytes -= self._held.pop(holder, 0)
        self._unfinished.pop(holder, None)
