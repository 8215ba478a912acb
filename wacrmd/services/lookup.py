"""Looking something up by a reference that must match exactly one thing."""

from collections.abc import Sequence
from typing import TypeVar

from wacrmd.errors import conflict, not_found

T = TypeVar("T")


def exactly_one(found: Sequence[T], noun: str, reference: str) -> T:
    """The only thing found for a reference; raises Refusal if there is none or more than one."""
    if not found:
        raise not_found(f"{noun} {reference!r}")
    if len(found) > 1:
        raise conflict(f"Several {noun.lower()}s begin with {reference!r}: give more of the id")
    return found[0]
