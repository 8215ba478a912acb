"""The reference parts of the pages in docs/: made from the declarations of operations and views.

Such a part stands between two comments. The first one names it: an endpoint, an event, `methods`, `errors` or `roles`. The
text around the parts is written by hand.
"""

import re
from functools import cache

from wacrmd.reference import endpoints, events, methods, roles

PART = re.compile(r"(<!-- reference: (?P<name>[^>]+) -->\n).*?(<!-- end of reference -->)", re.DOTALL)


@cache
def parts(page: str) -> dict[str, str]:
    """The parts that a page has, by name; none for a page that is written by hand alone."""
    match page:
        case "admin.md":
            return methods.parts()
        case "api.md":
            return endpoints.parts()
        case "webhooks.md":
            return events.parts()
        case "operations.md":
            return roles.parts()
    return {}


def filled(page: str, text: str) -> str:
    """The text of a page with its parts made anew. Raises KeyError for a part that the page cannot have."""
    return PART.sub(lambda part: f"{part[1]}\n{parts(page)[part['name']]}\n{part[3]}", text)
