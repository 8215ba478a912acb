"""A page of a list: where it begins, how long it is, and where the next one begins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from wacrmd.clock import Millis

T = TypeVar("T")
R = TypeVar("R")

MAX_ID = 2**62
"""More than any row id and any time: where a list that is newest first begins."""


class Position(NamedTuple):
    """The last row of a page; lists are newest first, by time and then by row id."""

    created_at: Millis
    id: int


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many items are wanted, after which position; None: from the first."""

    limit: int
    after: Position | None = None

    @property
    def rows(self) -> int:
        """How many rows to read: one more than wanted, which shows whether there is a next page."""
        return self.limit + 1


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The items of one page, and the position after which the next page begins; None on the last page."""

    items: list[T]
    next: Position | None = None
    positions: list[Position] = field(default_factory=list)
    """Where each item stands in the list; empty for a page that is the whole list."""

    @classmethod
    def of(
        cls, rows: list[R], request: PageRequest, show: Callable[[R], T], position: Callable[[R], Position]
    ) -> "Page[T]":
        """The page of the rows that were read for a request."""
        more, rows = len(rows) > request.limit, rows[: request.limit]
        return cls(
            [show(row) for row in rows],
            position(rows[-1]) if more else None,
            [position(row) for row in rows],
        )

    @classmethod
    def merged(cls, pages: Sequence["Page[T]"], limit: int) -> "Page[T]":
        """The first items of several lists as one page; each list gave as many as are wanted, or says where it goes on."""
        if len(pages) == 1:
            return pages[0]
        found = [each for page in pages for each in zip(page.positions, page.items, strict=True)]
        # What a list has after its page is not known: nothing after the first such place can be shown yet.
        known_to = max((page.next for page in pages if page.next is not None), default=None)
        kept = sorted(
            (each for each in found if known_to is None or each[0] >= known_to), reverse=True, key=_place
        )
        positions = [position for position, _ in kept[:limit]]
        return cls(
            [item for _, item in kept[:limit]],
            positions[-1] if len(kept) > limit else known_to,
            positions,
        )


def _place(found: tuple[Position, object]) -> Position:
    return found[0]
