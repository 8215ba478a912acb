"""Prices by country and category: exact, in one currency each, by the list that holds on the day."""

import pytest

from wacrmd.domain.price import Cost, Price, PriceList, category_key, decimal, is_free, list_at

EUR = Price("EUR", 113_100)
LITE = Price("EUR", 90_000)
OTHER = Price("USD", 50_000)


def of(*rows: tuple[str, str, Price], valid_from: int = 0) -> PriceList:
    return PriceList(valid_from, {(country, category): price for country, category, price in rows})


LIST = of(
    ("DE", "marketing", EUR),
    ("*", "marketing", OTHER),
    ("FR", "marketing_lite", LITE),
    ("*", "authentication", OTHER),
)


@pytest.mark.parametrize(
    ("country", "category", "price"),
    [
        ("DE", "marketing", EUR),
        ("DE", "MARKETING", EUR),
        ("DE", "marketing_lite", EUR),  # as marketing, where the list has no other
        ("FR", "marketing_lite", LITE),
        ("IT", "marketing_lite", OTHER),
        ("IT", "marketing", OTHER),
        (None, "marketing", OTHER),
        ("DE", "authentication-international", OTHER),
        ("DE", "utility", None),
        ("DE", "referral_conversion", None),
        ("DE", None, None),
    ],
)
def test_a_price_is_that_of_the_country_else_that_of_all_others(
    country: str | None, category: str | None, price: Price | None
) -> None:
    assert LIST.price_of(country, category) == price


def test_a_price_of_its_own_for_all_others_comes_before_that_of_the_category_it_counts_as() -> None:
    listed = of(("DE", "marketing", EUR), ("*", "marketing_lite", LITE))
    assert listed.price_of("DE", "marketing_lite") == LITE


def test_sums_are_exact_and_no_currency_is_added_to_another() -> None:
    cost = Cost()
    cost.add(3, LIST, "DE", "marketing")
    cost.add(2, LIST, "IT", "marketing")
    cost.add(1, LIST, "DE", "utility")
    cost.add(4, None, "DE", "marketing")
    cost.add_free(5)
    assert [(each.currency, each.amount) for each in cost.money] == [("EUR", "0.3393"), ("USD", "0.10")]
    assert (cost.messages, cost.free, cost.unpriced) == (15, 5, 5)
    assert dict(cost.missing) == {("DE", "utility"): 1, ("DE", "marketing"): 4}
    million = Cost()
    million.add(1_000_000, of(("DE", "utility", Price("EUR", 1))), "DE", "utility")
    assert [each.amount for each in million.money] == ["1.00"]


def test_the_list_that_begins_last_and_not_later_holds() -> None:
    first, second = of(), of(valid_from=100)
    assert list_at([second, first], 99) is first
    assert list_at([second, first], 100) is second
    assert list_at([second], 99) is None
    assert list_at([], 0) is None


@pytest.mark.parametrize(
    ("kind", "billable", "free"),
    [
        ("regular", True, False),
        ("regular", None, False),
        (None, None, False),
        ("regular", False, True),
        ("free_customer_service", None, True),
        ("free_entry_point", True, True),
    ],
)
def test_what_meta_calls_free_costs_nothing(kind: str | None, billable: bool | None, free: bool) -> None:
    assert is_free(kind, billable) is free


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "0.00"), (1, "0.000001"), (113_100, "0.1131"), (1_500_000, "1.50"), (12_000_000, "12.00")],
)
def test_an_amount_is_written_exactly(micros: int, text: str) -> None:
    assert decimal(micros) == text


def test_a_category_is_compared_without_case_and_dashes() -> None:
    assert category_key(" Authentication-International ") == "authentication_international"


def test_messages_of_one_kind_are_added_up() -> None:
    cost, held = Cost(), PriceList(0, {("DE", "marketing"): Price("EUR", 100_000)})
    for _ in range(2):
        cost.add(3, held, "DE", "marketing")
        cost.add(2, held, "FR", "marketing")
        cost.add_free(5)
    assert (cost.micros, cost.free, cost.unpriced) == ({"EUR": 600_000}, 10, 4)
    assert cost.missing == {("FR", "marketing"): 4}
    assert cost.messages == 20
