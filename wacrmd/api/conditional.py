"""Conditional requests: whether the client has the answer already (RFC 9110, section 13.1.2). Pure."""

import re

ANY = "*"
_TAGS = re.compile(r'(?:W/)?("[^"]*")')


def is_known(if_none_match: str, etag: str) -> bool:
    """Whether `If-None-Match` names this strong entity tag, or any; compared weakly, so that `W/` makes no difference.

    What is no entity tag names nothing.
    """
    return if_none_match.strip() == ANY or etag in _TAGS.findall(if_none_match)
