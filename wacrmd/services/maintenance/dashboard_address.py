"""Whether the settings of the dashboard's address fit each other, and what browsers call it; pure."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from wacrmd.config import Bind
from wacrmd.config.sections import DashboardConfig
from wacrmd.views.checks import Check, CheckState

NAME = "address"
HTTP_PORT = 80


def address_checks(
    settings: DashboardConfig, bind: Bind, refused_host: str | None, refused_origin: str | None
) -> Iterator[Check]:
    """What is wrong with `public_url`, `allowed_hosts` and `trusted_proxies`, by the address and by who was refused."""
    problem = _of_settings(settings, bind)
    if problem is not None:
        yield Check(NAME, CheckState.WARN, *problem)
    if refused_host is not None:
        yield Check(
            NAME,
            CheckState.WARN,
            f"a browser asked for the host {refused_host}, which is none of the dashboard's, and was refused",
            "If people call it so, set [dashboard] public_url, or add the name to allowed_hosts: then wacrmd reload.",
        )
    if refused_origin is not None:
        yield Check(
            NAME,
            CheckState.WARN,
            f"a change that a page of {refused_origin} asked for was refused as that of another site",
            "If people call the dashboard so, set [dashboard] public_url to exactly this: then wacrmd reload."
            " Else a page elsewhere tried to change something.",
        )


def _of_settings(settings: DashboardConfig, bind: Bind) -> tuple[str, str] | None:
    """What is wrong, and what to do."""
    public = urlsplit(settings.public_url)
    if not settings.public_url:
        advice = "Set [dashboard] public_url to the address of the reverse proxy."
        if bind.path is not None:
            return (
                "it listens on a Unix socket and public_url is empty: wacrmd dashboard makes no link",
                advice,
            )
        if settings.trusted_proxies and not settings.allowed_hosts:
            return (
                "public_url is empty: links lead past the proxy, and who calls it by its name is refused",
                advice,
            )
        return None
    if settings.trusted_proxies:
        return None
    if public.scheme == "https" or bind.path is not None:
        detail = f"only a reverse proxy can answer {settings.public_url}, and trusted_proxies is empty"
        advice = "Add its address to trusted_proxies, such as 127.0.0.1: else everybody has the address of the proxy."
        return detail, advice
    if not _reaches(public.hostname or "", public.port or HTTP_PORT, bind):
        detail = f"public_url is {settings.public_url}, which does not lead to {_shown(bind)}"
        return detail, "Correct [dashboard] public_url or bind; a reverse proxy belongs into trusted_proxies."
    return None


def _reaches(host: str, port: int, bind: Bind) -> bool:
    """Whether a URL may lead to this address; what a name means is not looked up."""
    if port != bind.port:
        return False
    named, own = _ip(host), _ip(bind.host)
    if own is None or own.is_unspecified:
        return True
    if named is None:
        return not own.is_loopback
    return named == own or (named.is_loopback and own.is_loopback)


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address; of a name only that of the machine itself is known."""
    try:
        return ipaddress.ip_address("127.0.0.1" if host.lower() == "localhost" else host)
    except ValueError:
        return None


def _shown(bind: Bind) -> str:
    return f"[{bind.host}]:{bind.port}" if ":" in bind.host else f"{bind.host}:{bind.port}"
