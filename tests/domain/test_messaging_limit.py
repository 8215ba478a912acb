"""Messaging limits in all the forms in which Meta gives them."""

import math

import pytest

from wacrmd.domain.messaging_limit import is_lower, limit_people, limit_text


@pytest.mark.parametrize(
    ("given", "text", "people"),
    [
        (250, "250", 250),
        ("2000", "2000", 2000),
        ("TIER_50", "TIER_50", 50),
        ("tier_2k", "TIER_2K", 2000),
        ("TIER_100K", "TIER_100K", 100_000),
        (-1, "TIER_UNLIMITED", math.inf),
        ("-1", "TIER_UNLIMITED", math.inf),
        ("TIER_UNLIMITED", "TIER_UNLIMITED", math.inf),
        ("Unlimited", "TIER_UNLIMITED", math.inf),
        ("TIER_NOT_SET", None, None),
        ("", None, None),
        (None, None, None),
        (True, None, None),
        (2.5, None, None),
        ([250], None, None),
        (-2, None, None),
    ],
)
def test_each_form_is_read(given: object, text: str | None, people: float | None) -> None:
    assert limit_text(given) == text
    assert limit_people(text) == people


@pytest.mark.parametrize("stored", ["0", "TIER_0", "TIER_0K"])
def test_a_limit_of_nobody_is_not_known_so_that_it_stops_nothing(stored: str) -> None:
    assert limit_people(stored) is None


@pytest.mark.parametrize(
    ("new", "old", "lower"),
    [
        ("TIER_2K", "TIER_10K", True),
        ("250", "TIER_2K", True),
        ("TIER_100K", "TIER_UNLIMITED", True),
        ("2000", "TIER_2K", False),
        ("TIER_UNLIMITED", "TIER_2K", False),
        ("TIER_2K", None, False),
        ("TIER_2K", "odd", False),
    ],
)
def test_limits_of_different_forms_are_compared(new: str, old: str | None, lower: bool) -> None:
    assert is_lower(new, old) is lower
