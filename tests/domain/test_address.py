"""Addresses of people, read in one way from requests, files and commands."""

import pytest

from wacrmd.domain.address import beginning_of, is_user_id, normalize_address, phone_and_user_id


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("US.13491208655302741918", True),
        ("US.ENT.13491208655302741918", True),
        ("BR.a", True),
        ("BR." + "a" * 128, True),
        ("BR." + "a" * 129, False),
        ("BR.", False),
        ("br.1349", False),
        ("USA.1349", False),
        ("US.13 49", False),
        ("US.13.49", False),
        ("US.1349\n", False),
        ("+14155550123", False),
    ],
)
def test_user_ids(text: str, expected: bool) -> None:
    assert is_user_id(text) is expected


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" +1 (415) 555-0123 ", "+14155550123"),
        (" US.1349 ", "US.1349"),
        ("us.1349", None),
        ("", None),
        ("nobody", None),
    ],
)
def test_an_address_is_stored_in_one_form(text: str, address: str | None) -> None:
    assert normalize_address(text) == address


def test_an_address_is_a_phone_number_or_a_user_id() -> None:
    assert phone_and_user_id("+14155550123") == ("+14155550123", None)
    assert phone_and_user_id("US.1349") == (None, "US.1349")


@pytest.mark.parametrize(
    ("text", "country", "beginning"),
    [
        ("+4915", None, "+4915"),
        ("004915", None, "+4915"),
        ("4915", None, "+4915"),
        (" +49 (151) 23-4.5/6 ", None, "+4915123456"),
        ("0151", "DE", "+49151"),
        ("0151", None, None),
        ("+49", None, None),
        ("415", "US", None),
        ("Jane", None, None),
        ("+49x151", None, None),
        ("", None, None),
        ("\u0660\u0661\u0662\u0663\u0664\u0665", None, None),
    ],
)
def test_the_first_digits_of_a_number_are_enough_to_search_for_it(
    text: str, country: str | None, beginning: str | None
) -> None:
    assert beginning_of(text, country) == beginning
