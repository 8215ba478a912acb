"""How many connections are served in one pass of the event loop. The loop is a real one."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from wacrmd.http.loop_pass import LoopPass

LIMIT = 4

pytestmark = pytest.mark.anyio


class Passes:
    """Counts the passes of the loop, until it is cancelled."""

    def __init__(self) -> None:
        self.number = 0

    async def count(self) -> None:
        while True:
            self.number += 1
            await asyncio.sleep(0)


async def run_in_passes(*callers: Coroutine[Any, Any, None], passes: Passes) -> None:
    counting = asyncio.create_task(passes.count())
    try:
        async with asyncio.timeout(10):
            await asyncio.gather(*callers)
    finally:
        counting.cancel()


async def test_one_pass_lets_so_many_through_and_the_others_follow_in_their_order() -> None:
    limit, passes = LoopPass(LIMIT), Passes()
    entered: list[tuple[int, int]] = []

    async def caller(name: int) -> None:
        await limit.enter()
        entered.append((name, passes.number))

    await run_in_passes(*(caller(name) for name in range(3 * LIMIT + 1)), passes=passes)

    assert [name for name, _ in entered] == list(range(3 * LIMIT + 1))
    in_pass = [number for _, number in entered]
    assert max(in_pass.count(number) for number in in_pass) <= LIMIT
    assert in_pass[-1] - in_pass[0] <= 4, "three passes, and one until those who wait are woken"


async def test_one_that_was_cancelled_takes_no_place_and_blocks_nobody() -> None:
    limit = LoopPass(1)
    await limit.enter()
    waiting = [asyncio.create_task(limit.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[1].cancel()
    async with asyncio.timeout(10):
        await waiting[2]
        await limit.enter()


async def test_after_a_quiet_time_nobody_waits() -> None:
    limit = LoopPass(LIMIT)
    for _ in range(3):
        async with asyncio.timeout(10):
            await asyncio.gather(*(limit.enter() for _ in range(3 * LIMIT)))
        await asyncio.sleep(0.01)


async def test_a_timer_is_served_while_many_wait() -> None:
    """Each caller takes 1 ms of the loop: without the limit the timer would come after all of them."""
    limit, loop = LoopPass(LIMIT), asyncio.get_running_loop()
    served = 0
    served_at_timer: list[int] = []

    async def caller() -> None:
        nonlocal served
        await limit.enter()
        end = loop.time() + 0.001
        while loop.time() < end:
            pass
        served += 1

    loop.call_later(0.01, lambda: served_at_timer.append(served))
    async with asyncio.timeout(30):
        await asyncio.gather(*(caller() for _ in range(200)))

    assert served_at_timer[0] < 100
