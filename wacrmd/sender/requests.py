"""The requests in flight, each in a task of its own."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from wacrmd.log import get_logger

log = get_logger(__name__)


class Requests:
    """Plain asyncio tasks: a task of anyio's task groups costs as much again as sending and deciding."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, request: Coroutine[Any, Any, None]) -> None:
        """Run a request beside the others."""
        task = asyncio.get_running_loop().create_task(request)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def cancel(self) -> None:
        """Cancel all requests and wait for their ends."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Nothing is known about the attempt, so it expires at the next start.
            log.error("message_send_crashed", exc_info=error)
