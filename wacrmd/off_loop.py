"""Work that takes the processor for more than a few milliseconds, beside the event loop.

Threads share one interpreter: each that computes makes the loop wait for some milliseconds in turn. So one works at a time.
A call into C, such as the reading of JSON, is not interrupted at all: its input must be bounded.
"""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

_limiter: RunVar[CapacityLimiter] = RunVar("off_loop_limiter")


async def off_loop(work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
    """`work(*arguments)` in a worker thread, after what others have asked for before."""
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = CapacityLimiter(1)
        _limiter.set(limiter)
    return await to_thread.run_sync(work, *arguments, limiter=limiter)
