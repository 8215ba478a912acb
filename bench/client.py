"""A lean HTTP client for load: keep-alive connections, requests as ready bytes, times of each answer."""

import asyncio
import math
import time
from collections.abc import Sequence
from typing import NamedTuple, cast


class Answer(NamedTuple):
    """What came back, and how long after the request (or after it was due) in milliseconds."""

    status: int
    body: bytes
    ms: float
    exchange_ms: float
    """The same without the wait for a free connection."""


class _Connection(asyncio.Protocol):
    """One connection with one request at a time; every answer must carry its length."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._waiter: asyncio.Future[tuple[int, bytes]] | None = None
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ConnectionError(f"the daemon hung up: {exc}"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._waiter is None or self._waiter.done():
            return
        head = bytes(self._buffer[:end]).lower()
        stated = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        length = int(stated or 0)  # a 304 has none
        if len(self._buffer) >= end + 4 + length:
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            self.ended = b"connection: close" in head  # a server's limit of requests a connection
            self._waiter.set_result((int(head[9:12]), body))

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiter

    def close(self) -> None:
        self._transport.close()


class Client:
    """Up to `connections` keep-alive connections to one address; more requests wait for one."""

    def __init__(self, address: str, connections: int = 1) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._free: asyncio.Queue[_Connection | None] = asyncio.Queue()
        for _ in range(connections):
            self._free.put_nowait(None)

    async def send(self, request: bytes, due: float | None = None) -> Answer:
        """One exchange; its time counts from `due` (of time.monotonic) if that is given."""
        began = time.monotonic() if due is None else due
        connection = await self._free.get()
        if connection is None or connection.ended:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(_Connection, self._host, self._port)
        sent = time.monotonic()
        status, body = await connection.exchange(request)
        self._free.put_nowait(connection)
        ended = time.monotonic()
        return Answer(status, body, (ended - began) * 1000, (ended - sent) * 1000)

    def close(self) -> None:
        """Hang up all connections that are idle."""
        while not self._free.empty():
            connection = self._free.get_nowait()
            if connection is not None:
                connection.close()


def request(method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """An HTTP/1.1 request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method == "POST":
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def flat_out(client: Client, requests: Sequence[bytes], callers: int) -> tuple[float, list[Answer]]:
    """All requests as fast as `callers` who wait for each answer get them through: (seconds, answers)."""
    waiting = iter(requests)

    async def caller() -> list[Answer]:
        return [await client.send(one) for one in waiting]

    began = time.monotonic()
    answers = await asyncio.gather(*(caller() for _ in range(callers)))
    return time.monotonic() - began, [answer for part in answers for answer in part]


async def at_rate(client: Client, requests: Sequence[bytes], rate: float) -> tuple[float, list[Answer]]:
    """All requests at a fixed rate whatever the answers do, timed from when each was due: (seconds, answers)."""
    began = time.monotonic()
    tasks: list[asyncio.Task[Answer]] = []
    for index, one in enumerate(requests):
        due = began + index / rate
        if (early := due - time.monotonic()) > 0:
            await asyncio.sleep(early)
        tasks.append(asyncio.create_task(client.send(one, due)))
    answers = await asyncio.gather(*tasks)
    return time.monotonic() - began, list(answers)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]
