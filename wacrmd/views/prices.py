"""Price lists, estimates and what was spent, as callers see them."""

from dataclasses import dataclass
from typing import Annotated

from wacrmd.domain.price import Cost, Money
from wacrmd.fields import Doc, Time, Uuid

MAX_WITHOUT_PRICE = 20
"""Countries and categories without a price that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WithoutPrice:
    """Messages for which the list has no price."""

    country: Annotated[str | None, Doc("ISO 3166 code of the country; null: not known")]
    category: Annotated[str | None, Doc("the category, in Meta's words; null: not known")]
    count: Annotated[int, Doc("how many messages")]


@dataclass(frozen=True, kw_only=True)
class CostSums:
    """What messages cost by the price list."""

    __slots__ = ()

    amounts: Annotated[list[Money], Doc("the sum in each currency; currencies are never added together")]
    messages: Annotated[int, Doc("how many messages, also those that are free or have no price")]
    free: Annotated[int, Doc("how many of them Meta does not charge")]
    unpriced: Annotated[int, Doc("how many of them the list has no price for: they are in no sum")]
    without_price: Annotated[
        list[WithoutPrice], Doc("where prices are missing, the most messages first; at most 20")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostView(CostSums):
    """What messages cost by the price list."""

    @classmethod
    def of(cls, cost: Cost) -> "CostView":
        """The view of a cost."""
        missing = sorted(cost.missing.items(), key=lambda each: (-each[1], str(each[0])))
        return cls(
            amounts=cost.money,
            messages=cost.messages,
            free=cost.free,
            unpriced=cost.unpriced,
            without_price=[
                WithoutPrice(country=country, category=category, count=count)
                for (country, category), count in missing[:MAX_WITHOUT_PRICE]
            ],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpentView(CostSums):
    """What was spent in a month, in a country or on a broadcast."""

    account: Annotated[str, Doc("name of the account")]
    month: Annotated[str | None, Doc("`2026-11`, in which the messages were sent, UTC; null if not by month")]
    country: Annotated[
        str | None,
        Doc("ISO 3166 code of the country of the recipients; null if not by country, or not known"),
    ]
    broadcast_id: Annotated[Uuid | None, Doc("id of the broadcast; null if not by broadcast")]
    name: Annotated[str | None, Doc("label of the broadcast, or name of the country")]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceView:
    """One price."""

    country: Annotated[str, Doc("ISO 3166 code; `*`: every country without a price of its own")]
    category: Annotated[str, Doc("the category, in Meta's words in lower case")]
    currency: Annotated[str, Doc("code of the currency")]
    amount: Annotated[str, Doc("of one message, exact")]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceListView:
    """A price list."""

    account: Annotated[str | None, Doc("whose it is; null: of all accounts that have none of their own")]
    valid_from: Annotated[Time | None, Doc("from when on it holds; null: always")]
    imported_at: Annotated[Time, Doc("when it was imported")]
    is_current: Annotated[bool, Doc("whether it holds now")]
    prices: Annotated[list[PriceView], Doc("all prices")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedPrices:
    """A price list that was imported."""

    account: Annotated[str | None, Doc("whose it is; null: of all accounts that have none of their own")]
    valid_from: Annotated[Time | None, Doc("from when on it holds; null: always")]
    prices: Annotated[int, Doc("how many prices it has")]
    currencies: Annotated[list[str], Doc("codes of its currencies")]
    replaced: Annotated[bool, Doc("whether it replaces one that began on the same day")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedPrices:
    """A price list that was removed."""

    account: Annotated[str | None, Doc("whose it was; null: of all accounts that have none of their own")]
    valid_from: Annotated[Time | None, Doc("from when on it held; null: always")]
