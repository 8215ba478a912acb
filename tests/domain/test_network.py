"""Addresses and networks from which an API key is accepted."""

import pytest

from wacrmd.domain.network import is_within, read_network


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        (" 192.0.2.7 ", "192.0.2.7/32"),
        ("10.1.0.0/255.255.0.0", "10.1.0.0/16"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("::1", "::1/128"),
        ("::/0", "::/0"),
        ("::ffff:10.1.0.0/112", "10.1.0.0/16"),
        ("::ffff:10.1.2.3", "10.1.2.3/32"),
    ],
)
def test_a_network_is_written_in_one_form(text: str, network: str) -> None:
    assert read_network(text) == network


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1.2.3/8", "did you mean 10.0.0.0/8"),
        ("2001:db8::1/32", "did you mean 2001:db8::/32"),
        ("10.0.0.0/33", "expected an address or a network"),
        ("crm.lan", "expected an address or a network"),
        ("", "expected an address or a network"),
        ("10.0.0", "expected an address or a network"),
        ("010.0.0.0/8", "expected an address or a network"),
        ("fe80::1%eth0", "expected an address or a network"),
        ("10.0.0.0-10.0.0.9", "expected an address or a network"),
    ],
)
def test_the_error_says_what_was_expected(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        read_network(text)


@pytest.mark.parametrize(
    ("address", "networks", "within"),
    [
        ("10.1.2.3", ["10.1.0.0/16"], True),
        ("10.2.0.0", ["10.1.0.0/16"], False),
        ("10.2.0.0", ["10.1.0.0/16", "10.2.0.0/16"], True),
        ("::ffff:10.1.2.3", ["10.1.0.0/16"], True),
        ("fe80::1%eth0", ["fe80::/10"], True),
        ("10.1.2.3", ["::/0"], False),
        ("::1", ["0.0.0.0/0"], False),
        ("nobody", ["0.0.0.0/0", "::/0"], False),
        (None, ["0.0.0.0/0", "::/0"], False),
    ],
)
def test_an_address_is_within_a_network(address: str | None, networks: list[str], *, within: bool) -> None:
    assert is_within(address, networks) is within
