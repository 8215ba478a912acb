"""The types of values in the configuration that TOML does not have: paths, addresses, URLs, lists of names.

Each is read from a string, and has a description of the values that it accepts.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field

from wacrmd.config.bind import EXPECTED as BIND_FORMS
from wacrmd.config.bind import MAX_PORT, Bind, fits_sun_path


@dataclass(frozen=True, slots=True)
class Expected:
    """The values that a key takes, in words, for messages and the example file; part of the annotation."""

    text: str


def _parsed(parse: Callable[[str], Any], expected: str) -> tuple[BeforeValidator, Expected]:
    """Parses a string with `parse`. A parsed value passes; anything else is refused."""

    def validate(value: object) -> object:
        return parse(value) if isinstance(value, str) else value

    return BeforeValidator(validate), Expected(expected)


def _parsed_list(parse: Callable[[str], str], expected: str) -> tuple[BeforeValidator, Expected]:
    """Parses a list of strings, each with `parse`, into a tuple."""

    def validate(value: object) -> object:
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise ValueError
        return tuple(parse(item) for item in value)

    return BeforeValidator(validate), Expected(expected)


def _path(text: str) -> Path:
    if not text or "\0" in text or text.endswith("/") or text == ":memory:":
        raise ValueError
    return Path(text)


def _socket(text: str) -> Path:
    if not text or not fits_sun_path(text):
        raise ValueError
    return Path(text)


def _url(text: str) -> str:
    url = urlsplit(text)
    if (
        url.scheme not in ("http", "https")
        or not url.hostname
        or url.query
        or url.fragment
        or "@" in url.netloc
    ):
        raise ValueError
    _ = url.port  # raises ValueError where it is none
    return text.rstrip("/")


def _graph_url(text: str) -> str:
    url = _url(text)
    if (found := _VERSION.search(unquote(urlsplit(url).path))) is not None:
        # Calls would go to /v23.0/v25.0/…, and Meta answers each with 2500.
        raise ValueError(f"the version stands in api_version: take {found[0]} away here")
    return url


def _optional_url(text: str) -> str:
    return _url(text) if text else ""


def _origin(text: str) -> str:
    """As browsers write it in `Origin`: in lower case, without the scheme's own port."""
    found = re.fullmatch(
        r"([a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?/?", text.lower()
    )
    if found is None:
        raise ValueError
    scheme, host, port = found.groups()
    if port is None or int(port) == _DEFAULT_PORTS.get(scheme):
        return f"{scheme}://{host}"
    if not 0 < int(port) <= MAX_PORT:
        raise ValueError
    return f"{scheme}://{host}:{int(port)}"


def _network(text: str) -> str:
    if re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", text):
        return text.lower()
    return str(ipaddress.ip_network(text))


def _word(text: str) -> str:
    if not text.strip():
        raise ValueError
    return " ".join(text.split())


def _group(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?", text):
        raise ValueError
    return text


def _host(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]", text.lower()):
        raise ValueError
    return text.lower()


def _proxy(text: str) -> str:
    return text if text == "unix" else str(ipaddress.ip_network(text))


_OF_BROWSERS = re.compile(
    r"accept.*|access-control-.*|authorization|connection|content-.*|cookie|date|expect|forwarded|from|host|if-.*"
    r"|keep-alive|last-event-id|origin|proxy-.*|range|referer|sec-.*|te|trailer|transfer-encoding|upgrade.*"
    r"|user-agent|via|x-forwarded-(for|host|port|proto|server)|x-real-ip|x-request-id"
)
"""Headers that browsers send, or that proxies pass on from them: none of them names a user."""


def _header_name(text: str) -> str:
    name = text.lower()
    if not re.fullmatch(r"[a-z0-9-]*", name) or _OF_BROWSERS.fullmatch(name):
        raise ValueError
    return name


def _public_url(text: str) -> str:
    url = urlsplit(_optional_url(text))
    if url.path or (text and _host(_bracketed(url.hostname or "")) is None):
        raise ValueError
    return text.rstrip("/").lower()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


_VERSION = re.compile(
    r"/v[0-9]+\.[0-9]+(?=/|\Z)|/(?:v[1-9][0-9]+|[0-9]+\.[0-9]+)(?=/?\Z)", re.ASCII | re.IGNORECASE
)
"""A version of Meta's; `/v25` and `/25.0` only at the end: a gateway may have a `/v1` of its own."""
_DEFAULT_PORTS = {"http": 80, "https": 443}

FilePath = Annotated[Path, *_parsed(_path, "the path of a file")]
SocketPath = Annotated[Path, *_parsed(_socket, "a path of at most 107 bytes")]
Address = Annotated[Bind, *_parsed(Bind.parse, BIND_FORMS)]
GraphUrl = Annotated[
    str,
    *_parsed(
        _graph_url,
        "a URL such as https://graph.facebook.com, without user, query, fragment or version",
    ),
]
OptionalUrl = Annotated[str, *_parsed(_optional_url, 'a URL such as https://host, or "" for none')]
Groups = Annotated[tuple[str, ...], *_parsed_list(_group, 'a list of group names such as ["wacrmd"]')]
Origins = Annotated[
    tuple[str, ...],
    *_parsed_list(_origin, 'a list of origins such as ["https://crm.example.com"], never "*" or "null"'),
]
Words = Annotated[tuple[str, ...], *_parsed_list(_word, 'a list of words such as ["STOP"]')]
Networks = Annotated[
    tuple[str, ...],
    *_parsed_list(_network, 'a list of host names and networks such as ["crm.lan", "10.0.0.0/8"]'),
]
OptionalAddress = Annotated[
    Bind | None, *_parsed(lambda text: Bind.parse(text) if text else None, f'{BIND_FORMS}, or "" for none')
]
Hosts = Annotated[
    tuple[str, ...],
    *_parsed_list(_host, 'a list of host names such as ["wacrmd.example.com"], without a port'),
]
Proxies = Annotated[
    tuple[str, ...],
    *_parsed_list(_proxy, 'a list of addresses and networks such as ["127.0.0.1", "10.0.0.0/24"], or "unix"'),
]
HeaderName = Annotated[
    str,
    *_parsed(
        _header_name,
        'the name of a header that no browser sends by itself, such as Remote-User, or "" for none',
    ),
]
PublicUrl = Annotated[
    str, *_parsed(_public_url, 'a URL without a path such as "https://wacrmd.example.com", or "" for none')
]
Seconds = Annotated[float, Field(gt=0, le=3600)]
