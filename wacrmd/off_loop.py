"""Work that takes the processor for more than a few milliseconds, beside the event loop.

Threads share one interpreter: each that computes makes the loop wait for some milliseconds in turn. So few work at a time,
and one for each account: the others do not wait for an account that sends many large bodies. A call into C, such as the
reading of JSON, is not interrupted at all: its input must be bounded.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, TypeVarTuple
from weakref import WeakValueDictionary

from anyio import CapacityLimiter, Lock, to_thread
from anyio.lowlevel import RunVar

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

MAX_THREADS = 2


@dataclass(slots=True)
class _Turns:
    """Of one event loop; a lock lasts as long as somebody holds it or waits for it."""

    threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(MAX_THREADS))
    accounts: WeakValueDictionary[str, Lock] = field(default_factory=WeakValueDictionary)


_turns: RunVar[_Turns] = RunVar("off_loop_turns")


async def off_loop(account_id: str, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
    """`work(*arguments)` in a worker thread, once what the account has asked for before is done."""
    turns = _turns.get(None)
    if turns is None:
        turns = _Turns()
        _turns.set(turns)
    lock = turns.accounts.setdefault(account_id, Lock())
    async with lock:
        return await to_thread.run_sync(work, *arguments, limiter=turns.threads)
