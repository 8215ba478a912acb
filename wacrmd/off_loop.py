"""Work that takes the processor for more than a few milliseconds, beside the event loop, and whose turn it is.

Threads share one interpreter: each that computes makes the loop and the others wait. A call into C, such as the reading of
JSON, is not interrupted at all: its input must be bounded.

A large request takes up to twenty times its size, from the decoding of its body to the answer. So one has its turn at a
time; the others wait as they were sent. Each account has one that waits for its turn, so the turns go round. Small requests
wait for no turn.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar, TypeVarTuple
from weakref import WeakValueDictionary

from anyio import CapacityLimiter, Lock, to_thread
from anyio.lowlevel import RunVar

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

MAX_THREADS = 3
"""One for the large request whose turn it is; the others are for small ones."""


@dataclass(slots=True)
class _Turns:
    """Of one event loop; a lock lasts as long as somebody holds it or waits for it."""

    threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(MAX_THREADS))
    large: Lock = field(default_factory=Lock)
    accounts: WeakValueDictionary[str, Lock] = field(default_factory=WeakValueDictionary)


_current: RunVar[_Turns] = RunVar("off_loop_turns")


def _turns() -> _Turns:
    turns = _current.get(None)
    if turns is None:
        turns = _Turns()
        _current.set(turns)
    return turns


async def off_loop(work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
    """`work(*arguments)` in a worker thread."""
    return await to_thread.run_sync(work, *arguments, limiter=_turns().threads)


@asynccontextmanager
async def turn(account_id: str) -> AsyncIterator[None]:
    """The turn of a large request; nobody may wait for others than the database within it."""
    turns = _turns()
    lock = turns.accounts.setdefault(account_id, Lock())
    async with lock, turns.large:
        yield
