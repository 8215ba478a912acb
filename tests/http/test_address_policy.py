"""Which addresses and URLs may be called."""

import pytest

from wacrmd.http.address_policy import AddressPolicy, detail, parse_url, refusal

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
    "64:ff9b::8.8.8.8",
    "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8",
    "2002:7f00:1::1",
    "2a00:1450::5efe:10.0.0.1",
    "2a00:1450::200:5efe:127.0.0.1",
    "4000::1",
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
    "2a00:1450::5efe:8.8.8.8",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public_are_rejected(address: str) -> None:
    assert not AddressPolicy([]).allows("host", address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert AddressPolicy([]).allows("host", address)


def test_a_listed_translator_leads_to_public_ipv4_addresses_only() -> None:
    """Behind NAT64 every IPv4 address has such a form: the network that is listed says nothing about that address."""
    policy = AddressPolicy(["64:ff9b::/96", "10.0.0.0/8"])
    assert policy.allows("any", "64:ff9b::8.8.8.8")
    assert policy.allows("any", "64:ff9b::10.1.2.3")
    assert not policy.allows("any", "64:ff9b::169.254.169.254")
    assert not AddressPolicy(["2a00:1450::/32"]).allows("any", "2a00:1450::5efe:127.0.0.1")


def test_the_refusal_is_the_same_for_all_addresses_of_a_host() -> None:
    assert "10.0.0.1" not in refusal("crm.example")
    assert "10.0.0.1" in detail("crm.example", "10.0.0.1")


def test_a_name_may_be_written_in_unicode_or_idna() -> None:
    for listed in ("bücher.lan", "xn--bcher-kva.lan"):
        policy = AddressPolicy([listed])
        assert policy.allows("Bücher.lan", "192.168.0.1")
        assert policy.allows("xn--bcher-kva.lan.", "192.168.0.1")
    assert not AddressPolicy(["a" * 64]).allows("b" * 64, "192.168.0.1")


@pytest.mark.parametrize("listed", ["straße.lan", "ς.lan", "CRM.lan", "a_b.lan"])
def test_a_listed_name_is_the_name_in_a_url(listed: str) -> None:
    """In IDNA 2003, straße and strasse were the same name."""
    host = parse_url(f"http://{listed}/").raw_host
    assert AddressPolicy([listed]).allows(host or "", "192.168.0.1")
    assert not AddressPolicy(["straße.lan"]).allows("strasse.lan", "192.168.0.1")


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
        ("http://0/", "four decimal numbers"),
        ("http://2130706433/", "four decimal numbers"),
        ("http://0x7f000001/", "four decimal numbers"),
        ("http://0x7f.1/", "four decimal numbers"),
        ("http://017700000001/", "four decimal numbers"),
        ("http://0177.0.0.1/", "four decimal numbers"),
        ("http://127.1/", "four decimal numbers"),
        ("http://127.0.0.1./", "four decimal numbers"),
        ("http://①②⑦.1/", "four decimal numbers"),
        ("http://127。1/", "four decimal numbers"),
        ("http://crm.0x/", "four decimal numbers"),
        ("http://%31%32%37.0.0.1/", "host name"),
        ("http://a..b/", "host name"),
        ("http://.b/", "host name"),
        (f"http://{'a' * 64}.b/", "host name"),
        ("http://[fe80::1%25eth0]/", "without a zone"),
        ("http://[::1%25lo]/", "without a zone"),
        ("http://[127.0.0.1]/", "expected a URL"),
        ("http://loc\u00adalhost/", "expected a URL"),
        ("http://xn--a/", "expected a URL"),
        ("http://xn--localhost-/", "expected a URL"),
    ],
)
def test_the_error_of_a_rejected_url_says_why(url: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        parse_url(url)


def test_a_url_keeps_its_port_path_and_query() -> None:
    url = parse_url("https://crm.example.com:8443/hook?tenant=1")
    assert (url.host, url.port, url.raw_path_qs) == ("crm.example.com", 8443, "/hook?tenant=1")


@pytest.mark.parametrize(
    "url",
    [
        "http://[::]/",
        "http://１２７.0.0.1/",
        "http://127。0。0。1/",
        "http://①②⑦.0.0.1/",
        "http://[0:0::ffff:7F00:1]/",
    ],
)
def test_another_spelling_of_an_address_is_that_address(url: str) -> None:
    host = parse_url(url).raw_host or ""
    assert not AddressPolicy([]).allows(host, host)
