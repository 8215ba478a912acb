"""A write that waits for its transaction, and how long its caller lets it wait."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from wacrmd.store.transaction import Work

_LIMIT_S: ContextVar[float | None] = ContextVar("write_wait_limit_s", default=None)


@dataclass(slots=True)
class PendingWrite:
    """A write of the next transaction: the writer runs it, or its caller withdraws it."""

    work: Work[Any]
    done: asyncio.Future[Any]
    is_record: bool = False
    """Whether it is also tried while the file is damaged or has lost its name."""
    _taken: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        """Claim it, to run or to withdraw it: True for the first who asks, from any thread."""
        return self._taken.acquire(blocking=False)


@contextmanager
def waiting_at_most(seconds: float | None) -> Iterator[None]:
    """Inside the block a write waits so long for the database, and then raises StorageError; nothing of it is stored.

    An outage is waited for once: who comes after so much of it is refused at once. None: as long as it takes.
    """
    token = _LIMIT_S.set(seconds)
    try:
        yield
    finally:
        _LIMIT_S.reset(token)


def limit_s() -> float | None:
    """How long a write that is made here waits for its transaction; None: as long as it takes."""
    return _LIMIT_S.get()
