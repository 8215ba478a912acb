"""What is under way for drafts: the progress of checks and takeovers, uploads, and the wake-up of the worker."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class WorkProgress:
    """How far a check or a takeover is; of a check, `total` is an estimate in bytes."""

    done: int
    total: int


@dataclass(slots=True)
class DraftWork:
    """In memory only: what must survive a crash stands in the rows."""

    progress: dict[int, WorkProgress] = field(default_factory=dict)
    """By the row id of the draft."""
    editions: set[tuple[int, int]] = field(default_factory=set)
    """(draft, edition) of the uploads and checks that are being written."""
    checks: asyncio.Event = field(default_factory=asyncio.Event)
    sends: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Look at all drafts again: what kept them waiting has ended."""
        self.checks.set()
        self.sends.set()

    def shares(self) -> list[tuple[int, int]]:
        """(done, total) of what is being worked on."""
        return [(each.done, each.total) for each in self.progress.values()]

    @contextmanager
    def writing(self, broadcast_id: int, edition: int) -> Iterator[None]:
        """While its pieces are written, nobody takes them for what is left of a crash."""
        self.editions.add((broadcast_id, edition))
        try:
            yield
        finally:
            self.editions.discard((broadcast_id, edition))

    @contextmanager
    def working(self, broadcast_id: int, total: int) -> Iterator[WorkProgress]:
        """The progress of a check or takeover, which others can see."""
        shown = WorkProgress(0, total)
        self.progress[broadcast_id] = shown
        try:
            yield shown
        finally:
            self.progress.pop(broadcast_id, None)
