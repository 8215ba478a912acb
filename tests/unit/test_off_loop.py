"""Work beside the event loop: one at a time for each account."""

import threading
from functools import partial

import anyio
import pytest

from tests.support.patience import PATIENCE_S
from wacrmd.off_loop import MAX_THREADS, off_loop

pytestmark = pytest.mark.anyio


async def test_an_account_waits_for_its_own_work_only() -> None:
    release = threading.Event()
    done: list[str] = []

    def hold(name: str) -> None:
        release.wait(PATIENCE_S)
        done.append(name)

    with anyio.fail_after(PATIENCE_S):
        async with anyio.create_task_group() as tasks:
            try:
                for number in range(5):
                    tasks.start_soon(off_loop, "a", hold, f"a{number}")
                await anyio.lowlevel.checkpoint()
                await off_loop("b", done.append, "b")
                assert done == ["b"]
            finally:
                release.set()
    assert done == ["b", *(f"a{number}" for number in range(5))]


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
            for number in range(20):
                tasks.start_soon(partial(off_loop, str(number), work, threading.Event()))
    assert most == MAX_THREADS


async def test_an_error_is_that_of_the_work() -> None:
    with pytest.raises(ZeroDivisionError):
        await off_loop("a", divmod, 1, 0)
    assert await off_loop("a", divmod, 7, 2) == (3, 1)
