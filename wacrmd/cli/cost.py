"""Costs as commands show them."""

from collections.abc import Iterable

from wacrmd.cli.output import hint, say
from wacrmd.errors import counted
from wacrmd.fields import JsonObject

MAX_SHOWN = 5
"""Places without a price that are named."""


def amounts(found: Iterable[JsonObject]) -> str:
    """Amounts in one text: `12.34 EUR + 5.60 USD`; they are never added together."""
    return " + ".join(f"{each['amount']} {each['currency']}" for each in found)


def cost_line(cost: JsonObject | None) -> None:
    """Say what something would cost, or has cost, by the price list; nothing without one."""
    if cost is None or not cost["messages"]:
        return
    priced = cost["messages"] - cost["free"] - cost["unpriced"]
    free = f", {cost['free']} are free" if cost["free"] else ""
    sums = amounts(cost["amounts"]) or "nothing"
    say(f"Cost by the price list: {sums} for {priced} of {counted(cost['messages'], 'message')}{free}")
    costs([cost])


def costs(rows: Iterable[JsonObject]) -> None:
    """Say where prices are missing."""
    missing: dict[tuple[str, str], int] = {}
    for row in rows:
        for each in row["without_price"]:
            place = each["country"] or "unknown country", each["category"] or "unknown category"
            missing[place] = missing.get(place, 0) + each["count"]
    if not missing:
        return
    most = sorted(missing.items(), key=lambda each: -each[1])
    named = ", ".join(f"{country} {category}" for (country, category), _ in most[:MAX_SHOWN])
    more = f" and {len(most) - MAX_SHOWN} more" if len(most) > MAX_SHOWN else ""
    count = counted(sum(missing.values()), "message")
    hint(f"No price for {count}: {named}{more}. See wacrmd price import --help")
