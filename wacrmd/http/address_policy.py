"""Which addresses webhooks may be sent to: public ones, and private ones that the configuration lists; pure.

This guards against server-side request forgery (SSRF): with an API key nobody can make the daemon call hosts of
its own network. So the address that is connected to counts, not the name in the URL.
"""

import ipaddress
from collections.abc import Iterable

import yarl

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_URL = 2048

_NEVER_PUBLIC: tuple[Network, ...] = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
"""Special-purpose blocks (the IANA registries of RFC 6890): this host, private, shared (CGNAT), link-local with the
clouds' metadata services, documentation, benchmarks, multicast and reserved."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_6TO4 = ipaddress.IPv6Network("2002::/16")


def address_of(text: str) -> Address:
    """The address in `text`, without a zone; an IPv4 address inside an IPv6 address counts as IPv4.

    Raises ValueError for anything else.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if address in _6TO4:
            return ipaddress.IPv4Address((int(address) >> 80) & 0xFFFF_FFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether this is an address of the public internet."""
    return not any(address in network for network in _NEVER_PUBLIC)


class AddressPolicy:
    """The policy of `[outbound_webhooks] allow_private`, a list of host names and networks."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._hosts: set[str] = set()
        self._networks: list[Network] = []
        for item in allowed:
            try:
                self._networks.append(ipaddress.ip_network(item))
            except ValueError:
                self._hosts.add(_name(item))

    def allows(self, host: str, address: str) -> bool:
        """Whether a connection to `address`, an address of the URL's `host`, is allowed."""
        try:
            found = address_of(address)
        except ValueError:
            return False
        return (
            is_public(found)
            or any(found in network for network in self._networks)
            or _name(host) in self._hosts
        )


def _name(host: str) -> str:
    """One form of a host name that may be written in several ways: with capitals, a dot at its end, or in IDNA."""
    name = host.lower().rstrip(".")
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def refusal(host: str, address: str) -> str:
    """The message for a URL whose `host` has an `address` that is not allowed."""
    what = f"{address} is" if host == address else f"{host} has the address {address}, which is"
    return f"{what} not public: an operator can allow it in [outbound_webhooks] allow_private"


def parse_url(text: str) -> yarl.URL:
    """The URL of an endpoint, parsed by the library that will call it; raises ValueError that says what was expected."""
    if len(text) > MAX_URL:
        raise ValueError(f"expected at most {MAX_URL} characters, found {len(text)}")
    if any(ord(char) <= 0x20 or ord(char) == 0x7F or char == "\\" for char in text):  # noqa: PLR2004 - space and DEL
        raise ValueError("expected no spaces, control characters or backslashes")
    try:
        url = yarl.URL(text)
        port = url.port
    except ValueError as error:
        raise ValueError(f"expected a URL such as https://crm.example.com/wacrmd: {error}") from error
    if url.scheme not in ("http", "https") or not url.host or not port:
        raise ValueError("expected a URL such as https://crm.example.com/wacrmd")
    if url.user is not None or url.password is not None:
        raise ValueError("expected no user or password in the URL: check the signature instead")
    if url.fragment:
        raise ValueError("expected no fragment (#…) in the URL")
    return url
