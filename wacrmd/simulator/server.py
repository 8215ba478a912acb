"""The simulated Meta: a server with its ledger, options and webhooks."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, Any

from aiohttp import web

from wacrmd.simulator.control import Control
from wacrmd.simulator.graph import GraphApi
from wacrmd.simulator.ledger import Ledger
from wacrmd.simulator.media import UploadedFile
from wacrmd.simulator.options import Options
from wacrmd.simulator.state import State
from wacrmd.simulator.webhooks import WebhookPoster

BACKLOG = 4096
MAX_BODY = 4 * 1024 * 1024


class Simulator:
    """A running simulated Meta, made by `Simulator.running`."""

    def __init__(self, state: State, poster: WebhookPoster, control: Control, host: str, port: int) -> None:
        self._state = state
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
        """Every accepted message."""
        return self._state.ledger

    @property
    def media(self) -> list[UploadedFile]:
        """Every file that was uploaded, in order."""
        return list(self._state.media.files.values())

    def forget_media(self) -> None:
        """Lose every file that was uploaded."""
        self._state.media.files.clear()

    @property
    def options(self) -> Options:
        """The current options."""
        return self._state.options

    def change(self, **changes: Any) -> None:
        """Change options now; raises OptionError and changes nothing if one is wrong."""
        self._state.change(changes)

    def summary(self) -> dict[str, Any]:
        """What `GET /_simulator/summary` answers."""
        return self._control.totals()

    async def idle(self, timeout_s: float = 60.0) -> None:
        """Return once all scheduled webhooks are accepted or given up; raises TimeoutError after `timeout_s`."""
        async with asyncio.timeout(timeout_s):
            await self.poster.idle()

    @classmethod
    @asynccontextmanager
    async def running(
        cls, options: Options | None = None, *, host: str = "127.0.0.1", port: int = 0
    ) -> "AsyncIterator[Simulator]":
        """Listen until the block ends (port 0: a free port). Raises OSError if the address cannot be used."""
        options = options or Options()
        async with AsyncExitStack() as stack:
            ledger = Ledger(_opened(stack, options.ledger_file), keep_bodies=options.keep_bodies)
            state = State(options, ledger)
            poster = WebhookPoster(state)
            control = Control(state, poster)
            control_app = web.Application()
            control_app.add_routes(control.routes())
            graph = GraphApi(state, poster)
            app = web.Application(client_max_size=MAX_BODY)
            app.add_routes(graph.routes())
            app.add_subapp("/_simulator", control_app)
            app.router.add_route("*", "/{path:.*}", graph.unknown_path)
            app.on_response_prepare.append(graph.set_date)
            runner = web.AppRunner(
                app, access_log=None, shutdown_timeout=0.05, keepalive_timeout=options.keepalive_s
            )
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
            await web.SockSite(runner, listening, backlog=BACKLOG).start()
            stack.push_async_callback(stop_accepting, listening)
            await poster.start()
            stack.push_async_callback(poster.stop)
            yield cls(state, poster, control, host, runner.addresses[0][1])


async def stop_accepting(listening: socket.socket) -> None:
    """Accept no more connections, and let those that were just accepted begin; then their server can close them.

    asyncio leaves them open if the server is closed meanwhile (python/cpython#109564).
    """
    asyncio.get_running_loop().remove_reader(listening.fileno())
    for _ in range(3):
        await asyncio.sleep(0)


def _opened(stack: AsyncExitStack, path: str | None) -> IO[bytes] | None:
    return None if path is None else stack.enter_context(Path(path).open("ab"))
