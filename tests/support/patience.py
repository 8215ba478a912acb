"""The time limit of waits in tests, and a wait for a condition."""

from collections.abc import Awaitable, Callable

import anyio

PATIENCE_S = 60.0
"""Only a test that fails waits so long: a machine with too much to do must not make one fail."""


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until the condition is true, checked every few milliseconds; TimeoutError after `PATIENCE_S`."""
    with anyio.fail_after(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - where an event is set, tests wait for the event
            await anyio.sleep(0.002)


async def eventually_told(question: Callable[[], Awaitable[object]]) -> None:
    """Wait until the answer to a question is true, such as a call to a daemon; TimeoutError after `PATIENCE_S`."""
    with anyio.fail_after(PATIENCE_S):
        while not await question():  # noqa: ASYNC110 - what another process or a row says sets no event
            await anyio.sleep(0.02)
