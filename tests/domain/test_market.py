"""The country by which Meta bills an address, and the countries that a cell of a price list names."""

import pytest

from wacrmd.domain import market
from wacrmd.domain.country_names import NAMES
from wacrmd.domain.market import _GROUPS, countries_named, country_of, is_group


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> None:
    """Else an answer may be one of another test."""
    market._known.clear()


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("+14155550123", "US"),
        ("+16045550123", "CA"),
        ("+18765550123", "JM"),  # a calling code of its own, for Meta
        ("+77011234567", "KZ"),
        ("+79161234567", "RU"),
        ("+491701234567", "DE"),
        ("+447797712345", "GB"),  # Jersey: billed by its calling code
        ("+390669812345", "IT"),
        ("US.13491208655302741918", "US"),
        ("DE.ENT.12", "DE"),
        ("erased:7", None),
        ("+80012345678", None),
        ("+9990000000", None),
    ],
)
def test_the_calling_code_says_the_country(address: str, country: str | None) -> None:
    assert country_of(address) == country
    assert country_of(address) == country, "also when it is remembered"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("DE", ("DE",)),
        (" de ", ("DE",)),
        ("germany", ("DE",)),
        ("Deutschland", ("DE",)),
        ("United Kingdom", ("GB",)),
        ("UK", ("GB",)),
        ("Türkiye", ("TR",)),
        ("Côte d'Ivoire", ("CI",)),
        ("The Democratic Republic Of Congo", ("CD",)),
        ("Antigua and Barbuda", ("AG",)),
        ("AT, BE;CH", ("AT", "BE", "CH")),
        ("AT BE", ("AT", "BE")),
        ("AT, AT", ("AT",)),
        ("Germany; Austria", ("DE", "AT")),
        ("*", ("*",)),
        ("Other", ("*",)),
        ("Rest of World", ("*",)),
        ("North America", ("CA", "US")),
        ("Rest of Middle East", ("BH", "IQ", "JO", "KW", "LB", "OM", "QA", "YE")),
        ("", None),
        ("nowhere", None),
        ("AT nowhere", None),
        ("Rest of Atlantis", None),
    ],
)
def test_a_cell_names_countries_by_code_name_or_group(text: str, named: tuple[str, ...] | None) -> None:
    assert countries_named(text) == named


def test_no_country_is_in_two_groups_and_each_is_known() -> None:
    members = [country for group in _GROUPS.values() for country in group.split()]
    assert len(members) == len(set(members))
    assert set(members) <= set(NAMES)
    assert is_group("Rest of Central & Eastern Europe")
    assert not is_group("Germany")
    assert not is_group("*")
