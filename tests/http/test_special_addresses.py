"""No special-purpose address is public: each block of the IANA registries, at its beginning, middle and end."""

import ipaddress

import pytest

from tests.support.table import rows
from wacrmd.http.address_policy import AddressPolicy

BLOCKS = [
    # IANA IPv4 Special-Purpose Address Registry
    ("0.0.0.0/8", "RFC 791: this network"),
    ("0.0.0.0/32", "RFC 1122: this host"),
    ("10.0.0.0/8", "RFC 1918: private"),
    ("100.64.0.0/10", "RFC 6598: shared"),
    ("127.0.0.0/8", "RFC 1122: loopback"),
    ("169.254.0.0/16", "RFC 3927: link-local"),
    ("172.16.0.0/12", "RFC 1918: private"),
    ("192.0.0.0/24", "RFC 6890: IETF protocol assignments"),
    ("192.0.0.0/29", "RFC 7335: IPv4 service continuity"),
    ("192.0.0.8/32", "RFC 7600: IPv4 dummy address"),
    ("192.0.0.9/32", "RFC 7723: PCP anycast"),
    ("192.0.0.10/32", "RFC 8155: TURN anycast"),
    ("192.0.0.170/32", "RFC 8880: NAT64 discovery"),
    ("192.0.0.171/32", "RFC 8880: NAT64 discovery"),
    ("192.0.2.0/24", "RFC 5737: documentation"),
    ("192.31.196.0/24", "RFC 7535: AS112"),
    ("192.52.193.0/24", "RFC 7450: AMT"),
    ("192.88.99.0/24", "RFC 7526: 6to4 relay anycast"),
    ("192.88.99.2/32", "RFC 6751: 6a44 relay anycast"),
    ("192.168.0.0/16", "RFC 1918: private"),
    ("192.175.48.0/24", "RFC 7534: AS112"),
    ("198.18.0.0/15", "RFC 2544: benchmarks"),
    ("198.51.100.0/24", "RFC 5737: documentation"),
    ("203.0.113.0/24", "RFC 5737: documentation"),
    ("240.0.0.0/4", "RFC 1112: reserved"),
    ("255.255.255.255/32", "RFC 919: limited broadcast"),
    # IANA IPv6 Special-Purpose Address Registry
    ("::1/128", "RFC 4291: loopback"),
    ("::/128", "RFC 4291: unspecified"),
    ("64:ff9b::/96", "RFC 6052: NAT64"),
    ("64:ff9b:1::/48", "RFC 8215: NAT64 of a site"),
    ("100::/64", "RFC 6666: discard only"),
    ("100:0:0:1::/64", "RFC 9780: dummy prefix"),
    ("2001::/23", "RFC 2928: IETF protocol assignments"),
    ("2001::/32", "RFC 4380: Teredo"),
    ("2001:1::1/128", "RFC 7723: PCP anycast"),
    ("2001:1::2/128", "RFC 8155: TURN anycast"),
    ("2001:1::3/128", "RFC 9665: DNS-SD SRP anycast"),
    ("2001:2::/48", "RFC 5180: benchmarks"),
    ("2001:3::/32", "RFC 7450: AMT"),
    ("2001:4:112::/48", "RFC 7535: AS112"),
    ("2001:10::/28", "RFC 4843: ORCHID"),
    ("2001:20::/28", "RFC 7343: ORCHIDv2"),
    ("2001:30::/28", "RFC 9374: drone remote ID"),
    ("2001:db8::/32", "RFC 3849: documentation"),
    ("2002::/16", "RFC 3056: 6to4"),
    ("2620:4f:8000::/48", "RFC 7534: AS112"),
    ("3fff::/20", "RFC 9637: documentation"),
    ("5f00::/16", "RFC 9602: segment routing"),
    ("fc00::/7", "RFC 4193: unique local"),
    ("fe80::/10", "RFC 4291: link-local"),
    # In other registries, and no longer in any
    ("224.0.0.0/4", "RFC 1112: multicast"),
    ("ff00::/8", "RFC 4291: multicast"),
    ("fec0::/10", "RFC 3879: site-local"),
    ("::/96", "RFC 4291: IPv4-compatible"),
    ("::ffff:0:0:0/96", "RFC 7915: IPv4-translated (SIIT)"),
    ("4000::/3", "RFC 4291: not assigned"),
]
"""IPv4-mapped addresses (::ffff:0:0/96, RFC 4291) are not among them: to the system each is the IPv4 address itself."""

V4 = [block for block, _ in BLOCKS if ":" not in block]


def addresses(block: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Three addresses of a block: the first, one in the middle, and the last."""
    network = ipaddress.ip_network(block)
    return [network[0], network[network.num_addresses // 2], network[-1]]


@rows(("block", "why"), BLOCKS)
def test_no_address_of_a_special_purpose_block_is_public(block: str, why: str) -> None:
    policy = AddressPolicy([])
    allowed = [each for each in addresses(block) if policy.allows("host.example", str(each))]
    assert not allowed, why


@rows("block", V4)
@rows(
    "form",
    ["::ffff:{}", "::ffff:0:{}", "::{}", "64:ff9b::{}", "2a00:1450::5efe:{}", "2a00:1450::200:5efe:{}"],
)
def test_nor_is_one_within_an_ipv6_address(block: str, form: str) -> None:
    """Also where the operator has listed the outer address: a translator is no way into the network."""
    for each in addresses(block):
        address = form.format(each)
        assert not AddressPolicy([]).allows("host.example", address)
        outer = str(ipaddress.ip_network((address, 96), strict=False))
        assert not AddressPolicy([outer]).allows("host.example", address)


@pytest.mark.parametrize("block", [block for block, _ in BLOCKS if block not in ("0.0.0.0/32", "::1/128")])
def test_the_block_begins_where_the_registry_says(block: str) -> None:
    """What is next to an outermost block is public, if it is no special block itself: nobody is refused by mistake."""
    network = ipaddress.ip_network(block)
    policy = AddressPolicy([])
    for number in (int(network[0]) - 1, int(network[-1]) + 1):
        if 0 <= number < 1 << network.max_prefixlen:
            address = type(network[0])(number)
            is_special = any(address in ipaddress.ip_network(each) for each, _ in BLOCKS)
            outside = address.version == 6 and address not in ipaddress.ip_network("2000::/3")
            assert policy.allows("host.example", str(address)) is not (is_special or outside), address
