"""Deadlines of futures, over real time."""

import asyncio
import time

import pytest

from tests.support.event_loops import both_event_loops
from wacrmd.http_client.deadlines import Deadlines
from wacrmd.running_time import TICK_S


class LateError(Exception):
    """The deadline has passed."""


@both_event_loops
@pytest.mark.anyio
async def test_a_future_that_is_not_done_in_time_fails() -> None:
    deadlines = Deadlines()
    late, done = asyncio.get_running_loop().create_future(), asyncio.get_running_loop().create_future()
    deadlines.set(late, 0.05, LateError)
    deadlines.set(done, 0.05, LateError)
    done.set_result(1)
    with pytest.raises(LateError):
        await late
    assert await done == 1


@both_event_loops
@pytest.mark.anyio
async def test_a_cleared_deadline_does_nothing() -> None:
    deadlines = Deadlines()
    loop = asyncio.get_running_loop()
    cleared, other = loop.create_future(), loop.create_future()
    deadlines.set(cleared, 0.0, LateError)
    deadlines.set(other, 0.2, LateError)
    deadlines.clear(cleared)
    with pytest.raises(LateError):
        await other
    assert not cleared.done()


@both_event_loops
@pytest.mark.anyio
async def test_a_blocked_loop_does_not_use_up_a_deadline() -> None:
    deadlines = Deadlines()
    future = asyncio.get_running_loop().create_future()
    deadlines.set(future, 0.5, LateError)
    await asyncio.sleep(TICK_S)
    time.sleep(1.0)  # noqa: ASYNC251 - stops the process as SIGSTOP does, for twice the deadline
    began = asyncio.get_running_loop().time()
    await asyncio.sleep(TICK_S)
    assert not future.done()
    with pytest.raises(LateError):
        await future
    assert asyncio.get_running_loop().time() - began >= 0.2, "the blocked second gave back its time"
