"""Work beside the event loop: one large request at a time, and small ones wait for none."""

import threading
from functools import partial

import anyio
import anyio.lowlevel
import pytest

from tests.support.patience import PATIENCE_S
from wacrmd.off_loop import MAX_THREADS, off_loop, turn

pytestmark = pytest.mark.anyio


async def test_the_turns_of_large_requests_go_round_the_accounts() -> None:
    done: list[str] = []
    holding, release = anyio.Event(), anyio.Event()

    async def take(account: str, name: str) -> None:
        async with turn(account):
            done.append(name)
            holding.set()
            await release.wait()

    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(take, "a", "a0")
            await holding.wait()
            for number in range(1, 4):
                tasks.start_soon(take, "a", f"a{number}")
            await anyio.lowlevel.checkpoint()
            tasks.start_soon(take, "b", "b0")
            await anyio.lowlevel.checkpoint()
            assert done == ["a0"]
            release.set()
    assert done == ["a0", "b0", "a1", "a2", "a3"]


async def test_work_waits_for_no_turn() -> None:
    with anyio.fail_after(PATIENCE_S):
        async with turn("a"):
            assert await off_loop(divmod, 7, 2) == (3, 1)


async def test_a_turn_ends_with_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        async with turn("a"):
            await off_loop(divmod, 1, 0)
    with anyio.fail_after(PATIENCE_S):
        async with turn("b"):
            pass


async def test_few_threads_work_at_a_time() -> None:
    working, most = 0, 0
    lock = threading.Lock()

    def work(pause: threading.Event) -> None:
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        pause.wait(0.01)
        with lock:
            working -= 1

    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(partial(off_loop, work, threading.Event()))
    assert most == MAX_THREADS
