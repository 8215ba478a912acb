"""Whose turn it is: one visitor's costly pages do not hold up the others.

A page that stays open (server-sent events) has had its turn once it begins.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from anyio import Semaphore

from wacrmd.errors import ErrorCode, Refusal

AT_ONCE = 4
"""Pages and actions of one visitor that are made at the same time: a browser asks for the parts of a page together."""

MAX_WAITING = 40
"""How many of one visitor wait for their turn; others are refused at once."""


@dataclass(slots=True)
class _Line:
    semaphore: Semaphore = field(default_factory=lambda: Semaphore(AT_ONCE))
    requests: int = 0


@dataclass(slots=True)
class Turns:
    """The requests of each visitor that are made or wait."""

    _lines: dict[str, _Line] = field(default_factory=dict)

    @asynccontextmanager
    async def turn(self, visitor: str) -> AsyncIterator[None]:
        """The turn of a request; raises Refusal if too many of the same visitor wait."""
        line = self._lines.setdefault(visitor, _Line())
        if line.requests >= AT_ONCE + MAX_WAITING:
            raise Refusal(
                ErrorCode.RATE_LIMITED, "You asked for too many pages at the same time", retry_after_s=1
            )
        line.requests += 1
        try:
            async with line.semaphore:
                yield
        finally:
            line.requests -= 1
            if not line.requests:
                del self._lines[visitor]
