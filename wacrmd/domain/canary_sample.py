"""To whom a broadcast with a canary is sent first. Pure."""

from collections.abc import Iterable

from wacrmd.domain.address import is_user_id
from wacrmd.domain.phone_plan import country_of

LOOKED_AT = 10_000
"""People of a broadcast, evenly spread, of whom the first are chosen: to look at all of a large one takes too long."""


def choose(people: Iterable[tuple[int, str]], count: int) -> list[int]:
    """So many of these people, (recipient id, address) each, evenly spread: each country has its share, and at least one.

    With more countries than people, those that have most are taken.
    """
    by_country = dict[str, list[int]]()
    for recipient_id, address in people:
        by_country.setdefault(_country(address), []).append(recipient_id)
    groups = sorted(by_country.values(), key=len, reverse=True)
    left, total, chosen = count, sum(len(group) for group in groups), list[int]()
    for index, group in enumerate(groups):
        if left <= 0:
            break
        others = min(left - 1, len(groups) - index - 1)
        share = min(max(round(left * len(group) / total), 1), left - others, len(group))
        chosen += _spread(group, share)
        left, total = left - share, total - len(group)
    return sorted(chosen)


def _country(address: str) -> str:
    return (address[:2] if is_user_id(address) else country_of(address)) or ""


def _spread(group: list[int], count: int) -> list[int]:
    """So many items of a list, from its beginning to its end."""
    return [group[(2 * at + 1) * len(group) // (2 * count)] for at in range(count)]
