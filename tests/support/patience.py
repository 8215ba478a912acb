"""How long a test waits for what must come, and how it waits for a state that announces nothing."""

from collections.abc import Callable

import anyio

PATIENCE_S = 60.0
"""Only a test that fails waits so long: a machine with too much to do must not make one fail."""


async def eventually(condition: Callable[[], object]) -> None:
    """Return once the condition is true, looked at every few milliseconds; TimeoutError after `PATIENCE_S`."""
    with anyio.fail_after(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - where an event is set, tests wait for the event
            await anyio.sleep(0.002)
