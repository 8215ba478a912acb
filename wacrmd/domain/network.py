"""IP addresses and networks, as people and sockets write them; pure."""

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def address_of(text: str) -> Address:
    """The address in `text`, without a zone; IPv4-mapped IPv6 is IPv4, as it is for the system.

    Raises ValueError for anything else.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def read_network(text: str) -> str:
    """A network or a single address in one form; raises ValueError that says what was expected."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        network = None
    if network is None or "%" in text:
        raise ValueError(
            f"expected an address or a network such as 192.0.2.7 or 10.1.0.0/16, found {text[:50]!r}"
        )
    if ipaddress.ip_address(text.strip().partition("/")[0]) != network.network_address:
        raise ValueError(f"{text} is an address within a network: did you mean {network}?")
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        address = network.network_address.ipv4_mapped
        network = ipaddress.ip_network(f"{address}/{network.prefixlen - _MAPPED.prefixlen}")
    return str(network)


def is_within(address: str | None, networks: Iterable[str]) -> bool:
    """Whether a peer's address is in one of the networks; one without an address, on a unix socket, is in none."""
    if address is None:
        return False
    try:
        found = address_of(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(network) for network in networks)
