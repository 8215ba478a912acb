"""Which addresses webhooks may be sent to: public ones, and private ones that the configuration lists; pure.

This guards against server-side request forgery (SSRF): with an API key nobody can make the daemon call hosts of
its own network. So the address that is connected to counts, not the name in the URL.
"""

import ipaddress
import re
from collections.abc import Iterable

import yarl

from wacrmd.domain.network import Address, Network, address_of

MAX_URL = 2048

_LABEL = re.compile(r"[^%\[\]:]{1,63}")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")

_SPECIAL: tuple[Network, ...] = tuple(
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
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
"""Special-purpose blocks (the IANA registries of RFC 6890): this host, private, shared (CGNAT), link-local with the
clouds' metadata services, documentation, benchmarks, tunnels, AS112, multicast and reserved."""

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is assigned to the public internet (RFC 4291): whatever is outside is not public."""

_WITH_IPV4_AT_THE_END: tuple[ipaddress.IPv6Network, ...] = tuple(
    ipaddress.IPv6Network(network) for network in ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96")
)
"""IPv4-compatible, IPv4-translated (SIIT) and NAT64 addresses."""

_6TO4 = ipaddress.IPv6Network("2002::/16")

_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""The third quarter of an ISATAP address, whatever its prefix is (RFC 5214)."""

_QUARTER = 0xFFFF_FFFF


def is_public(address: Address) -> bool:
    """Whether this is an address of the public internet, as it is written: IPv4 within IPv6 is another question."""
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return not any(address in network for network in _SPECIAL)


def embedded_ipv4(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address to which a translator or a tunnel leads what is sent to `address`."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    number = int(address)
    is_isatap = (number >> 32) & _QUARTER in _ISATAP
    if is_isatap or any(address in network for network in _WITH_IPV4_AT_THE_END):
        return ipaddress.IPv4Address(number & _QUARTER)
    if address in _6TO4:
        return ipaddress.IPv4Address((number >> 80) & _QUARTER)
    return None


class AddressPolicy:
    """The policy of `[outbound_webhooks] allow_private`, a list of host names and networks.

    An IPv6 address that leads to an IPv4 address (NAT64, 6to4, ISATAP) is allowed only if both are: the first mostly because
    a network lists it, and that says nothing about the second.
    """

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
        if _name(host) in self._hosts:
            return True
        inner = embedded_ipv4(found)
        return self._is_allowed(found) and (inner is None or self._is_allowed(inner))

    def _is_allowed(self, address: Address) -> bool:
        return is_public(address) or any(address in network for network in self._networks)


def _name(host: str) -> str:
    """One form of a host name that may be written in several ways: with capitals, a dot at its end, or in Unicode.

    It is the form of `parse_url`: IDNA 2003, which Python knows, makes another name of straße.example.
    """
    name = host.lower().rstrip(".")
    try:
        return yarl.URL.build(scheme="http", host=name).raw_host or name
    except ValueError:
        return name


def refusal(host: str) -> str:
    """The message for a URL whose `host` has an address that is not allowed; it does not tell which one.

    Callers must not learn the addresses of the daemon's own network.
    """
    return f"{host} is not public: an operator can allow it in [outbound_webhooks] allow_private"


def detail(host: str, address: str) -> str:
    """The same with the address: for operators only."""
    what = f"{address} is" if host == address else f"{host} has the address {address}, which is"
    return f"{what} not public: see [outbound_webhooks] allow_private"


def parse_url(text: str) -> yarl.URL:
    """The URL of an endpoint, parsed by the library that will call it; raises ValueError that says what was expected."""
    if len(text) > MAX_URL:
        raise ValueError(f"expected at most {MAX_URL} characters, found {len(text)}")
    if any(ord(char) <= 0x20 or ord(char) == 0x7F or char == "\\" for char in text):  # noqa: PLR2004 - space and DEL
        raise ValueError("expected no spaces, control characters or backslashes")
    try:
        url = yarl.URL(text)
        host, port = url.host, url.port
    except ValueError as error:
        raise ValueError(f"expected a URL such as https://crm.example.com/wacrmd: {error}") from error
    if url.scheme not in ("http", "https") or not host or not port:
        raise ValueError("expected a URL such as https://crm.example.com/wacrmd")
    if url.user is not None or url.password is not None:
        raise ValueError("expected no user or password in the URL: check the signature instead")
    if url.fragment:
        raise ValueError("expected no fragment (#…) in the URL")
    _check_host(url.raw_host or "")
    return url


def _check_host(host: str) -> None:
    """Raise ValueError for a host of which two programs may think differently, such as 0x7f.1 or fe80::1%eth0."""
    if ":" in host:
        if "%" in host:
            raise ValueError(f"expected an IPv6 address without a zone, found {host}")
        return
    labels = host.removesuffix(".").split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"expected a host name such as crm.example.com, found {host}")
    if _NUMBER.fullmatch(labels[-1]):  # it ends like an address (WHATWG URL, "ends in a number")
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise ValueError(
                f"expected a host name, or four decimal numbers such as 192.0.2.1, found {host}"
            ) from None
