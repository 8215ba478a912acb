"""To whom a broadcast with a canary is sent first. Pure."""

from collections.abc import Iterable, Sequence

from wacrmd.domain.address_country import country_of_address

LOOKED_AT = 10_000
"""People of a broadcast, evenly spread, of whom the first are chosen: to look at all of a large one takes too long."""


def choose(people: Iterable[tuple[int, str]], count: int) -> list[int]:
    """So many of these people, (recipient id, address) each, evenly spread: each country has its share, and at least one.

    With more countries than people, those that have most are taken.
    """
    by_country = dict[str, list[int]]()
    for recipient_id, address in people:
        by_country.setdefault(country_of_address(address), []).append(recipient_id)
    groups = sorted(by_country.values(), key=len, reverse=True)
    shares = shares_of([len(group) for group in groups], count)
    return sorted(each for group, share in zip(groups, shares, strict=True) for each in _spread(group, share))


def shares_of(sizes: Sequence[int], count: int) -> list[int]:
    """How many of so many people come from each group, the largest first: each group has its share, and at least one."""
    left, total, shares = count, sum(sizes), list[int]()
    for index, size in enumerate(sizes):
        others = min(left - 1, len(sizes) - index - 1)
        share = min(max(round(left * size / total), 1), left - others, size) if left > 0 else 0
        shares.append(share)
        left, total = left - share, total - size
    return shares


def _spread(group: list[int], count: int) -> list[int]:
    """So many items of a list, from its beginning to its end."""
    return [group[(2 * at + 1) * len(group) // (2 * count)] for at in range(count)]
