"""The components of a template as Meta lists them, and those of a message, of which nobody knows the shape. Pure."""

from collections.abc import Iterator
from typing import Any

from wacrmd.fields import JsonObject


def parts(components: list[JsonObject]) -> Iterator[tuple[int | None, JsonObject]]:
    """The components outside of a carousel and those of its cards, each with its card."""
    for part in objects(components):
        yield None, part
        if upper(part.get("type")) == "CAROUSEL":
            for card, each in enumerate(objects(part.get("cards"))):
                at = each.get("card_index", card)
                yield from ((at, inner) for inner in objects(each.get("components")))


def objects(value: Any) -> list[JsonObject]:
    """The objects of a list; none if it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def upper(value: Any) -> str:
    """One of Meta's words in capitals; "" for anything else."""
    return value.upper() if isinstance(value, str) else ""
