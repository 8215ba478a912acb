"""Looking up host names on threads of their own."""

import socket
from functools import partial

import anyio
import anyio.to_thread


async def resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    """The addresses of a host, as (family, address); raises OSError if it has none.

    The thread is abandoned when the caller is cancelled. Otherwise a name server that does not answer could
    occupy the few threads on which the event loop resolves Meta's own name.
    """
    work = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    return [(family, str(address[0])) for family, _, _, _, address in found]
