"""Which settings of the dashboard's address cannot be right."""

import pytest

from wacrmd.config import Bind, parse
from wacrmd.services.maintenance.dashboard_address import address_checks


def found(bind: str, settings: str, host: str | None = None, origin: str | None = None) -> list[str]:
    config = parse(f'[dashboard]\nbind = "{bind}"\n{settings}', "test.toml").dashboard
    return [each.detail for each in address_checks(config, Bind.parse(bind), host, origin)]


PUBLIC = 'public_url = "https://wacrmd.example.com"\n'
PROXY = 'trusted_proxies = ["127.0.0.1"]\n'
LOCAL, ALL, ONE, SOCKET = "127.0.0.1:8082", "0.0.0.0:8082", "192.0.2.1:8082", "unix:/run/d.sock"


@pytest.mark.parametrize(
    ("bind", "settings"),
    [
        (LOCAL, ""),
        (ALL, ""),
        (LOCAL, PUBLIC + PROXY),
        (LOCAL, PROXY + 'allowed_hosts = ["wacrmd.example.com"]'),
        (SOCKET, PUBLIC + 'trusted_proxies = ["unix"]'),
        (LOCAL, PROXY + 'public_url = "http://wacrmd.lan"'),
        (LOCAL, 'public_url = "http://localhost:8082"'),
        (ALL, 'public_url = "http://wacrmd.lan:8082"'),
        (ONE, 'public_url = "http://wacrmd.lan:8082"'),
        (ONE, 'public_url = "http://192.0.2.1:8082"'),
        ("0.0.0.0:80", 'public_url = "http://wacrmd.lan"'),
    ],
)
def test_settings_that_may_be_right(bind: str, settings: str) -> None:
    assert found(bind, settings) == []


@pytest.mark.parametrize(
    ("bind", "settings", "problem"),
    [
        (SOCKET, 'trusted_proxies = ["unix"]', "makes no link"),
        (LOCAL, PROXY, "links lead past the proxy"),
        (LOCAL, PUBLIC, "trusted_proxies is empty"),
        (SOCKET, 'public_url = "http://wacrmd.lan"', "trusted_proxies is empty"),
        (ALL, 'public_url = "http://wacrmd.lan"', "does not lead to"),
        (LOCAL, 'public_url = "http://wacrmd.lan:8082"', "does not lead to"),
        (LOCAL, 'public_url = "http://192.0.2.1:8082"', "does not lead to"),
        (ONE, 'public_url = "http://192.0.2.2:8082"', "does not lead to"),
    ],
)
def test_settings_that_cannot_be_right(bind: str, settings: str, problem: str) -> None:
    (detail,) = found(bind, settings)
    assert problem in detail


def test_who_was_refused_is_named() -> None:
    host, origin = found(LOCAL, "", "wacrmd.lan", "https://wacrmd.lan")
    assert "the host wacrmd.lan," in host
    assert "a page of https://wacrmd.lan asked" in origin
