"""The columns of a price list, by the names that people give them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from wacrmd.domain.column_names import plain_names

CATEGORIES = (
    "marketing",
    "marketing_lite",
    "utility",
    "authentication",
    "authentication_international",
    "service",
)
"""Those that may be the name of a column."""
_WIDE = {each.replace("_", ""): each for each in CATEGORIES}

_COUNTRY = frozenset(
    [
        "country",
        "countries",
        "market",
        "markets",
        "land",
        "lander",
        "region",
        "markt",
        "pais",
        "paese",
        "pays",
    ]
)
_CATEGORY = frozenset(["category", "kategorie", "categoria", "categorie", "messagecategory", "messagetype"])
_PRICE = frozenset(
    [
        "price",
        "rate",
        "amount",
        "cost",
        "preis",
        "betrag",
        "kosten",
        "precio",
        "prix",
        "prezzo",
        "pricepermessage",
    ]
)
_CURRENCY = frozenset(["currency", "wahrung", "moneda", "devise", "valuta"])
_MAX_NAME_SHOWN = 60


@dataclass(frozen=True, slots=True)
class PriceColumns:
    """Where what stands in a row; the first column is meant, see `doubled` where there are two."""

    country: int
    currency: int | None
    price: int | None
    category: int | None
    wide: tuple[tuple[int, str], ...]
    """Columns that are called like a category, with it."""
    count: int
    """How many there are, also those that are not read."""

    @classmethod
    def of(cls, header: Sequence[str]) -> "PriceColumns | None":
        """Those of a header; None if it is that of no price list."""
        names = _names(header)
        country, price, category, currency = (
            next(iter(_places(names, known)), None) for known in (_COUNTRY, _PRICE, _CATEGORY, _CURRENCY)
        )
        wide = tuple((at, found) for at, readings in enumerate(names) if (found := _wide(readings)))
        if country is None or ((price is None or category is None) and not wide):
            return None
        return cls(country, currency, price, category, wide, len(header))


def doubled(header: Sequence[str]) -> list[str]:
    """Why it is not certain which columns are meant, one sentence for each thing that several have."""
    names = _names(header)
    wide = [(at, found) for at, readings in enumerate(names) if (found := _wide(readings))]
    prices = _places(names, _PRICE)
    several = [
        ("the countries", _places(names, _COUNTRY)),
        ("the categories", _places(names, _CATEGORY)),
        ("the prices", [*prices, *(at for at, _ in wide if prices)]),
        ("the currency", _places(names, _CURRENCY)),
        *(
            (f"the prices of {category}", [at for at, found in wide if found == category])
            for category in CATEGORIES
        ),
    ]
    return [
        f"several columns may have {what} ({', '.join(header[at][:_MAX_NAME_SHOWN] for at in places)}): keep the one that"
        " counts, and remove or rename the others"
        for what, places in several
        if len(places) > 1
    ]


def _names(header: Sequence[str]) -> list[list[str]]:
    return [["".join(words) for words in plain_names(cell)] for cell in header]


def _places(names: Sequence[Sequence[str]], known: frozenset[str]) -> list[int]:
    return [at for at, readings in enumerate(names) if not known.isdisjoint(readings)]


def _wide(readings: Sequence[str]) -> str | None:
    """The category that a column is called like."""
    return _WIDE.get(readings[0]) if readings else None
