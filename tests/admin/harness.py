"""The admin socket with a few methods for tests, and a client that reads and writes raw lines."""

import contextlib
import os
import socket
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import anyio
import orjson
from pydantic import Field, SecretStr

from wacrmd.admin.identity import Caller, Peer
from wacrmd.admin.registry import Method, Registry
from wacrmd.admin.server import Server
from wacrmd.admin.wire import Wire
from wacrmd.domain.actor import Level
from wacrmd.errors import ErrorCode, Problem, Refusal, bad_request
from wacrmd.operations.inputs import OpenFiles, Params

H = TypeVar("H", bound=Callable[..., Any])


class Rename(Params):
    name: str = Field(min_length=2)
    token: SecretStr | None = None
    tags: tuple[str, ...] = ()


class Count(Params):
    to: int


class Written(OpenFiles):
    text: str


class Refuse(Params):
    code: ErrorCode


@dataclass
class Daemon:
    """The state that the handlers change and the tests check."""

    path: Path
    names: list[str] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    audited: list[tuple[str, str, dict[str, Any], str, int]] = field(default_factory=list)
    go: anyio.Event = field(default_factory=anyio.Event)
    begun: anyio.Event = field(default_factory=anyio.Event)
    ended: anyio.Event = field(default_factory=anyio.Event)
    level: Level | None = None
    server: "Server[Daemon] | None" = None
    served: anyio.Event = field(default_factory=anyio.Event)

    async def audit(
        self, caller: Caller, method: str, params: dict[str, Any], result: str, calls: int
    ) -> None:
        self.audited.append((caller.user, method, params, result, calls))

    def level_of(self, peer: Peer) -> Level:
        if self.level is not None:
            return self.level
        return Level.ADMIN if peer.uid == 0 else Level.READ


class _Registry(Registry[Daemon]):
    def method(self, name: str, **fields: Any) -> Callable[[H], H]:
        """Register the decorated handler; the arguments are those of Method."""

        def register(handler: H) -> H:
            self.add(Method(name=name, handler=handler, **fields))
            return handler

        return register


registry = _Registry()


@registry.method("echo", level=Level.READ, summary="What was given", params=Count, example={"to": 1})
async def echo(daemon: Daemon, params: Count, caller: Caller) -> dict[str, Any]:
    daemon.callers.append(caller)
    return {"to": params.to, "user": caller.user}


@registry.method("file.write", level=Level.READ, summary="Write", params=Written, example={"text": "x"})
async def write_file(daemon: Daemon, params: Written, caller: Caller) -> int:
    for descriptor in params.descriptors:
        os.write(descriptor, params.text.encode())
    return len(params.descriptors)


@registry.method(
    "name.add", level=Level.OPERATE, summary="Add", params=Rename, example={"name": "Jo"}, changes=True
)
async def add_name(daemon: Daemon, params: Rename, caller: Caller) -> dict[str, Any]:
    daemon.names.append(params.name)
    return {"name": params.name}


@registry.method("name.wait", level=Level.OPERATE, summary="Add when the test continues", changes=True)
async def wait(daemon: Daemon, params: Params, caller: Caller) -> str:
    daemon.begun.set()
    await daemon.go.wait()
    daemon.names.append("waited")
    return "done"


@registry.method(
    "name.refuse",
    level=Level.OPERATE,
    summary="No",
    params=Refuse,
    example={"code": "conflict"},
    changes=True,
)
async def refuse(daemon: Daemon, params: Refuse, caller: Caller) -> None:
    if params.code is ErrorCode.BAD_REQUEST:
        raise bad_request("two things are wrong", [Problem("a[0]", "is odd"), Problem("b", "is even")])
    raise Refusal(params.code, "the broadcast is paused", retry_after_s=7)


@registry.method("name.break", level=Level.OPERATE, summary="A bug", changes=True)
async def broken(daemon: Daemon, params: Params, caller: Caller) -> None:
    raise RuntimeError("the secret is EAAG123")


@registry.method("bytes", level=Level.READ, summary="A result that JSON cannot hold")
async def unspeakable(daemon: Daemon, params: Params, caller: Caller) -> bytes:
    return b"\x00"


@registry.method("large", level=Level.READ, summary="Eight MiB")
async def large(daemon: Daemon, params: Params, caller: Caller) -> str:
    return "x" * (8 << 20)


@registry.method("count", level=Level.READ, summary="Count", params=Count, example={"to": 3}, stream=True)
async def count(daemon: Daemon, params: Count, caller: Caller) -> AsyncGenerator[int, None]:
    for number in range(params.to):
        yield number


@registry.method("watch", level=Level.READ, summary="One item, then silence", stream=True)
async def watch(daemon: Daemon, params: Params, caller: Caller) -> AsyncGenerator[str, None]:
    try:
        yield "first"
        await anyio.sleep_forever()
    finally:
        daemon.ended.set()


@registry.method("flood", level=Level.READ, summary="Items without end", stream=True)
async def flood(daemon: Daemon, params: Params, caller: Caller) -> AsyncGenerator[str, None]:
    try:
        while True:
            yield "x" * 65536
    finally:
        daemon.ended.set()


class Line:
    """A client that reads and writes raw lines."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.wire = Wire(connected)
        self.buffer = b""

    async def send(self, data: bytes) -> None:
        await self.wire.send(data)

    async def read(self) -> dict[str, Any]:
        while b"\n" not in self.buffer:
            chunk = await self.wire.receive(65536)
            if not chunk:
                raise EOFError
            self.buffer += chunk
        line, _, self.buffer = self.buffer.partition(b"\n")
        parsed: dict[str, Any] = orjson.loads(line)
        return parsed


Start = Callable[..., contextlib.AbstractAsyncContextManager[Daemon]]
Raw = Callable[[Path], contextlib.AbstractAsyncContextManager[Line]]
