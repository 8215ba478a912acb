"""Where people may be."""

import pytest

from tests.support.table import rows
from wacrmd.domain import phone_zones
from wacrmd.domain.phone_zones import NO_PLACE, zones_of


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> None:
    """Else an answer may be one of another test."""
    for each in (phone_zones._looked_up, phone_zones._zones_by_code, phone_zones._zones_by_country):
        each.cache_clear()


@rows(
    ("address", "wanted"),
    [
        ("+4915112345678", ("Europe/Berlin",)),
        ("+14155550123", ("America/Los_Angeles",)),
        ("+5511912345678", ("America/Sao_Paulo",)),
        ("+8821612345678", NO_PLACE),
        ("+18762101234", ("America/Jamaica",)),
        ("+12423591234", ("America/Nassau",)),
        ("+16847331234", ("Pacific/Pago_Pago",)),
        ("+447781123456", ("Europe/Guernsey",)),
        ("DE.1", ("Europe/Berlin", "Europe/Busingen")),
        ("JM.ENT.1", ("America/Jamaica",)),
        ("XX.1", NO_PLACE),
    ],
)
def test_a_number_or_user_id_is_of_these_zones(address: str, wanted: tuple[str, ...]) -> None:
    assert zones_of(address) == wanted


def test_a_mobile_of_a_large_country_may_be_anywhere_in_it() -> None:
    assert {"Asia/Kamchatka", "Europe/Moscow"} <= set(zones_of("+79161234567"))
    assert {"America/New_York", "Pacific/Honolulu", "America/Adak"} <= set(zones_of("US.1"))
    assert "America/Toronto" not in zones_of("US.1")


def test_a_mobile_of_a_country_that_shares_its_code_is_only_there() -> None:
    assert set(zones_of("+77012345678")) == set(zones_of("KZ.1"))


def test_a_number_that_may_be_of_a_neighbour_or_of_no_country_keeps_the_zones_of_its_code() -> None:
    assert "Indian/Cocos" in zones_of("+61412345678")
    assert {"America/New_York", "Pacific/Guam"} <= set(zones_of("+18005550123"))


def test_only_numbers_of_a_divided_country_code_are_looked_up() -> None:
    for address in ("+4915112345678", "+2971234567"):  # codes of two and of three digits
        zones_of(address)
    assert phone_zones._looked_up.cache_info().currsize == 0
    for address in ("+77012345678", "+18762101234", "+8821612345678"):
        zones_of(address)
    assert phone_zones._looked_up.cache_info().currsize == 3


def test_a_zone_that_is_not_known_is_none() -> None:
    assert phone_zones._known(("Etc/Unknown", "Europe/Berlin")) == ("Europe/Berlin",)
    assert phone_zones._known(("Etc/Unknown",)) == NO_PLACE
