"""A daemon with all methods. They record their calls and return the result that a test has set, or a sample."""

import threading
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
from anyio.from_thread import start_blocking_portal
from pydantic import BaseModel, SecretStr

from tests.cli.samples import sample
from wacrmd.admin.identity import Caller
from wacrmd.admin.methods import registry
from wacrmd.admin.registry import Method, Registry
from wacrmd.admin.server import Server
from wacrmd.config import Bind
from wacrmd.domain.actor import Level
from wacrmd.errors import Refusal
from wacrmd.http.sockets import Listener
from wacrmd.operations.table import OPERATIONS

ADMIN_OPERATIONS = {operation.name: operation for operation in OPERATIONS if operation.admin is not None}


@dataclass
class Daemon:
    """A running admin socket. Parameters are checked as by the real daemon; no service is called."""

    socket: Path
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    level: Level = Level.ADMIN
    filled: bool = True
    """Whether samples have every optional value and items in their lists."""

    def run(self, ready: threading.Event, stop: threading.Event) -> None:
        """Serve until `stop`."""
        methods: Registry[None] = Registry(
            self._method(method) for method in registry() if method.name != "rpc.describe"
        )

        async def audit(*_: Any) -> None: ...

        async def serve() -> None:
            server = Server(methods, None, audit=audit, level_of=lambda _: self.level)
            await server.serve(Listener.open(Bind.parse(f"unix:{self.socket}"), "[admin] socket"))

        with start_blocking_portal() as portal:
            serving = portal.start_task_soon(serve)
            portal.call(anyio.wait_all_tasks_blocked)
            ready.set()
            stop.wait()
            serving.cancel()

    def _method(self, method: Method[Any]) -> Method[None]:
        async def call(_context: None, params: BaseModel, _caller: Caller) -> Any:
            return self._answer(method.name, params)

        async def stream(_context: None, params: BaseModel, _caller: Caller) -> AsyncGenerator[Any, None]:
            for item in self._answer(method.name, params):
                yield item

        return replace(method, handler=stream if method.stream else call)

    def _answer(self, name: str, params: BaseModel) -> Any:
        given = params.model_dump(exclude_unset=True, by_alias=True)
        self.asked.append((name, {key: _revealed(value) for key, value in given.items()}))
        if name not in self.answers:
            branch = 1 if given.get("dry_run") else 0
            return sample(ADMIN_OPERATIONS[name], filled=self.filled, branch=branch)
        answer = self.answers[name]
        if isinstance(answer, Refusal):
            raise answer
        return answer


def _revealed(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
