"""The bare server that the webhook listener is measured against: Hypercorn, an app that reads the body and answers 200.

Run as `python -m bench.bare_webhooks`; it prints its port as the first line.
"""

import asyncio
import socket
from typing import Any

import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config


async def app(scope: Any, receive: Any, send: Any) -> None:
    """The ASGI app."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def run() -> None:
    """Serve on a free port until the process is killed."""
    config = Config()
    config.accesslog = None
    config.errorlog = None
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    config.bind = [f"fd://{listener.detach()}"]
    await serve(app, config, shutdown_trigger=asyncio.Event().wait)


if __name__ == "__main__":
    uvloop.run(run())
