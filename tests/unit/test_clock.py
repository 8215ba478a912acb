"""Times are in milliseconds, written and read as ISO 8601 in UTC."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.clock import DAY, HOUR, MINUTE, SECOND, Millis, SystemClock, iso, parse_iso

pytestmark = pytest.mark.anyio
LAST: Millis = 253_402_300_799_999
FIRST: Millis = -62_135_596_800_000
"""The last millisecond of the year 9999."""


def test_time_units_are_milliseconds() -> None:
    assert [SECOND, MINUTE, HOUR, DAY] == [1000, 60_000, 3_600_000, 86_400_000]


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (1_795_435_200_999, "2026-11-23T12:00:00.999Z"),
        (LAST, "9999-12-31T23:59:59.999Z"),
        (FIRST, "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_is_written_as_iso_8601_utc(at: Millis, text: str) -> None:
    assert iso(at) == text


@given(st.integers(FIRST, LAST))
def test_a_time_reads_back_as_it_was_written(at: Millis) -> None:
    assert parse_iso(iso(at)) == at


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T12:00:00Z",
        "2026-11-23T13:00:00+01:00",
        "2026-11-23T06:30:00-05:30",
        "2026-11-23T12:00:00.0004Z",
    ],
)
def test_any_offset_is_read(text: str) -> None:
    assert iso(parse_iso(text)) == "2026-11-23T12:00:00.000Z"


@pytest.mark.parametrize("text", ["2026-11-23T12:00:00", "2026-11-23"])
def test_a_time_without_an_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no offset from UTC"):
        parse_iso(text)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_has_no_iso_form_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="outside of the years 1 to 9999"):
        parse_iso(text)


@pytest.mark.parametrize(
    "text", ["2026-11-23t12:00:00z", "2026-11-23T12:00:00z", "2026-11-23t13:00:00.0+01:00"]
)
def test_lower_case_letters_are_read_as_in_rfc_3339(text: str) -> None:
    assert iso(parse_iso(text)) == "2026-11-23T12:00:00.000Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T12:00:00+15:00",
        "2026-11-23T12:00:00+23:59",
        "2026-11-23T12:00:00-14:01",
        "2026-11-23T12:00:00+02:00:30",
    ],
)
def test_an_offset_of_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no offset from UTC of any place"):
        parse_iso(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-13-01T00:00:00Z",
        "2026-12-01T25:00:00Z",
        "2026-12-01T09:00:00Z\0",
        "2026-12-01T09:00:00Z ",
        "2026-12-01\u20280:00:00Z",
    ],
)
def test_anything_else_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(ValueError, match="found ") as raised:
        parse_iso(text)
    assert str(raised.value) == f"found {text!r}"


def test_the_system_clock_has_the_machine_s_time() -> None:
    before = time.time()
    now = SystemClock().wall()
    assert before - 0.001 <= now / SECOND <= time.time()


async def test_sleeping_takes_its_time_of_the_monotonic_clock() -> None:
    clock = SystemClock()
    at = clock.monotonic() + 20
    await clock.sleep(20)
    assert clock.monotonic() >= at
