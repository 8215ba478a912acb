"""The target of a request in one form, however the client wrote it (RFC 9112, section 3.2); pure."""

import re

Headers = list[tuple[bytes, bytes]]

_ABSOLUTE = re.compile(rb"https?://([^/?#]+)(.*)", re.IGNORECASE)


def origin_form(method: bytes, target: bytes, headers: Headers) -> tuple[bytes, Headers]:
    """The target as path and query, and the headers with the `Host` that it names.

    A client behind a proxy writes the whole URL. Its host then counts in place of the header; a user and password in it
    are dropped, so that no log line can show them.
    """
    found = _ABSOLUTE.fullmatch(target)
    if found is None:
        return target, headers
    authority, rest = found.groups()
    others = [header for header in headers if header[0] != b"host"]
    host = (b"host", authority.rpartition(b"@")[2])
    if not rest and method == b"OPTIONS":
        return b"*", [host, *others]
    return rest if rest.startswith(b"/") else b"/" + rest, [host, *others]
