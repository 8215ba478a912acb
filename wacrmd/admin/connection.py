"""One client of the admin socket: its lines in, its answers out, bounded in both directions."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace

import anyio
from anyio.abc import TaskGroup

from wacrmd.admin import protocol
from wacrmd.admin.identity import Caller
from wacrmd.admin.protocol import MAX_REQUEST, Request, RpcCode, RpcError
from wacrmd.admin.wire import Wire
from wacrmd.errors import ErrorCode
from wacrmd.log import get_logger

MAX_CALLS = 8
"""Ordinary calls of one connection that run at a time; the next is read when one of them is done."""

MAX_STREAMS = 4
"""Streaming calls of one connection at a time; the next is refused, since none may ever end."""

_CHUNK = 65536

SendItem = Callable[[bytes], Awaitable[None]]
Perform = Callable[[Request, Caller, SendItem], Awaitable[bytes]]

log = get_logger(__name__)


class Connection:
    """Reads calls and answers them, in the order in which they are done.

    Ordinary calls that have begun run to their end even when the client has gone: what they change is changed
    and audited. Streams end with the client, which is also when it closes its sending side.
    """

    def __init__(
        self,
        wire: Wire,
        caller: Caller,
        *,
        turn: Callable[[Caller], Awaitable[None]],
        streams: Callable[[Request], bool],
        perform: Perform,
        write_timeout_s: float,
    ) -> None:
        self._wire = wire
        self._caller = caller
        self._turn = turn
        self._streams = streams
        self._perform = perform
        self._write_timeout_s = write_timeout_s
        self._run_scope = anyio.CancelScope()
        self._writing = anyio.Lock()
        self._broken = False
        self._calls = anyio.Semaphore(MAX_CALLS)
        self._open_streams = 0

    async def run(self, greeting: bytes) -> None:
        """Greet, then answer until the client has gone, does not read, or `finish` is called."""
        async with anyio.create_task_group() as calls:
            with self._run_scope:
                async with anyio.create_task_group() as streams:
                    await self._send(greeting)
                    async for line in self._lines():
                        await self._turn(self._caller)
                        await self._take(line, calls, streams)
                    streams.cancel_scope.cancel()

    def finish(self) -> None:
        """Read no further and end the streams; ordinary calls that have begun are still answered."""
        self._run_scope.cancel()

    async def _lines(self) -> AsyncIterator[bytes]:
        """The client's lines but blank ones; ends with its sending side, or after a line that is too long."""
        buffer = bytearray()
        while True:
            chunk = await self._wire.receive(_CHUNK)
            if not chunk:
                return
            searched = len(buffer)
            buffer += chunk
            while (end := buffer.find(b"\n", searched)) >= 0:
                line = bytes(buffer[:end]).strip()
                del buffer[: end + 1]
                searched = 0
                if end >= MAX_REQUEST:
                    break
                if line:
                    yield line
            if end >= MAX_REQUEST or len(buffer) >= MAX_REQUEST:
                log.warning(
                    "admin_request_too_long",
                    uid=self._caller.uid,
                    pid=self._caller.pid,
                    summed=self._caller.uid,
                )
                await self._send(protocol.encode_error(None, protocol.too_long()))
                return

    async def _take(self, line: bytes, calls: TaskGroup, streams: TaskGroup) -> None:
        with ExitStack() as opened:
            descriptors = self._wire.take_descriptors()
            for each in descriptors:
                opened.callback(os.close, each)
            try:
                request = replace(protocol.decode_request(line), descriptors=descriptors)
            except RpcError as error:
                await self._send(protocol.encode_error(error.request_id, error))
                return
            if not self._streams(request):
                await self._calls.acquire()
                calls.start_soon(self._answer_call, request, opened.pop_all())
                return
        if self._open_streams < MAX_STREAMS:
            self._open_streams += 1
            streams.start_soon(self._answer_stream, request)
        else:
            await self._send(protocol.encode_error(request.id, _too_many_streams()))

    async def _answer_call(self, request: Request, opened: ExitStack) -> None:
        with opened:
            try:
                await self._send(await self._perform(request, self._caller, self._send))
            finally:
                self._calls.release()

    async def _answer_stream(self, request: Request) -> None:
        try:
            await self._send(await self._perform(request, self._caller, self._send))
        finally:
            self._open_streams -= 1

    async def _send(self, line: bytes) -> None:
        """Write one line; a client that is gone or leaves it unread for too long ends the connection."""
        async with self._writing:
            if self._broken:
                return
            # Until the whole line is out it counts as broken: after half a line nothing more may follow.
            self._broken = True
            try:
                with anyio.fail_after(self._write_timeout_s):
                    await self._wire.send(line)
            except TimeoutError:
                log.warning(
                    "admin_client_disconnected",
                    uid=self._caller.uid,
                    pid=self._caller.pid,
                    summed=self._caller.uid,
                )
                self.finish()
            except OSError:
                self.finish()
            else:
                self._broken = False


def _too_many_streams() -> RpcError:
    return RpcError(
        RpcCode.REFUSED,
        f"a connection may hold {MAX_STREAMS} streams at a time: open another connection",
        {"code": ErrorCode.RATE_LIMITED},
    )
