"""Pages by number, of lists that are short or change seldom."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

from wacrmd.dashboard.frame import Visit
from wacrmd.errors import bad_request

T = TypeVar("T")

PER_PAGE = 50
_NUMBER = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)


def page_number(text: str | None) -> int:
    """The number of a page in an address, from 1."""
    if text is not None and not _NUMBER.fullmatch(text):
        raise bad_request("page: expected the number of a page")
    return int(text or 1)


def neighbours(visit: Visit, number: int, *, is_empty: bool, is_last: bool) -> Mapping[str, str | None]:
    """The ways to the pages before and after this one. Refuses one behind the end of the list."""
    if is_empty and number > 1:
        raise bad_request(f"page: there is no page {number}")
    return {
        "Before": visit.address(page=str(number - 1)) if number > 1 else None,
        "Next": None if is_last else visit.address(page=str(number + 1)),
    }


def sliced(visit: Visit, items: Sequence[T]) -> tuple[Sequence[T], Mapping[str, str | None]]:
    """The part of a list that is on the page, and the ways to the others."""
    number = page_number(visit.param("page"))
    end = number * PER_PAGE
    shown = items[end - PER_PAGE : end]
    return shown, neighbours(visit, number, is_empty=not shown, is_last=len(items) <= end)
