"""What is under way for files of headers: those that are being stored, and the wake-up of the worker that uploads them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class MediaWork:
    """In memory only: what must survive a crash stands in the rows."""

    under_way: dict[tuple[int, int], tuple[str, int]] = field(default_factory=dict)
    """(account, size) of each (file, edition) whose pieces are being stored."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def bytes_of(self, account_id: str) -> int:
        """How much is being stored of an account."""
        return sum(size for account, size in self.under_way.values() if account == account_id)

    def others_of(self, media_id: int, edition: int) -> bool:
        """Whether another edition of a file is being stored too."""
        return any(each[0] == media_id and each[1] != edition for each in self.under_way)

    @contextmanager
    def storing(self, media_id: int, edition: int, account_id: str, size: int) -> Iterator[None]:
        """While its pieces are stored, nobody takes them for what is left of a crash, and they count as stored."""
        self.under_way[media_id, edition] = account_id, size
        try:
            yield
        finally:
            self.under_way.pop((media_id, edition), None)
            self.wake.set()
