"""Opens connections: looks up the name, connects to one of its addresses, and does the TLS handshake."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from itertools import zip_longest

import aiohappyeyeballs
from aiohappyeyeballs import AddrInfoType

from wacrmd.http_client import dns
from wacrmd.http_client.connection import Connection
from wacrmd.http_client.dns import Addresses
from wacrmd.http_client.failure import Phase
from wacrmd.http_client.message import Origin
from wacrmd.http_client.tls import Tls

Resolve = Callable[[str, int], Awaitable[Addresses]]

NEXT_ADDRESS_S = 0.25
"""When the next address of a name is tried while one has not answered yet (RFC 8305)."""


MAX_ADDRESSES = 4
"""How many addresses of a name are tried. A name may have thousands, and each is a connection that may stay half open."""


class ForbiddenAddressError(OSError):
    """A host has an address that must not be connected to."""


def allow_all(host: str, address: str) -> None:
    """Every address may be connected to."""


class Connector:
    """Opens connections for a client.

    `check` gets the host and each address that is about to be connected to, and raises ForbiddenAddressError. It is
    called when the socket is made. So a name whose address changes meanwhile (DNS rebinding) cannot get around it. It is
    called again before a connection is used again.
    An address from DNS is used for `cache_s` seconds. With `receive_buffer` the kernel takes about twice that many bytes
    of a connection before they are read. So in one pass of the event loop no server can make it read more.
    """

    def __init__(
        self,
        tls: Tls,
        *,
        resolve: Resolve = dns.resolve,
        cache_s: float = 0.0,
        check: Callable[[str, str], None] = allow_all,
        receive_buffer: int = 64 << 10,
    ) -> None:
        self._tls = tls
        self._resolve = resolve
        self._cache_s = cache_s
        self._check = check
        self._receive_buffer = receive_buffer
        self._found: dict[Origin, tuple[float, Addresses]] = {}

    async def open(
        self,
        origin: Origin,
        enter: Callable[[Phase, socket.socket | None], None],
        on_lost: Callable[[Connection], None],
    ) -> Connection:
        """A new connection; calls `enter` with each phase that begins, and the socket once it is connected."""
        loop = asyncio.get_running_loop()
        enter(Phase.RESOLVE, None)
        addresses = await self._addresses(origin)
        forbidden: list[ForbiddenAddressError] = []

        def make_socket(info: AddrInfoType) -> socket.socket:
            family, kind, protocol, _, address = info
            try:
                self._check(origin.host, str(address[0]))
            except ForbiddenAddressError as error:
                forbidden.append(error)
                raise
            sock = socket.socket(family, kind, protocol)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
            return sock

        context = self._tls.context() if origin.tls else None
        enter(Phase.CONNECT, None)
        try:
            sock = await aiohappyeyeballs.start_connection(
                [_info(family, address, origin.port) for family, address in addresses],
                happy_eyeballs_delay=NEXT_ADDRESS_S,
                loop=loop,
                socket_factory=make_socket,
            )
        except (OSError, RuntimeError):
            self._found.pop(origin, None)
            if forbidden:
                raise forbidden[0] from None
            raise
        enter(Phase.TLS if origin.tls else Phase.CONNECT, sock)
        transport, connection = await loop.create_connection(
            lambda: Connection(sock, on_lost),
            sock=sock,
            ssl=context,
            server_hostname=origin.host.rstrip(".") if origin.tls else None,
        )
        if context is not None:
            try:
                self._tls.check(context, transport.get_extra_info("peercert"))
            except ssl.SSLError:
                connection.abort()
                raise
        return connection

    def still_allows(self, origin: Origin, connection: Connection) -> bool:
        """Whether an open connection may be used again: what `check` accepts may have changed since it was made."""
        try:
            self._check(origin.host, connection.address)
        except OSError:  # as is ForbiddenAddressError
            return False
        return True

    async def _addresses(self, origin: Origin) -> Addresses:
        now = asyncio.get_running_loop().time()
        until, addresses = self._found.get(origin, (0.0, ()))
        if now >= until:
            addresses = _first(await self._resolve(origin.host, origin.port))
            if self._cache_s:
                self._found[origin] = (now + self._cache_s, addresses)
        return addresses


def _first(addresses: Addresses) -> Addresses:
    """The first few, in turns of IPv6 and IPv4 if there are both (RFC 8305, section 4)."""
    families: dict[socket.AddressFamily, list[tuple[socket.AddressFamily, str]]] = {}
    for each in addresses:
        families.setdefault(each[0], []).append(each)
    turns = zip_longest(*families.values())
    return [each for turn in turns for each in turn if each is not None][:MAX_ADDRESSES]


def _info(family: socket.AddressFamily, address: str, port: int) -> AddrInfoType:
    where = (address, port, 0, 0) if family is socket.AF_INET6 else (address, port)
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where
