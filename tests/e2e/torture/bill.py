"""Meta's bill for a run, added up from its ledger without a line of wacrmd's, and what wacrmd says was spent."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import httpx

from tests.e2e.torture.crowd import country_of
from tests.e2e.torture.report import Report
from wacrmd.simulator.ledger import Entry

PRICE_LIST = """country,category,price,currency
US,marketing,0.025,EUR
CA,marketing,0.0301,EUR
DE,marketing,0.1131,EUR
DE,marketing_lite,0.099,EUR
GB,marketing,0.0529,EUR
GB,utility,0.022,USD
*,marketing,0.0604,EUR
*,utility,0.004,EUR
"""
"""What the operator imports."""

PRICES = {
    ("US", "marketing"): "0.025 EUR", ("US", "marketing_lite"): "0.025 EUR", ("US", "utility"): "0.004 EUR",
    ("CA", "marketing"): "0.0301 EUR", ("CA", "marketing_lite"): "0.0301 EUR", ("CA", "utility"): "0.004 EUR",
    ("DE", "marketing"): "0.1131 EUR", ("DE", "marketing_lite"): "0.099 EUR", ("DE", "utility"): "0.004 EUR",
    ("GB", "marketing"): "0.0529 EUR", ("GB", "marketing_lite"): "0.0529 EUR", ("GB", "utility"): "0.022 USD",
    ("KZ", "marketing"): "0.0604 EUR", ("KZ", "marketing_lite"): "0.0604 EUR", ("KZ", "utility"): "0.004 EUR",
}  # fmt: skip
"""What a message costs by that, worked out by hand: a list's line for marketing is one for `marketing_lite` too."""

NEAR_MS = 2 * 3600 * 1000
LIMIT = 1000
"""Broadcasts that are compared at most."""


@dataclass
class Sum:
    """Some messages, and what they cost."""

    messages: int = 0
    amounts: Counter[str] = field(default_factory=Counter)
    """By currency, in millionths."""

    def add(self, price: str) -> None:
        """Count a message."""
        amount, currency = price.split()
        self.messages += 1
        self.amounts[currency] += _micros(amount)


Sums = dict[str, dict[str, Sum]]
"""Sums by what they are of (`broadcast`, `month`, `country`), then by broadcast, month or country."""


def bill_of(entries: Iterable[Entry], messages: Collection[str]) -> Sums:
    """What Meta charges: a message once it has said in a status what that costs.

    `messages` are the ids of single messages, which are in no sum of a broadcast.
    """
    found: Sums = {by: defaultdict(Sum) for by in ("broadcast", "month", "country")}
    for entry in entries:
        if not {"sent", "delivered"} & set(entry.statuses):
            continue
        category = "utility" if entry.send.template == "order_update" else "marketing"
        if entry.endpoint == "marketing_messages":
            category += "_lite"
        country = country_of(entry.send.input)
        price = PRICES[country, category]
        found["country"][country].add(price)
        found["month"][_month(entry.at_ms)].add(price)
        uuid = (entry.send.callback_data or "").split(":")[1]
        if uuid not in messages:
            found["broadcast"][uuid].add(price)
    return found


async def spent(client: httpx.AsyncClient) -> Sums:
    """What wacrmd says was spent."""
    found: Sums = {}
    for by in ("broadcast", "month", "country"):
        answer = await client.get("/api/v1/spent", params={"by": by, "limit": str(LIMIT)})
        answer.raise_for_status()
        key = "broadcast_id" if by == "broadcast" else by
        found[by] = {
            row[key]: Sum(
                row["messages"],
                Counter({each["currency"]: _micros(each["amount"]) for each in row["amounts"]}),
            )
            for row in answer.json()["data"]
        }
    return found


def compare_bill(said: Sums, entries: Sequence[Entry], messages: Collection[str], report: Report) -> None:
    """What wacrmd says was spent is what Meta bills."""
    billed = bill_of(entries, messages)
    for by, sums in billed.items():
        if by == "month" and any(
            _month(each.at_ms - NEAR_MS) != _month(each.at_ms + NEAR_MS) for each in entries
        ):
            continue  # by which of two clocks a message is of this month or of the last one
        for key in sorted(sums.keys() | said[by].keys()):
            ours, meta = said[by].get(key, Sum()), sums.get(key, Sum())
            if ours != meta and not (by == "broadcast" and len(said[by]) == LIMIT):
                report.problems.append(f"{by} {key}: Meta bills {meta}, wacrmd says {ours}")
    report.billed = sum(each.messages for each in billed["month"].values())
    report.money = sum((each.amounts for each in billed["month"].values()), Counter())


def _month(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m")


def _micros(amount: str) -> int:
    return int(Decimal(amount) * 1_000_000)
