"""Servers and clients on real sockets."""

import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.admin.harness import Daemon, Line, Raw, Start, registry
from tests.support.patience import PATIENCE_S
from wacrmd.admin.server import Server
from wacrmd.config import Bind
from wacrmd.domain.actor import Level
from wacrmd.http.sockets import Listener


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Both event loops: they differ for sockets that become ready while a task is cancelled."""
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start a server; it is cancelled at the end of the block."""

    @contextlib.asynccontextmanager
    async def running(level: Level | None = None, **options: Any) -> AsyncIterator[Daemon]:
        daemon = Daemon(tmp_path / "admin.sock", level=level)
        server = Server(registry, daemon, audit=daemon.audit, level_of=daemon.level_of, **options)
        daemon.server = server
        listener = Listener.open(Bind.parse(f"unix:{daemon.path}"), "[admin] socket", mode=0o666)

        async def serve() -> None:
            await server.serve(listener)
            daemon.served.set()

        with anyio.fail_after(PATIENCE_S):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(serve)
                yield daemon
                tasks.cancel_scope.cancel()

    return running


@pytest.fixture
def raw() -> Raw:
    """Connect and read the greeting."""

    @contextlib.asynccontextmanager
    async def connect(path: Path) -> AsyncIterator[Line]:
        with socket.socket(socket.AF_UNIX) as connected:
            connected.setblocking(False)
            connected.connect(str(path))
            line = Line(connected)
            assert (await line.read())["protocol"] == 1
            yield line

    return connect
