"""Bytes over a non-blocking unix socket, cancellable at every moment."""

import socket

import anyio


class Wire:
    """Reads and writes one connected socket; the caller closes it.

    Not anyio's UNIXSocketStream: in 4.16, cancelling a receive or send just when the socket becomes ready
    raises InvalidStateError inside the event loop.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    async def receive(self, max_bytes: int) -> bytes:
        """What has come, at most `max_bytes`; empty once the other side sends no more or has gone."""
        while True:
            await anyio.wait_readable(self._socket)
            try:
                return self._socket.recv(max_bytes)
            except BlockingIOError:
                continue
            except OSError:
                return b""

    async def send(self, data: bytes) -> None:
        """Send all of it; raises OSError if the other side has gone. Cancelled, a part may have been sent."""
        left = memoryview(data)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                await anyio.wait_writable(self._socket)
