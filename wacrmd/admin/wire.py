"""Bytes over a non-blocking unix socket, cancellable at every moment."""

import array
import os
import socket

import anyio

_DESCRIPTOR_BYTES = array.array("i").itemsize


class Wire:
    """Reads and writes one connected socket, which the caller closes; `close` closes open files that nobody has taken.

    With `max_descriptors` it takes open files that are sent along (SCM_RIGHTS, unix(7)); otherwise the kernel closes them.

    Not anyio's UNIXSocketStream: in 4.16, cancelling a receive or send just when the socket becomes ready
    raises InvalidStateError inside the event loop.
    """

    def __init__(self, connected: socket.socket, max_descriptors: int = 0) -> None:
        self._socket = connected
        self._max_descriptors = max_descriptors
        self._descriptors: list[int] = []

    async def receive(self, max_bytes: int) -> bytes:
        """What has come, at most `max_bytes`; empty once the other side sends no more or has gone."""
        while True:
            await anyio.wait_readable(self._socket)
            try:
                return self._receive(max_bytes) if self._max_descriptors else self._socket.recv(max_bytes)
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

    def take_descriptors(self) -> tuple[int, ...]:
        """The open files that have come since the last call; the caller closes them."""
        taken, self._descriptors = self._descriptors, []
        return tuple(taken)

    def close(self) -> None:
        """Close those that nobody has taken."""
        for descriptor in self.take_descriptors():
            os.close(descriptor)

    def _receive(self, max_bytes: int) -> bytes:
        space = socket.CMSG_SPACE(self._max_descriptors * _DESCRIPTOR_BYTES)
        data, messages, _, _ = self._socket.recvmsg(max_bytes, space, socket.MSG_CMSG_CLOEXEC)
        found = array.array("i")
        for level, kind, sent in messages:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                found.frombytes(sent[: len(sent) - len(sent) % _DESCRIPTOR_BYTES])
        for descriptor in found:
            if len(self._descriptors) < self._max_descriptors:
                self._descriptors.append(descriptor)
            else:
                os.close(descriptor)
        return data
