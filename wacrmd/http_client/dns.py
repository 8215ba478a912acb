"""Looking up host names on threads of their own."""

import contextlib
import ipaddress
import socket
from functools import partial
from typing import Any

import anyio
import anyio.to_thread


async def resolve(
    host: str, port: int, *, limiter: anyio.CapacityLimiter | None = None
) -> list[tuple[socket.AddressFamily, str]]:
    """The addresses of a host, as (family, address); raises OSError if it has none.

    The thread is abandoned when the caller is cancelled. Otherwise a name server that does not answer could
    occupy the few threads on which the event loop resolves Meta's own name. With a `limiter` the threads are its own.
    """
    work = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        work = partial(work, flags=socket.AI_NUMERICHOST)
        return _addresses(work())  # asks nobody, so it needs no thread
    return _addresses(await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter))


def _addresses(found: list[Any]) -> list[tuple[socket.AddressFamily, str]]:
    return [(family, str(address[0])) for family, _, _, _, address in found]
