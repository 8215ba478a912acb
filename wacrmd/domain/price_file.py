"""A price list as a CSV file: one price on each line, or a column for each category as in Meta's own lists. Pure.

A list with anything wrong in it is refused as a whole: half of one would show costs that are too low.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from wacrmd.domain.csv_file import CsvReader, Row
from wacrmd.domain.market import countries_named, is_group
from wacrmd.domain.price import EVERYWHERE, MICRO_DIGITS, MICROS, Price, category_key
from wacrmd.domain.price_columns import CATEGORIES, PriceColumns, doubled
from wacrmd.domain.text_file import CsvError
from wacrmd.errors import MAX_PROBLEMS, Problem
from wacrmd.suggest import nearest

MAX_FILE_BYTES = 500_000
"""The size of a list; Meta's own has some 3,000."""
MAX_ROWS = 5000
"""Lines of a list; Meta's own has some 40."""
MAX_ABOVE = 20
"""Lines that may stand above the header; in Meta's own a title, formerly some notes too."""
MISSPELT = 0.85
"""How alike a category is to one of Meta's that was meant; a new one of Meta's such as `group_marketing` is less so."""

_DOLLARS = frozenset(
    [
        "USD",
        "AUD",
        "CAD",
        "NZD",
        "SGD",
        "HKD",
        "TWD",
        "MXN",
        "ARS",
        "CLP",
        "COP",
        "UYU",
        "DOP",
        "BBD",
        "BMD",
        "BND",
        "BSD",
        "BZD",
        "FJD",
        "GYD",
        "JMD",
        "LRD",
        "NAD",
        "SRD",
        "TTD",
        "XCD",
        "BRL",
    ]
)
_MARKS = {
    "€": frozenset(("EUR",)),
    "£": frozenset(("GBP",)),
    "₹": frozenset(("INR",)),
    "Rs": frozenset(("INR", "PKR")),
    "Rp": frozenset(("IDR",)),
    "R$": frozenset(("BRL",)),
    "US$": frozenset(("USD",)),
    "$US": frozenset(("USD",)),
    "$": _DOLLARS,
}
"""Signs of currencies, and which they mean; a dollar may be that of many countries, or a peso. Meta's lists have `$US`."""
_MARK = r"US\$|\$US|R\$|Rs\.?|Rp\.?|[A-Z]{3}|[$€£₹]"
_MARK_BEFORE = re.compile(_MARK)
_MARK_BEHIND = re.compile(rf"(?:{_MARK})\Z")
_LONGEST_MARK = 3
_THOUSANDS = " '\u2019\u00a0\u202f"
"""What stands between thousands in Switzerland and France."""
_NUMBER = re.compile(rf"[0-9][0-9.,]*|[0-9]{{1,3}}(?:[{_THOUSANDS}][0-9]{{3}})+(?:[.,][0-9]*)?", re.ASCII)
_CODE = re.compile(r"[A-Z]{3}")
_NONE = frozenset(("", "-", "\u2013", "\u2014", "n/a", "na", "none"))
"""What stands where a list has no price."""
_MORE_CELLS = 'write a price with a decimal comma in quotes, "0,1131", or put semicolons between the cells'
_CATEGORY_KEY = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
"""What the words of Meta's are like: whatever else stands there is one that no message ever has."""
_GROUP = 3
"""Digits between two separators of thousands."""


class PriceFileError(Exception):
    """A list that is not taken; `problems` has each line and why."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems[0].message)
        self.problems = problems


def read_prices(lines: Iterable[str], currency: str | None = None) -> dict[tuple[str, str], Price]:
    """The prices in a file, by country (or `EVERYWHERE`) and category; `currency` is that of prices without one.

    Raises PriceFileError, with all that is wrong.
    """
    try:
        rows = _from_header(list(lines))
        header = next(rows, None)
    except CsvError as error:
        raise PriceFileError([Problem("file", str(error))]) from None
    if header is None:
        raise PriceFileError([Problem("file", "it is empty")])
    columns = PriceColumns.of(header.cells)
    if columns is None:
        message = (
            "expected a header with country, category, price and currency, or with country and a column for each category"
            f" such as marketing; found {', '.join(header.cells)[:200]}"
        )
        raise PriceFileError([Problem(f"line {header.line}", message)])
    if wrong := doubled(header.cells):
        raise PriceFileError([Problem(f"line {header.line}", each) for each in wrong])
    taken = _Taken(columns, currency)
    for count, row in enumerate(rows, start=1):
        if count > MAX_ROWS:
            raise PriceFileError([Problem("file", f"expected at most {MAX_ROWS} lines: is it a price list?")])
        taken.add(row)
    return taken.result()


def _from_header(lines: list[str]) -> Iterator[Row]:
    """The rows from the header on: Meta's lists have a title and notes above it. All rows, if there is none."""
    for above in range(min(len(lines), MAX_ABOVE + 1)):
        rows = iter(CsvReader(["\n"] * above + lines[above:], is_known=_is_header))
        header = next(rows, None)
        if header is None or _is_header(header.cells):
            return chain([header] if header else [], rows)
    return iter(CsvReader(lines, is_known=_is_header))


class _Taken:
    """The prices of the lines so far, and what is wrong with others."""

    def __init__(self, columns: PriceColumns, currency: str | None) -> None:
        self._columns = columns
        self._currency = currency
        self._own: dict[tuple[str, str], tuple[Price, int]] = {}
        self._of_groups: dict[tuple[str, str], tuple[Price, int]] = {}
        self._problems: list[Problem] = []

    def add(self, row: Row) -> None:
        """Take a line."""
        if row.problem is not None:
            self._wrong(row, row.problem)
            return
        if any(row.cells[self._columns.count :]):
            self._wrong(row, f"has more cells than the {self._columns.count} of the header: {_MORE_CELLS}")
            return
        named = _cell(row, self._columns.country)
        countries = countries_named(named)
        if countries is None:
            self._wrong(
                row,
                f"{named[:60]!r} is no country: write its ISO code or its English name, or * for all others",
            )
            return
        into = self._of_groups if is_group(named) else self._own
        for category, text in self._prices(row):
            try:
                price = self._price(row, text)
            except ValueError as error:
                self._wrong(row, str(error))
                return
            for country in countries:
                earlier = into.get((country, category))
                if earlier is not None and earlier[0] != price:
                    where = "all others" if country == EVERYWHERE else country
                    self._wrong(row, f"{where} has another price for {category} on line {earlier[1]}")
                    return
                into[country, category] = price, row.line

    def result(self) -> dict[tuple[str, str], Price]:
        """All prices: a country that is named by itself has that one, not the one of its group."""
        if self._problems:
            raise PriceFileError(self._problems)
        found = {key: price for key, (price, _) in (self._of_groups | self._own).items()}
        if not found:
            raise PriceFileError([Problem("file", "it has no prices below its header")])
        return found

    def _prices(self, row: Row) -> list[tuple[str, str]]:
        """The categories of a line, each with its cell."""
        columns = self._columns
        if columns.price is None or columns.category is None:
            return [
                (name, text) for at, name in columns.wide if (text := _cell(row, at)).lower() not in _NONE
            ]
        category = category_key(_cell(row, columns.category))
        if not category:
            self._wrong(row, "has no category: write marketing, utility or another word of Meta's")
            return []
        if not _CATEGORY_KEY.fullmatch(category):
            self._wrong(
                row, f"{category[:60]!r} is no category: write marketing, utility or another word of Meta's"
            )
            return []
        meant = nearest(category, CATEGORIES, min_similarity=MISSPELT)
        if meant is not None and meant != category:
            self._wrong(row, f"{category[:60]!r} is no category; did you mean {meant!r}?")
            return []
        return [(category[:60], _cell(row, columns.price))]

    def _price(self, row: Row, text: str) -> Price:
        """The price in a cell; raises ValueError."""
        written = _cell(row, self._columns.currency) if self._columns.currency is not None else ""
        mark, amount = _apart(text)
        meant = _MARKS.get(mark, frozenset((mark,)) if _CODE.fullmatch(mark) else frozenset())
        named = _MARKS.get(written.upper(), frozenset())
        code = next(iter(named)) if len(named) == 1 else written.upper() or (self._currency or "")
        if not code and len(meant) == 1:
            (code,) = meant
        if not _CODE.fullmatch(code):
            what = f"{written[:20]!r} is no currency" if written else "has no currency"
            raise ValueError(
                f"{what}: write its code such as EUR in a column called currency, or give one for the whole list"
            )
        if meant and code not in meant:
            raise ValueError(f"has {mark} in its price and the currency {code}")
        return Price(code, read_amount(amount))

    def _wrong(self, row: Row, why: str) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(Problem(f"line {row.line}", why))


def read_amount(text: str) -> int:
    """The millionths of an amount with a decimal point or comma; raises ValueError, also where it may be two amounts."""
    written = text.strip()
    if not _NUMBER.fullmatch(written):
        raise ValueError(f"{text[:40]!r} is no price: expected a number such as 0.0113")
    digits = re.sub(f"[{_THOUSANDS}]", "", written)
    at = max(digits.rfind("."), digits.rfind(","))
    whole, part = (digits, "") if at < 0 else (digits[:at], digits[at + 1 :])
    mark = digits[at] if at >= 0 else ""
    separators = {each for each in whole if each in ".,"}
    groups = re.split(r"[.,]", whole)
    if separators and (len(separators) > 1 or any(len(each) != _GROUP for each in groups[1:])):
        raise ValueError(f"{text[:40]!r} is no price: expected a number such as 0.0113")
    if mark in separators:  # 1.234.567: all of them separate thousands
        if len(part) != _GROUP:
            raise ValueError(f"{text[:40]!r} is no price: expected a number such as 0.0113")
        whole, part = whole + part, ""
    elif (
        mark
        and not separators
        and len(part) == _GROUP
        and 0 < len(whole) <= _GROUP
        and not whole.startswith("0")
    ):
        raise ValueError(f"{text[:40]!r} may be {whole}{part} or {whole}.{part}: write it with four decimals")
    if len(part.rstrip("0")) > MICRO_DIGITS:
        raise ValueError(f"{text[:40]!r} has more than {MICRO_DIGITS} decimals")
    plain = re.sub(r"[.,]", "", whole)
    if len(plain) > 9:  # noqa: PLR2004 - a price of a message, not of a house
        raise ValueError(f"{text[:40]!r} is too much for one message")
    return int(plain or "0") * MICROS + int(part[:MICRO_DIGITS].ljust(MICRO_DIGITS, "0"))


def _apart(text: str) -> tuple[str, str]:
    """The sign or code of a currency at an end of a cell, and what is left; `` and all of it where there is none."""
    amount = text.strip()
    before = _MARK_BEFORE.match(amount)
    amount = amount[before.end() :].strip() if before else amount
    # Only the end is looked at: one expression for the whole would take longer than linear time.
    behind = _MARK_BEHIND.search(amount, max(0, len(amount) - _LONGEST_MARK))
    amount = amount[: behind.start()].strip() if behind else amount
    mark = before or behind
    return mark[0].rstrip(".") if mark else "", amount


def _is_header(cells: Sequence[str]) -> bool:
    return PriceColumns.of(cells) is not None


def _cell(row: Row, at: int | None) -> str:
    return row.cells[at] if at is not None and at < len(row.cells) else ""
