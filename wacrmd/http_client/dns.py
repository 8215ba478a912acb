"""Looking up host names on threads."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Sequence
from functools import partial
from typing import Any

import anyio
import anyio.to_thread

Addresses = Sequence[tuple[socket.AddressFamily, str]]


async def resolve(host: str, port: int) -> Addresses:
    """The addresses of a host, as (family, address); raises OSError if it has none."""
    found = _numeric(host, port)
    return await _on_a_thread(host, port) if found is None else found


class Lookups:
    """Look-ups on threads of their own, for names that strangers choose: at most `most`, and one for each name.

    The system's resolver cannot be interrupted. A thread goes on when nobody waits for it any more, and keeps its place
    until then. So names that nobody answers for, however often they are asked for, take no thread from anything else.
    """

    def __init__(self, most: int) -> None:
        self._places = anyio.Semaphore(most)
        self._running: dict[tuple[str, int], asyncio.Task[Addresses]] = {}

    async def resolve(self, host: str, port: int) -> Addresses:
        """As `resolve`; it can be cancelled at any time."""
        found = _numeric(host, port)
        if found is not None:
            return found
        key = host, port
        if key not in self._running:
            await self._places.acquire()
            if key in self._running:  # somebody else has begun meanwhile
                self._places.release()
            else:
                self._running[key] = asyncio.create_task(_on_a_thread(host, port))
                self._running[key].add_done_callback(partial(self._ended, key))
        return await asyncio.shield(self._running[key])

    def _ended(self, key: tuple[str, int], look_up: asyncio.Task[Addresses]) -> None:
        del self._running[key]
        self._places.release()
        if not look_up.cancelled():
            look_up.exception()  # nobody may have waited for it


def _numeric(host: str, port: int) -> Addresses | None:
    """An address as the system reads it, which asks nobody and needs no thread; None for a name."""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return _addresses(_looked_up(host, port, socket.AI_NUMERICHOST))
    return None


async def _on_a_thread(host: str, port: int) -> Addresses:
    work = partial(_looked_up, host, port)
    limiter = anyio.CapacityLimiter(1)  # it waits for no other work
    return _addresses(await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter))


def _looked_up(host: str, port: int, flags: int = 0) -> list[Any]:
    """What the system's resolver says; raises OSError, with EMFILE or ENFILE where no file can be opened."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except OSError:
        socket.socket().close()  # glibc tells a lack of files as any other reason, such as EBUSY or EAI_AGAIN
        raise


def _addresses(found: list[Any]) -> Addresses:
    return [(family, str(address[0])) for family, _, _, _, address in found]
