"""A price list as a file: as Meta writes it, as people write it, and what is wrong with it, by line."""

import pytest

from tests.fuzz.growth import assert_grows_in_proportion
from wacrmd.domain.price import Price
from wacrmd.domain.price_file import MAX_ROWS, PriceFileError, read_amount, read_prices
from wacrmd.domain.text_file import decode_lines
from wacrmd.errors import MAX_PROBLEMS


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


def test_a_list_of_metas_has_its_title_above_the_header_and_us_dollars_as_it_writes_them() -> None:
    text = (
        '"Cost per message in USD on the WhatsApp Business Platform, effective October 1, 2026",,,,,,\r\n'
        "Note: rates change.,,,,,,\r\n"
        ",,,,,,\r\n"
        'Market,Currency,Marketing,Utility,Authentication,"Authentication-\nInternational",Service\r\n'
        "Argentina,$US,0.0618,0.0260,0.0260,n/a,n/a\r\n"
        "India,$US,0.0118,0.0014,0.0014,0.0280,n/a\r\n"
    )
    found = read(text)
    assert found["AR", "marketing"] == Price("USD", 61_800)
    assert found["IN", "authentication_international"] == Price("USD", 28_000)
    assert wrong(text + "Atlantis,$US,1,1,1,1,1\r\n") == [
        ("line 8", "'Atlantis' is no country: write its ISO code or its English name, or * for all others")
    ]
    titled = "Preise 2026\n\nsep=;\nLand;Kategorie;Preis;W\u00e4hrung\nDE;marketing;0,1131;\u20ac\n"
    assert read(titled) == {("DE", "marketing"): Price("EUR", 113_100)}
    assert wrong("Preise\nLand;Sonstiges\n")[0][0] == "line 1"


def test_a_sign_beside_a_price_and_a_word_for_a_category_that_cannot_be_meant_are_refused() -> None:
    header = "country,category,price,currency\n"
    assert wrong(f"{header}US,marketing,$0.05,EUR\n")[0][1] == "has $ in its price and the currency EUR"
    assert wrong(f"{header}US,marketng,0.05,USD\n")[0][1] == (
        "'marketng' is no category; did you mean 'marketing'?"
    )
    assert read(f"{header}US,group_marketing,0.05,USD\n")["US", "group_marketing"] == Price("USD", 50_000)


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
    ("header", "named"),
    [
        ("country,category,price,rate,currency", "the prices (price, rate)"),
        ("Country,Region,category,price,currency", "the countries (Country, Region)"),
        ("country,category,Message type,price,currency", "the categories (category, Message type)"),
        ("country,category,price,currency,Währung", "the currency (currency, Währung)"),
        ("country,category,price,currency,price", "the prices (price, price)"),
        ("country,category,price,currency,Marketing", "the prices (price, Marketing)"),
        ("Market,Currency,Marketing,Utility,MARKETING", "the prices of marketing (Marketing, MARKETING)"),
    ],
)
def test_two_columns_for_one_thing_are_refused_by_name(header: str, named: str) -> None:
    assert wrong(f"{header}\nDE,1,1,1,1\n", "EUR") == [
        (
            "line 1",
            f"several columns may have {named}: keep the one that counts, and remove or rename the others",
        )
    ]


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
    "text",
    [
        "",
        "abc",
        "1,234",
        "1.234",
        "0.1234567",
        ".5",
        "-1",
        "1.2.3",
        "12345678901",
        "1,23.456,7",
        "1 2 3",
        "0.01 13",
        "1 234 5",
    ],
)
def test_an_amount_that_is_none_or_may_be_two_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"price|may be|decimals|too much"):
        read_amount(text)


def test_spaces_in_a_price_take_time_in_proportion() -> None:
    """10,000 of them took 5 s, in which the daemon did nothing else."""

    def work(text: str) -> None:
        assert wrong(text)

    assert_grows_in_proportion(
        lambda size: f"country,category,price,currency\nDE,marketing,1{' ' * size}x,EUR\n", work, 2_000
    )


def test_a_line_with_more_cells_than_the_header_is_refused_since_a_decimal_comma_makes_two_cells_of_a_price() -> (
    None
):
    """Read as they stand, these prices were 0, and that of utility 1,131."""
    more = 'write a price with a decimal comma in quotes, "0,1131", or put semicolons between the cells'
    header = "country,category,price\n"
    assert wrong(f"{header}DE,marketing,0,1131\n", "EUR") == [
        ("line 2", f"has more cells than the 3 of the header: {more}")
    ]
    wide = "Market,Currency,Marketing,Utility\nGermany,EUR,0,1131,0,0456\n"
    assert wrong(wide) == [("line 2", f"has more cells than the 4 of the header: {more}")]
    assert read(f'{header}DE,marketing,"0,1131",,\n', "EUR") == {("DE", "marketing"): Price("EUR", 113_100)}


def test_what_no_category_of_metas_can_be_is_refused() -> None:
    header = "country,category,price,currency\n"
    for strange in ("=cmd()|x", "<b>", "*", "4", "М"):
        assert wrong(f"{header}DE,{strange},0.1,EUR\n")[0][1] == (
            f"{strange.lower()!r} is no category: write marketing, utility or another word of Meta's"
        )


def test_a_file_that_is_no_list_is_refused_as_a_whole() -> None:
    with pytest.raises(PriceFileError, match="Excel") as error:
        read_prices(decode_lines([b"PK\x03\x04 a workbook"]))
    ((path, message),) = [(each.path, each.message) for each in error.value.problems]
    assert path == "file"
    assert message == str(error.value)
    expected = (
        "expected a header with country, category, price and currency, or with country and a column for each category"
        " such as marketing; found country, "
    )
    assert wrong(f"country,{'x' * 300}\n") == [("line 1", expected + "x" * 191)]


def test_a_currency_for_the_whole_list_is_that_of_prices_without_one() -> None:
    text = "country,category,price\nDE,marketing,0.1\n"
    assert read(text, "EUR") == {("DE", "marketing"): Price("EUR", 100_000)}
    assert wrong(text)[0][0] == "line 2"


@pytest.mark.exhaustive(only=True)
def test_a_list_has_at_most_so_many_lines_and_a_refusal_so_many_problems() -> None:
    head, line = "country,category,price,currency\n", "DE,marketing,0.1,EUR\n"
    assert read(head + line * MAX_ROWS)
    assert wrong(head + line * (MAX_ROWS + 1)) == [
        ("file", f"expected at most {MAX_ROWS} lines: is it a price list?")
    ]
    assert len(wrong(head + "Atlantis,marketing,0.1,EUR\n" * (MAX_PROBLEMS + 1))) == MAX_PROBLEMS
