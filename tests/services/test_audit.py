"""Reading the time of `audit --since`."""

import pytest

from wacrmd.clock import DAY, HOUR, MINUTE
from wacrmd.errors import Refusal
from wacrmd.services.maintenance.audit import parse_since

NOW = 1_795_000_000_000


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2h", NOW - 2 * HOUR),
        ("30min", NOW - 30 * MINUTE),
        ("3 d", NOW - 3 * DAY),
        ("1w", NOW - 7 * DAY),
        ("2026-11-23T12:00:00Z", 1_795_435_200_000),
        ("2026-11-23T13:00:00+01:00", 1_795_435_200_000),
        ("2026-11-23 12:00", 1_795_435_200_000),
        ("999999w", 0),
    ],
)
def test_a_duration_or_an_iso_time_is_accepted(text: str, at: int) -> None:
    assert parse_since(text, NOW) == at


@pytest.mark.parametrize("text", ["yesterday", "2 months", "-2h", "h", "2026-11-23T12:00:00Z\0"])
def test_the_error_for_other_text_has_an_example(text: str) -> None:
    with pytest.raises(Refusal, match="2h or 3d"):
        parse_since(text, NOW)
