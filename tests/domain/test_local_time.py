"""Local times as people write them: those that the clocks skip or show twice are told with both readings."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wacrmd.domain.local_time import UnclearTimeError, read_local

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-12-01 09:00", "Europe/Berlin", "2026-12-01T08:00:00+00:00"),
        ("2026-12-01", "Asia/Kolkata", "2026-11-30T18:30:00+00:00"),
        ("2026-03-29T03:00", "Europe/Berlin", "2026-03-29T01:00:00+00:00"),
        ("2026-03-29T01:59:59", "Europe/Berlin", "2026-03-29T00:59:59+00:00"),
        ("2026-10-25 01:59", "Europe/Berlin", "2026-10-24T23:59:00+00:00"),
        ("2026-10-25 03:00", "Europe/Berlin", "2026-10-25T02:00:00+00:00"),
        ("2026-10-25T02:30+01:00", "Europe/Berlin", "2026-10-25T01:30:00+00:00"),
        ("2026-03-29T02:30Z", "Europe/Berlin", "2026-03-29T02:30:00+00:00"),
    ],
)
def test_a_time_with_one_meaning_is_read(text: str, zone: str, utc: str) -> None:
    assert read_local(text, ZoneInfo(zone)).astimezone(UTC).isoformat() == utc


@pytest.mark.parametrize(
    ("text", "zone", "words", "readings"),
    [
        ("2026-03-29 02:30", "Europe/Berlin", "does not exist", ("01:30:00+01:00", "03:30:00+02:00")),
        ("2026-10-25 02:30", "Europe/Berlin", "comes twice", ("02:30:00+02:00", "02:30:00+01:00")),
        ("2026-10-25 02:00", "Europe/Berlin", "comes twice", ("02:00:00+02:00", "02:00:00+01:00")),
        ("2026-03-08 02:00", "America/New_York", "does not exist", ("01:00:00-05:00", "03:00:00-04:00")),
        ("2026-10-04 02:15", "Australia/Lord_Howe", "does not exist", ("01:45:00+10:30", "02:45:00+11:00")),
        ("2011-12-30 10:00", "Pacific/Apia", "does not exist", ("29T10:00:00-10:00", "31T10:00:00+14:00")),
    ],
)
def test_a_time_with_two_meanings_or_none_is_refused_with_both_readings(
    text: str, zone: str, words: str, readings: tuple[str, str]
) -> None:
    with pytest.raises(UnclearTimeError) as raised:
        read_local(text, ZoneInfo(zone))
    said = str(raised.value)
    assert f"{words} in {zone}" in said
    assert all(reading in said for reading in readings)


@given(st.integers(0, 4_000_000_000), st.sampled_from(["Europe/Berlin", "America/Sao_Paulo"]))
def test_a_local_time_means_its_moment_or_is_told(seconds: int, zone: str) -> None:
    moment = datetime.fromtimestamp(seconds, ZoneInfo(zone))
    text = moment.replace(tzinfo=None).isoformat()
    try:
        assert read_local(text, ZoneInfo(zone)) == moment
    except UnclearTimeError as error:
        assert moment.isoformat() in str(error)


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "2026-02-30", "0001-01-01", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"],
)
def test_anything_else_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_local(text, BERLIN)


@pytest.mark.parametrize("text", ["9999-12-31 23:59", "0001-01-01", "9999-12-31T23:59:59-12:00"])
@pytest.mark.parametrize("zone", [None, ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo")])
def test_a_time_beyond_the_years_is_told_as_such(text: str, zone: ZoneInfo | None) -> None:
    try:
        read_local(text, zone)
    except ValueError as error:
        assert "is outside of the years 1 to 9999 in UTC" in str(error)


def test_a_time_of_the_machine_is_read_and_told_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert read_local("2026-12-01 09:00").utcoffset() == timedelta(hours=1)
        for text, words in (("2026-03-29 02:30", "does not exist"), ("2026-10-25 02:30", "comes twice")):
            with pytest.raises(UnclearTimeError, match=f"{words} on this machine"):
                read_local(text)
    finally:
        monkeypatch.undo()
        time.tzset()
