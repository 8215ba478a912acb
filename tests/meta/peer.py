"""A TCP server for tests: it counts what arrives, and runs a script for each connection."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from wacrmd.simulator.server import stop_accepting

Script = Callable[["Talk"], Awaitable[None]]

ACCEPTED = b'{"messages":[{"id":"wamid.1"}]}'
"""Meta's answer to a message that it accepts."""


def http_answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """One complete response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def reset_on_close(sock: socket.socket) -> None:
    """Let the next close send RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Talk:
    """One connection of the peer."""

    def __init__(self, peer: "Peer", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peer = peer
        self.reader = reader
        self.writer = writer

    async def head(self) -> bytes:
        """Read a request up to its empty line."""
        return await self.reader.readuntil(b"\r\n\r\n")

    async def request(self) -> tuple[bytes, bytes]:
        """Read one complete request and keep it."""
        head = await self.head()
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        body = await self.reader.readexactly(int(fields.get(b"content-length", b"0")))
        self.peer.requests.append((head, body))
        self.peer.first_request.set()
        return head, body

    async def answer(self, body: bytes, status: str = "200 OK", *headers: str) -> None:
        """Write one complete response."""
        await self.write(http_answer(body, status, *headers))

    async def write(self, raw: bytes) -> None:
        """Write these bytes."""
        self.writer.write(raw)
        await self.writer.drain()

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        reset_on_close(self.writer.get_extra_info("socket"))
        self.writer.transport.abort()


async def accept_all(talk: Talk) -> None:
    """Accept the message of each request."""
    while True:
        await talk.request()
        await talk.answer(ACCEPTED)


async def hang(talk: Talk) -> None:
    """Read one request and answer nothing."""
    await talk.request()
    await asyncio.Event().wait()


class Peer:
    """What a scripted peer has seen so far."""

    def __init__(self) -> None:
        self.url = ""
        self.connections = 0
        self.requests: list[tuple[bytes, bytes]] = []
        self.first_request = asyncio.Event()

    @property
    def posts(self) -> int:
        """The number of complete POSTs."""
        return sum(head.startswith(b"POST ") for head, _ in self.requests)


@asynccontextmanager
async def peer(
    script: Script, *, tls: ssl.SSLContext | None = None, receive_buffer: int | None = None
) -> AsyncIterator[Peer]:
    """A listening peer that runs `script` on each connection and then closes it."""
    seen = Peer()
    talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(handle(Talk(seen, reader, writer)))
        talks[task] = writer
        task.add_done_callback(talks.pop)
        seen.connections += 1

    async def handle(talk: Talk) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await script(talk)
        talk.writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await talk.writer.wait_closed()

    listener = socket.create_server(("127.0.0.1", 0))
    if receive_buffer:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    server = await asyncio.start_server(begin, sock=listener, ssl=tls)
    seen.url = f"{'https' if tls else 'http'}://localhost:{listener.getsockname()[1]}"
    try:
        yield seen
    finally:
        await stop_accepting(listener)
        server.close()
        left = dict(talks)
        for task, writer in left.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*left, return_exceptions=True)
        await server.wait_closed()
