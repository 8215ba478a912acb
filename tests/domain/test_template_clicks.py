"""Which days of Meta's template analytics are read, of which templates, and what their counts mean."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.templates import approved
from wacrmd.clock import DAY, HOUR, SECOND, Millis
from wacrmd.domain.template_clicks import (
    Clicks,
    LinkClicks,
    add_clicks,
    are_of_utc,
    believed,
    days_of,
    days_to_read,
    has_link,
    iso_date,
)

NOW: Millis = 20_000 * DAY + 13 * HOUR
URL = {"type": "URL", "text": "Shop", "url": "https://example.com"}


def at(text: str, zone: str = "UTC") -> Millis:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * SECOND)


@pytest.mark.parametrize(
    ("last_read", "days"),
    [
        (None, range(19_911, 20_001)),
        (NOW - 1, range(19_993, 20_001)),
        (NOW - 3 * DAY, range(19_990, 20_001)),
        (NOW - 400 * DAY, range(19_911, 20_001)),
        (NOW + 400 * DAY, range(19_911, 20_001)),
    ],
)
def test_days_are_read_again_while_meta_counts_and_90_at_most(last_read: Millis | None, days: range) -> None:
    assert days_to_read(NOW, last_read) == days


def test_a_zero_is_believed_as_long_as_meta_counts() -> None:
    found = [
        LinkClicks("1", 20_000 - ago, "Shop", Clicks(people, clicks))
        for ago, people, clicks in ((7, 0, 0), (8, 0, 0), (8, 0, None), (8, 0, 2), (8, 1, None))
    ]
    assert believed(found, NOW) == [found[0], found[3], found[4]]


@pytest.mark.parametrize(
    ("category", "components", "has"),
    [
        ("MARKETING", ({"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY"}, URL]},), True),
        ("utility", ({"type": "buttons", "buttons": [{"type": "url"}]},), True),
        (None, ({"type": "BUTTONS", "buttons": [URL]},), True),
        ("AUTHENTICATION", ({"type": "BUTTONS", "buttons": [URL]},), False),
        ("MARKETING", ({"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY"}]},), False),
        ("MARKETING", ({"type": "BUTTONS", "buttons": "URL"}, {"type": 1}), False),
        (
            "MARKETING",
            ({"type": "CAROUSEL", "cards": [{"components": [{"type": "BUTTONS", "buttons": [URL]}]}]},),
            True,
        ),
    ],
)
def test_templates_with_a_link_of_two_categories_are_asked_for(
    category: str | None, components: Any, has: bool
) -> None:
    assert has_link(approved(*components, category=category)) is has


def test_the_dates_of_a_period_in_a_zone_are_days_of_utc() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    days = days_of(at("2026-11-23", "Europe/Berlin"), at("2026-11-25", "Europe/Berlin"), berlin)
    assert [iso_date(day) for day in days] == ["2026-11-23", "2026-11-24"]
    days = days_of(at("2026-11-23T15:00"), at("2026-11-24T00:15"), UTC)
    assert [iso_date(day) for day in days] == ["2026-11-23", "2026-11-24"]
    assert are_of_utc(days, ZoneInfo("UTC"))
    assert are_of_utc(days, ZoneInfo("Europe/London"))
    assert not are_of_utc(days, berlin)
    summer = days_of(at("2026-10-20"), at("2026-11-20"), UTC)
    assert not are_of_utc(summer, ZoneInfo("Europe/London"))


def test_each_type_of_count_is_added_up_for_itself() -> None:
    found = [
        {"a": Clicks(1, None), "b": Clicks(None, 5)},
        {"a": Clicks(2, 7), "c": Clicks(None, None)},
        {"b": Clicks(0, 1)},
    ]
    assert add_clicks(found) == {"a": Clicks(3, 7), "b": Clicks(0, 6), "c": Clicks(None, None)}
