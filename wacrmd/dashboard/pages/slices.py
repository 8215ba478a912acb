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


def neighbours(visit: Visit, number: int, *, is_last: bool) -> Mapping[str, str | None]:
    """The ways to the pages before and after this one."""
    return {
        "Before": visit.address(page=str(number - 1)) if number > 1 else None,
        "Next": None if is_last else visit.address(page=str(number + 1)),
    }


def sliced(visit: Visit, items: Sequence[T]) -> tuple[Sequence[T], Mapping[str, str | None]]:
    """The part of a list that is on the page, and the ways to the others."""
    number = page_number(visit.param("page"))
    end = number * PER_PAGE
    return items[end - PER_PAGE : end], neighbours(visit, number, is_last=len(items) <= end)
