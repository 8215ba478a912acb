"""Price lists as anybody may save them: read as a whole or refused with each line that is wrong, in linear time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.effort import examples
from tests.fuzz.growth import assert_grows_in_proportion
from tests.fuzz.mutations import mutated_text
from wacrmd.domain.country_names import NAMES
from wacrmd.domain.price import EVERYWHERE, Price, PriceList, decimal
from wacrmd.domain.price_file import PriceFileError, read_amount, read_prices
from wacrmd.domain.text_file import split_lines
from wacrmd.errors import MAX_PROBLEMS

LISTS = (
    'country,category,price,currency\nDE,marketing,0.1131,EUR\n"AT, CH",utility,0.0456,EUR\n*,marketing,0.06,EUR\n',
    "Land;Kategorie;Preis;Währung\r\nDeutschland;marketing;0,1131;EUR\r\nRest of Africa;utility;1.234,5;eur\r\n",
    (
        "Rates as of 1 October\n\nMarket,Currency,Marketing,Utility,Authentication,Authentication-International,Service\n"
        "Argentina,USD,0.0618,0.026,n/a,,0\nRest of Western Europe,USD,$0.0592,US$0.03,$US0.03,0.03 USD,-\n"
    ),
    "market\tmarketing\tutility\nIN\t₹0.78\t0.12 INR\n",
)
TOKENS = (
    *",;\t\"\r\n*-'\u202f\u00a0",
    "0.0113",
    "1.234",
    "1 234,5",
    "1'234.567",
    "€",
    "R$",
    "EUR",
    "n/a",
    "Rest of Africa",
    "GB",
    "country",
    "price",
    "marketing_lite",
    "\ufeff",
    "9" * 30,
)
CURRENCIES = st.sampled_from((None, "EUR", "USD"))


def read(text: str, currency: str | None) -> dict[tuple[str, str], Price] | None:
    """The prices of a list that is right; None of one that is refused, with some words for each line."""
    try:
        return read_prices(split_lines(text), currency)
    except PriceFileError as error:
        assert 1 <= len(error.problems) <= MAX_PROBLEMS
        assert all(each.message and len(each.message) < 500 for each in error.problems)
        return None


@pytest.mark.parametrize("text", LISTS)
def test_what_the_changes_begin_with_is_right(text: str) -> None:
    assert read(text, None)


@examples(300)
@given(mutated_text(LISTS, TOKENS, changes=8), CURRENCIES)
def test_a_list_is_read_or_refused_and_says_the_same_when_it_is_written_again(
    text: str, currency: str | None
) -> None:
    found = read(text, currency)
    if found is None:
        return
    assert {country for country, _ in found} <= {*NAMES, EVERYWHERE}
    assert all(category and price.micros >= 0 for (_, category), price in found.items())
    again = "country,category,price,currency\n" + "".join(
        f'{country},"{category.replace(chr(34), chr(34) * 2)}",{price.micros // 10**6}.{price.micros % 10**6:06d},'
        f"{price.currency}\n"
        for (country, category), price in found.items()
        if not set(category) & set("\r\n")
    )
    prices = {key: price for key, price in found.items() if not set(key[1]) & set("\r\n")}
    assert read(again, None) == prices or not prices
    held = PriceList(0, found)
    for (country, category), price in found.items():
        assert held.price_of(country, category) == price


@examples(300)
@given(
    st.text(st.sampled_from("0123456789.,' \u202f\u00a0€$-eE+"), max_size=14)
    | st.decimals(0, 10**8, places=6).map(str)
)
def test_an_amount_is_exact_or_refused(text: str) -> None:
    try:
        micros = read_amount(text)
    except ValueError as error:
        assert str(error)
        return
    written = decimal(micros)
    whole, _, part = written.partition(".")
    assert read_amount(f"{whole}.{part.ljust(6, '0')}") == micros
    digits = "".join(each for each in text if each.isdigit())
    assert int(digits or "0") == 0 or micros > 0


@pytest.mark.parametrize(
    "line",
    ["DE,marketing,{}1,EUR", "{}x,marketing,1.5,EUR", "DE,m{}x,1.5,EUR", "DE,marketing,1.5,E{}x"],
    ids=["price", "country", "category", "currency"],
)
@pytest.mark.parametrize("filled", [" ", "9", "A", ".", "$ ", "€\u202f", "-"])
def test_a_long_cell_takes_time_in_proportion(line: str, filled: str) -> None:
    def list_of(size: int) -> str:
        return "country,category,price,currency\n" + line.format("x" + filled * size) + "\n"

    assert_grows_in_proportion(list_of, lambda text: read(text, None), 10_000)


def test_a_long_list_takes_time_in_proportion() -> None:
    def list_of(size: int) -> str:
        return LISTS[0] + "".join(f"DE,kind_{each},0.1131,EUR\n" for each in range(size))

    assert_grows_in_proportion(list_of, lambda text: read(text, None), 1000)
