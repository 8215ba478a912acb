"""A price list as a file: as Meta writes it, as people write it, and what is wrong with it, by line."""

import pytest

from wacrmd.domain.price import Price
from wacrmd.domain.price_file import PriceFileError, read_amount, read_prices


def read(text: str, currency: str | None = None) -> dict[tuple[str, str], Price]:
    return read_prices(text.splitlines(keepends=True), currency)


def wrong(text: str, currency: str | None = None) -> list[tuple[str, str]]:
    with pytest.raises(PriceFileError) as error:
        read(text, currency)
    return [(each.path, each.message) for each in error.value.problems]


def test_one_price_a_line_with_semicolons_and_decimal_commas() -> None:
    text = "\ufeffLand;Kategorie;Preis;Währung\nDE;MARKETING;0,1131;EUR\nAT, CH;Utility;0,05;EUR\n*;marketing;0,06;eur\n"
    assert read(text) == {
        ("DE", "marketing"): Price("EUR", 113_100),
        ("AT", "utility"): Price("EUR", 50_000),
        ("CH", "utility"): Price("EUR", 50_000),
        ("*", "marketing"): Price("EUR", 60_000),
    }


def test_a_column_for_each_category_as_meta_writes_it() -> None:
    text = (
        "Market,Currency,Marketing,Utility,Authentication,Authentication-International,Service\n"
        "Germany,USD,0.1365,0.0550,0.0768,n/a,n/a\n"
        "Bahrain,USD,0.0500,-,,,\n"
        "Rest of Middle East,USD,0.0341,0.0157,0.0157,n/a,n/a\n"
        "Other,USD,0.0604,0.0077,0.0304,n/a,0\n"
    )
    found = read(text)
    assert found["DE", "marketing"] == Price("USD", 136_500)
    assert ("DE", "authentication_international") not in found
    assert found["BH", "marketing"] == Price("USD", 50_000), "named by itself, so not with its group"
    assert found["BH", "utility"] == found["QA", "utility"] == Price("USD", 15_700)
    assert found["*", "service"] == Price("USD", 0)


def test_the_currency_stands_in_a_column_in_the_price_or_beside_the_file() -> None:
    assert read("country,category,price\nDE,utility,€0.05\n")["DE", "utility"] == Price("EUR", 50_000)
    assert read("country,category,price\nDE,utility,0.05 EUR\n", "EUR")["DE", "utility"] == Price(
        "EUR", 50_000
    )
    assert read("country,category,price\nDE,utility,EUR 0.05\n")["DE", "utility"] == Price("EUR", 50_000)
    assert read("country,category,price\nUS,utility,US$0.05\n")["US", "utility"] == Price("USD", 50_000)
    assert "has EUR" in wrong("country,category,price,currency\nDE,utility,0.05 EUR,USD\n")[0][1]
    for strange in ("1e5", "12x", "0.05 0.06", "EUR", "x"):
        assert wrong(f"country,category,price,currency\nDE,utility,{strange},EUR\n")[0][0] == "line 2"
    assert read("country,category,price,currency\nUS,utility,$0.05,AUD\n")["US", "utility"] == Price(
        "AUD", 50_000
    )


def test_everything_that_is_wrong_is_told_by_line_and_nothing_is_taken() -> None:
    text = (
        "country,category,price,currency\n"
        "DE,marketing,0.1131,EUR\n"
        "Atlantis,marketing,0.1,EUR\n"
        "FR,marketing,free,EUR\n"
        "IT,marketing,0.1,euros\n"
        "ES,,0.1,EUR\n"
        "DE,marketing,0.2,EUR\n"
        "PL,marketing,€0.1,PLN\n"
        'NL,marketing,"1,234",EUR\n'
        "SE,marketing,-0.1,EUR\n"
        "BE,marketing,,EUR\n"
        "DE,marketing,0.1131,EUR\n"
    )
    found = wrong(text)
    assert [path for path, _ in found] == [f"line {line}" for line in (3, 4, 5, 6, 7, 8, 9, 10, 11)]
    words = (
        "no country",
        "no price",
        "no currency",
        "no category",
        "line 2",
        "has €",
        "may be",
        "no price",
        "no price",
    )
    for (_, message), word in zip(found, words, strict=True):
        assert word in message


def test_a_file_that_is_no_price_list_is_refused() -> None:
    assert wrong("") == [("file", "it is empty")]
    assert wrong("phone,name\n+1,Jane\n")[0][0] == "line 1"
    assert wrong("country,category,price,currency\n") == [("file", "it has no prices below its header")]
    assert "currency" in wrong("country,category,price\nUS,utility,$0.05\n")[0][1]
    assert wrong("country,category,price\n" + "DE,utility,€0.05\n" * 5001)[0][0] == "file"


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0,0123", 12_300),
        ("0.0123", 12_300),
        ("12", 12_000_000),
        ("12.5", 12_500_000),
        ("0.782", 782_000),
        ("1.2340", 1_234_000),
        ("1.234,5", 1_234_500_000),
        ("1,234.50", 1_234_500_000),
        ("1'234.50", 1_234_500_000),
        ("1 234,56", 1_234_560_000),
        ("1.234.567", 1_234_567_000_000),
        ("0.123456000", 123_456),
    ],
)
def test_an_amount_is_read_with_point_or_comma(text: str, micros: int) -> None:
    assert read_amount(text) == micros


@pytest.mark.parametrize(
    "text", ["", "abc", "1,234", "1.234", "0.1234567", ".5", "-1", "1.2.3", "12345678901", "1,23.456,7"]
)
def test_an_amount_that_is_none_or_may_be_two_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"price|may be|decimals|too much"):
        read_amount(text)
