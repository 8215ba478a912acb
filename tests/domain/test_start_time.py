"""The start of a broadcast: what is past, and what was probably meant."""

from datetime import UTC, datetime

import pytest

from wacrmd.clock import MINUTE, parse_iso
from wacrmd.domain.start_time import is_past, meant, past_sentence

NOW = "2026-11-23T12:00:00.000Z"


def test_up_to_a_minute_ago_is_now() -> None:
    now = parse_iso(NOW)
    assert not is_past(now - MINUTE, now)
    assert is_past(now - MINUTE - 1, now)


@pytest.mark.parametrize(
    ("at", "found"),
    [
        ("2026-11-23T11:58:00Z", "2026-11-24T11:58:00.000Z"),
        ("2026-11-22T12:00:01Z", "2026-11-23T12:00:01.000Z"),
        ("2025-11-24T09:00:00Z", "2026-11-24T09:00:00.000Z"),
        ("2026-01-05T09:00:00Z", "2027-01-05T09:00:00.000Z"),
        ("2016-12-01T09:00:00Z", "2026-12-01T09:00:00.000Z"),
        ("1905-01-05T09:00:00Z", "another year"),
        ("2024-02-29T09:00:00Z", "another year"),
    ],
)
def test_a_start_in_the_past_asks_what_was_meant(at: str, found: str) -> None:
    assert f"did you mean {found}?" in past_sentence(parse_iso(at), parse_iso(NOW))


def test_the_time_that_was_meant_keeps_its_offset() -> None:
    moment = datetime.fromisoformat("2025-11-24T09:00:00+01:00")
    found = meant(moment, datetime.fromisoformat(NOW).astimezone(UTC))
    assert found is not None
    assert found.isoformat() == "2026-11-24T09:00:00+01:00"
