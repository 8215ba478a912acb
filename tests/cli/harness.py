"""A daemon whose methods record their calls and answer what a test has set."""

import threading
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from anyio.from_thread import start_blocking_portal
from pydantic import ConfigDict

from wacrmd.admin.identity import Caller
from wacrmd.admin.listener import open_listener
from wacrmd.admin.registry import Method, Registry
from wacrmd.admin.server import Server
from wacrmd.domain.actor import Level
from wacrmd.errors import Refusal
from wacrmd.operations.inputs import Params

METHODS = (
    "account.add",
    "account.list",
    "number.add",
    "number.list",
    "key.create",
    "key.list",
    "key.revoke",
    "broadcast.list",
    "broadcast.show",
    "status",
)


class Anything(Params):
    """Parameters as they come: the commands are tested here, not the services."""

    model_config = ConfigDict(extra="allow")


@dataclass
class Daemon:
    """A running admin socket."""

    socket: Path
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    level: Level = Level.ADMIN

    def run(self, ready: threading.Event, stop: threading.Event) -> None:
        """Serve until `stop`."""
        registry: Registry[None] = Registry([self._method(name) for name in METHODS])
        registry.add(
            Method(name="watch", level=Level.READ, summary="Count", handler=self._watch, stream=True)
        )

        async def audit(*_: Any) -> None: ...

        async def serve() -> None:
            server = Server(registry, None, audit=audit, level_of=lambda _: self.level)
            await server.serve(open_listener(self.socket))

        with start_blocking_portal() as portal:
            serving = portal.start_task_soon(serve)
            portal.call(anyio.wait_all_tasks_blocked)
            ready.set()
            stop.wait()
            serving.cancel()

    def _method(self, name: str) -> Method[None]:
        async def handler(_context: None, params: Anything, _caller: Caller) -> Any:
            self.asked.append((name, params.model_dump()))
            answer = self.answers.get(name)
            if isinstance(answer, Refusal):
                raise answer
            return answer

        level = Level.OPERATE if name == "account.add" else Level.READ
        return Method(name=name, level=level, summary=name, handler=handler, params=Anything)

    async def _watch(self, _context: None, _params: Params, _caller: Caller) -> AsyncGenerator[int, None]:
        for number in range(3):
            yield number
