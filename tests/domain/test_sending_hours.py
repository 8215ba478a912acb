"""The hours in which messages may be sent."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.table import rows
from wacrmd.clock import DAY, MINUTE, SECOND, Millis, iso, parse_iso
from wacrmd.domain import sending_hours
from wacrmd.domain.send_between import ALL_DAYS, Day, SendBetween
from wacrmd.domain.sending_hours import next_open, opens_at


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> None:
    """Else an answer may be one of another test."""
    sending_hours._openings.cache_clear()


ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
)


_DAYTIME = SendBetween("09:00", "20:00")
_WORKDAYS = SendBetween("09:00", "20:00", (Day.MON, Day.TUE, Day.WED, Day.THU, Day.FRI))
_SUNDAYS = SendBetween("09:00", "10:00", (Day.SUN,), "Etc/UTC")


@rows(
    ("hours", "address", "now", "wanted"),
    [
        (_DAYTIME, "+4915112345678", "2026-12-01T07:59:59.999Z", "2026-12-01T08:00:00.000Z"),
        (_DAYTIME, "+4915112345678", "2026-12-01T08:00:00Z", "2026-12-01T08:00:00.000Z"),
        (_DAYTIME, "+4915112345678", "2026-12-01T18:59:59.999Z", "2026-12-01T18:59:59.999Z"),
        (_DAYTIME, "+4915112345678", "2026-12-01T19:00:00Z", "2026-12-02T08:00:00.000Z"),
        (_DAYTIME, "+12125550123", "2026-12-01T08:00:00Z", "2026-12-01T14:00:00.000Z"),
        # the clocks of Havana show midnight twice: all hours are all hours
        (SendBetween("00:00", "24:00"), "+5351234567", "2026-11-01T04:30:00Z", "2026-11-01T04:30:00.000Z"),
        (
            SendBetween("09:00", "20:00", zone="Europe/Berlin"),
            "+12125550123",
            "2026-12-01T08:00:00Z",
            "2026-12-01T08:00:00.000Z",
        ),
        # Friday evening: Monday morning, after the clocks went forward on Sunday
        (_WORKDAYS, "+4915112345678", "2026-03-27T19:30:00Z", "2026-03-30T07:00:00.000Z"),
        # a mobile of Australia: on the Cocos Islands and on Lord Howe Island at once
        (_DAYTIME, "+61412345678", "2026-12-01T00:00:00Z", "2026-12-01T02:30:00.000Z"),
        # a mobile of Russia: between Bucharest and Kamchatka one hour is left
        (_DAYTIME, "+79161234567", "2026-12-01T12:00:00Z", "2026-12-02T07:00:00.000Z"),
        (SendBetween("10:00", "18:00"), "+79161234567", "2026-12-01T12:00:00Z", None),
        # a user id: everywhere in its country
        (_DAYTIME, "US.13491208655302741918", "2026-12-01T12:00:00Z", "2026-12-01T19:00:00.000Z"),
        (SendBetween("00:00", "24:00"), "+79161234567", "2026-12-01T12:00:00Z", "2026-12-01T12:00:00.000Z"),
        # a number of no place goes by UTC
        (_DAYTIME, "+8821612345678", "2026-12-01T08:00:00Z", "2026-12-01T09:00:00.000Z"),
        (_SUNDAYS, "", "2026-12-06T10:00:00Z", "2026-12-13T09:00:00.000Z"),
        (_SUNDAYS, "", "2026-12-07T00:00:00Z", "2026-12-13T09:00:00.000Z"),
    ],
)
def test_the_next_opening_is_the_next_decent_hour_where_the_person_is(
    hours: SendBetween, address: str, now: str, wanted: str | None
) -> None:
    found = opens_at(hours, address, parse_iso(now))
    assert (None if found is None else iso(found)) == wanted


def _clock_times() -> st.SearchStrategy[tuple[str, str]]:
    minutes = st.lists(st.integers(0, 24 * 60), min_size=2, max_size=2, unique=True).map(sorted)
    return minutes.map(lambda both: (_clock(both[0]), _clock(both[1])))


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _is_open(hours: SendBetween, zone: ZoneInfo, at: Millis) -> bool:
    """By the clock and the calendar on somebody's wall."""
    local = datetime.fromtimestamp(at / SECOND, zone)
    return ALL_DAYS[local.weekday()] in hours.days and hours.begin <= local.strftime("%H:%M") < hours.end


@given(
    times=_clock_times(),
    days=st.sets(st.sampled_from(ALL_DAYS), min_size=1),
    zones=st.sets(st.sampled_from(ZONES), min_size=1, max_size=3),
    start=st.integers(0, 700 * 24 * 60),
)
@example(("02:30", "12:00"), set(ALL_DAYS), {"Europe/Berlin"}, (31 + 28 + 28) * 24 * 60)
@example(("00:00", "02:30"), set(ALL_DAYS), {"Europe/Berlin"}, 297 * 24 * 60 - 60)
@settings(deadline=None)
def test_it_opens_at_the_first_minute_that_all_clocks_on_the_walls_allow(
    times: tuple[str, str], days: set[Day], zones: set[str], start: int
) -> None:
    hours = SendBetween(*times, tuple(each for each in ALL_DAYS if each in days))
    walls = [ZoneInfo(each) for each in zones]
    at = parse_iso("2026-01-01T00:00:00Z") + start * MINUTE
    found = next_open(hours, tuple(sorted(zones)), at)
    if found is not None:
        assert all(_is_open(hours, wall, found) for wall in walls)
    end = found if found is not None else at + 7 * DAY
    for minute in range(at, end, 5 * MINUTE):
        is_open = all(_is_open(hours, wall, minute) for wall in walls)
        assert not is_open or any(_changes(wall, minute) for wall in walls)


def _changes(zone: ZoneInfo, at: Millis) -> bool:
    """Whether the clocks of a zone are changed within two hours: there the hours may be shorter than the clocks say."""
    moment = datetime.fromtimestamp(at / SECOND, zone)
    hours = [
        (moment.astimezone(ZoneInfo("UTC")) + timedelta(hours=each)).astimezone(zone) for each in (-2, 2)
    ]
    return hours[0].utcoffset() != hours[1].utcoffset()


def test_what_it_says_names_the_place() -> None:
    assert str(SendBetween("09:00", "20:00")) == "09:00-20:00 at each person's place"
    workdays = "09:00-20:00 on Mon, Tue, Wed, Thu, Fri at each person's place"
    assert str(_WORKDAYS) == workdays
    assert str(SendBetween("09:00", "20:00", (Day.SAT,), "Asia/Tokyo")) == "09:00-20:00 on Sat in Asia/Tokyo"


def test_midnight_is_the_end_of_the_day_and_not_of_the_next_one() -> None:
    evening = SendBetween("20:00", "24:00", (Day.TUE,), "Etc/UTC")
    late, midnight = parse_iso("2026-12-01T23:59:59.999Z"), parse_iso("2026-12-02T00:00:00Z")
    assert opens_at(evening, "", late) == late
    assert opens_at(evening, "", midnight) == parse_iso("2026-12-08T20:00:00Z")


def test_hours_that_only_touch_in_two_zones_have_no_moment_in_common() -> None:
    """Nine to ten in Tokyo ends when it begins eight hours to the west, and the other way round."""
    hours = SendBetween("09:00", "10:00")
    now = parse_iso("2026-12-01T00:00:00Z")
    for zones in (("Asia/Tokyo", "Etc/GMT-8"), ("Etc/GMT-8", "Asia/Tokyo")):
        assert next_open(hours, zones, now) is None


def test_an_hour_that_clocks_show_twice_is_open_for_less_long() -> None:
    """In Berlin 02:30 comes twice on 2026-10-25, at 00:30 and 01:30 UTC."""
    night = parse_iso("2026-10-24T23:00:00Z")
    from_then = SendBetween("02:30", "12:00", zone="Europe/Berlin")
    assert opens_at(from_then, "", night) == parse_iso("2026-10-25T01:30:00Z")
    until_then = SendBetween("00:00", "02:30", zone="Europe/Berlin")
    assert opens_at(until_then, "", parse_iso("2026-10-25T00:30:00Z")) == parse_iso("2026-10-25T23:00:00Z")
