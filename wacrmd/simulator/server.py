"""The simulated Meta as a whole: listening, with its ledger, options and webhooks at hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, Any

from aiohttp import web

from wacrmd.simulator.control import Control, explained
from wacrmd.simulator.graph import Graph
from wacrmd.simulator.ledger import Ledger
from wacrmd.simulator.options import Options
from wacrmd.simulator.webhooks import Poster
from wacrmd.simulator.world import World

BACKLOG = 4096
MAX_BODY = 4 * 1024 * 1024


class Simulator:
    """A running simulated Meta; get one from `Simulator.running`."""

    def __init__(self, world: World, poster: Poster, control: Control, host: str, port: int) -> None:
        self._world = world
        self._control = control
        self.poster = poster
        self.host = host
        self.port = port

    @property
    def url(self) -> str:
        """What to set as `[meta] graph_url`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def ledger(self) -> Ledger:
        """Every message taken."""
        return self._world.ledger

    @property
    def options(self) -> Options:
        """The options in force."""
        return self._world.options

    def change(self, **changes: Any) -> None:
        """Change options at once; raises OptionError and changes nothing if one is wrong."""
        self._world.change(changes)

    def summary(self) -> dict[str, Any]:
        """What `GET /_simulator/summary` answers."""
        return self._control.totals()

    async def idle(self, timeout_s: float = 60.0) -> None:
        """Return once all scheduled webhooks were taken or given up; TimeoutError after `timeout_s`."""
        async with asyncio.timeout(timeout_s):
            await self.poster.idle()

    @classmethod
    @asynccontextmanager
    async def running(
        cls, options: Options | None = None, *, host: str = "127.0.0.1", port: int = 0
    ) -> "AsyncIterator[Simulator]":
        """A simulated Meta that listens until the block ends (port 0: a free one); raises OSError."""
        options = options or Options()
        async with AsyncExitStack() as stack:
            ledger = Ledger(_opened(stack, options.ledger_file), keep_bodies=options.keep_bodies)
            world = World(options, ledger)
            poster = Poster(world)
            control = Control(world, poster)
            doors = web.Application(middlewares=[explained])
            doors.add_routes(control.routes())
            graph = Graph(world, poster)
            app = web.Application(client_max_size=MAX_BODY)
            app.add_routes(graph.routes())
            app.add_subapp("/_simulator", doors)
            app.router.add_route("*", "/{path:.*}", graph.nowhere)
            runner = web.AppRunner(
                app, access_log=None, shutdown_timeout=0.05, keepalive_timeout=options.keepalive_s
            )
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, host, port, backlog=BACKLOG, reuse_address=True)
            await site.start()
            await poster.start()
            stack.push_async_callback(poster.stop)
            yield cls(world, poster, control, host, runner.addresses[0][1])


def _opened(stack: AsyncExitStack, path: str | None) -> IO[bytes] | None:
    return None if path is None else stack.enter_context(Path(path).open("ab"))
