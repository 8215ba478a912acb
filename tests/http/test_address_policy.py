"""Which addresses and URLs may be called."""

import pytest

from wacrmd.http.address_policy import AddressPolicy, parse_url

PRIVATE = [
    "127.0.0.1",
    "127.255.0.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.251",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::1",
    "2001:0:5ef5:79fd::1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "ff02::1",
    "not an address",
    "",
]
PUBLIC = [
    "8.8.8.8",
    "172.15.0.1",
    "172.32.0.1",
    "100.63.255.255",
    "2a00:1450:4001::8",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public_are_rejected(address: str) -> None:
    assert not AddressPolicy([]).allows("host", address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert AddressPolicy([]).allows("host", address)


def test_a_name_may_be_written_in_unicode_or_idna() -> None:
    for listed in ("bücher.lan", "xn--bcher-kva.lan"):
        policy = AddressPolicy([listed])
        assert policy.allows("Bücher.lan", "192.168.0.1")
        assert policy.allows("xn--bcher-kva.lan.", "192.168.0.1")
    assert not AddressPolicy(["a" * 64]).allows("b" * 64, "192.168.0.1")


def test_the_configuration_lists_networks_and_hosts() -> None:
    address_policy = AddressPolicy(["10.0.0.0/8", "crm.lan", "fd00::/8"])
    assert address_policy.allows("any", "10.9.9.9")
    assert address_policy.allows("any", "::ffff:10.9.9.9")
    assert address_policy.allows("any", "fd12::1")
    assert address_policy.allows("CRM.lan.", "192.168.0.1")
    assert not address_policy.allows("evil.crm.lan", "192.168.0.1")
    assert not address_policy.allows("any", "192.168.0.1")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ftp://h/", "expected a URL"),
        ("//h/", "expected a URL"),
        ("http:///x", "expected a URL"),
        ("h", "expected a URL"),
        ("http://h:0/", "expected a URL"),
        ("http://h:99999/", "expected a URL"),
        ("http://u:p@h/", "no user or password"),
        ("http://u@h/", "no user or password"),
        ("http://h/#x", "no fragment"),
        ("http://h\\@evil/", "backslashes"),
        ("http://a b/", "spaces"),
        ("http://h/\n", "control"),
        ("http://h/" + "x" * 2048, "at most 2048"),
    ],
)
def test_the_error_of_a_rejected_url_says_why(url: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_url(url)


def test_a_url_keeps_its_port_path_and_query() -> None:
    url = parse_url("https://crm.example.com:8443/hook?tenant=1")
    assert (url.host, url.port, url.raw_path_qs) == ("crm.example.com", 8443, "/hook?tenant=1")
