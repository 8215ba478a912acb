"""What messages cost by a price list: exact amounts in millionths of a currency; currencies are never added. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from wacrmd.clock import DAY, Millis
from wacrmd.fields import Doc

EVERYWHERE = "*"
"""Every country that has no price of its own."""

MICROS = 1_000_000
"""An amount is a whole number of millionths."""
MICRO_DIGITS = 6

_FREE = "free_"
"""How the types begin that Meta does not charge: `free_customer_service`, `free_entry_point`."""

_LIKE = {
    "marketing_lite": "marketing",
    "authentication_international": "authentication",
}
"""Categories that count as another one where a list has no price of their own."""


class SpentBy(StrEnum):
    """What the sums are of."""

    MONTH = "month"
    COUNTRY = "country"
    BROADCAST = "broadcast"


@dataclass(frozen=True, slots=True)
class Price:
    """What one message costs."""

    currency: str
    micros: int


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices that hold from a day on, by country (or `EVERYWHERE`) and category."""

    valid_from: Millis
    prices: Mapping[tuple[str, str], Price]

    def price_of(self, country: str | None, category: str | None) -> Price | None:
        """The price of a message to this country; None where the list has none."""
        if category is None:
            return None
        wanted: str | None = category_key(category)
        while wanted is not None:
            for where in (country, EVERYWHERE):
                found = self.prices.get((where, wanted)) if where is not None else None
                if found is not None:
                    return found
            wanted = _LIKE.get(wanted)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in one currency."""

    currency: Annotated[str, Doc("code of the currency, such as `EUR`")]
    amount: Annotated[str, Doc("exact, with a point: `12.3456`")]


@dataclass(slots=True)
class Cost:
    """What some messages cost together."""

    micros: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """By currency."""
    messages: int = 0
    free: int = 0
    unpriced: int = 0
    """Messages for which no list has a price."""
    missing: dict[tuple[str | None, str | None], int] = field(default_factory=lambda: defaultdict(int))
    """How many of these there are, by country and category."""

    def add(self, count: int, held: PriceList | None, country: str | None, category: str | None) -> None:
        """So many messages to a country, by the list that held then."""
        self.messages += count
        price = None if held is None else held.price_of(country, category)
        if price is None:
            self.unpriced += count
            self.missing[country, category] += count
        else:
            self.micros[price.currency] += price.micros * count

    def add_free(self, count: int) -> None:
        """So many messages that cost nothing."""
        self.messages += count
        self.free += count

    @property
    def money(self) -> list[Money]:
        """The amounts, by currency."""
        return [Money(currency=each, amount=decimal(self.micros[each])) for each in sorted(self.micros)]


def category_key(category: str) -> str:
    """A category as lists and statuses are compared: Meta writes MARKETING, marketing, authentication-international."""
    return category.strip().lower().replace("-", "_").replace(" ", "_")


def is_free(kind: str | None, billable: bool | None) -> bool:
    """Whether Meta says that a message costs nothing."""
    return billable is False or (kind is not None and kind.startswith(_FREE))


def list_at(lists: Iterable[PriceList], at: Millis) -> PriceList | None:
    """The list that holds at a time: the one that begins last, and not after it."""
    return max(
        (each for each in lists if each.valid_from <= at), key=lambda each: each.valid_from, default=None
    )


def decimal(micros: int) -> str:
    """An amount as people and programs read it: `12.3456`, with at least two decimals."""
    whole, part = divmod(micros, MICROS)
    return f"{whole}.{f'{part:06d}'.rstrip('0').ljust(2, '0')}"


def day_of(at: Millis) -> int:
    """The day of a time, in days since the epoch, UTC."""
    return at // DAY
