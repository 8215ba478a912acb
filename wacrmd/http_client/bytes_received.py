"""How many bytes a TCP socket has received, by the kernel's count."""

import socket
import struct

_RECEIVED = struct.Struct("=Q")
_OFFSET = 128
"""Of `tcpi_bytes_received` in Linux's `struct tcp_info`, since Linux 4.1."""


def bytes_received(sock: socket.socket) -> int:
    """The bytes that have arrived since the connection was made; 0 where the system does not count them.

    The layer of TLS swallows some of them: tickets, warnings, and what a handshake is made of.
    """
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _OFFSET + _RECEIVED.size)
    except OSError:
        return 0
    return int(_RECEIVED.unpack_from(info, _OFFSET)[0]) if len(info) >= _OFFSET + _RECEIVED.size else 0
