"""What a request costs the daemon in the test's process: how long the loop is held, and how much memory is taken."""

import asyncio
import ctypes
import gc
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

PROBE = orjson.dumps(
    [{"to": f"+1415{number}", "params": ["a", "b"]} for number in range(2_000_000, 2_020_000)]
)
PROBE_S = 0.025
"""Processor time that reading `PROBE` took on the machine by which the bounds were chosen."""

PAUSE_S = 0.001
"""Between two looks at the loop; what other threads compute meanwhile counts too."""


@dataclass
class Cost:
    """`held_s`: processor time of the process in the longest pass of the loop. Other processes do not count.

    All threads count: while one of them is in a call that lets no other run, the loop waits for it.
    """

    held_s: float = 0.0
    taken_bytes: int = 0


def slowness() -> float:
    """By how much this machine is slower now than the one by which the bounds were chosen; at least 1."""
    gc.collect()
    found = []
    for _ in range(3):
        began = time.thread_time()
        orjson.loads(PROBE)
        found.append(time.thread_time() - began)
    return max(1.0, min(found) / PROBE_S)


@contextmanager
def frozen_heap() -> Iterator[None]:
    """What the tests have made is not searched for garbage, as in a daemon, which freezes what it has at its start."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@asynccontextmanager
async def measured() -> AsyncIterator[Cost]:
    """The cost of what is done meanwhile by others than the caller's own pass of the loop."""
    cost = Cost()
    before = _forget_peak()
    counting = asyncio.create_task(_count(cost))
    await asyncio.sleep(2 * PAUSE_S)
    cost.held_s = 0.0
    yield cost
    counting.cancel()
    cost.taken_bytes = _status("VmHWM") - before


async def _count(cost: Cost) -> None:
    last = time.process_time()
    while True:
        await asyncio.sleep(PAUSE_S)
        now = time.process_time()
        cost.held_s = max(cost.held_s, now - last)
        last = now


def _forget_peak() -> int:
    """Give free memory back, so that it counts when it is taken again; the bytes that are in use."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew: proc(5)
    return _status("VmRSS")


def _status(name: str) -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024
