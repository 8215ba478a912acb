"""Sums of messages: by which hour, which country, and what became of them."""

import csv
import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import pytest

from wacrmd.clock import DAY, MINUTE, parse_iso
from wacrmd.domain.address_country import country_of_address
from wacrmd.domain.csv_export import EXCEL_HEAD
from wacrmd.domain.phone_plan import COUNTRIES, country_of
from wacrmd.domain.statistics import (
    FIRST,
    LAST,
    MAX_DIFFERENT,
    OPTED_OUT,
    QUICK_REPLY,
    SLOT,
    By,
    bounded,
    period,
    place_of,
    reached,
    share,
    tally,
)
from wacrmd.domain.statistics_file import COUNTS, statistics_csv

AT = parse_iso("2026-11-23T12:34:56Z")
PLACE = AT // SLOT


def _numbers() -> list[str]:
    """Valid mobile and fixed-line numbers of every country, some of them with other last digits."""
    chosen = random.Random(17)
    kinds = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    found = []
    for country in sorted(COUNTRIES):
        for kind in kinds:
            example = phonenumbers.example_number_for_type(country, kind)
            if example is None:
                continue
            phone = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            others = (
                phone[:-changed] + "".join(chosen.choices("0123456789", k=changed)) for changed in (3, 5, 7)
            )
            found += [
                phone,
                *(
                    each
                    for each in others
                    if len(phone) > 10 and phonenumbers.is_valid_number(phonenumbers.parse(each))
                ),
            ]
    return found


def test_the_first_digits_decide_which_country_a_number_is_of() -> None:
    found = _numbers()
    assert len(found) > 1_000
    assert [each for each in found if country_of_address(each) != country_of(each)] == []


def test_the_country_of_a_user_id_is_its_beginning_and_who_was_erased_has_none() -> None:
    assert country_of_address("BR.13491208655302741918") == "BR"
    assert country_of_address("US.ENT.11815799212886844830") == "US"
    assert country_of_address("erased:17") == ""
    assert country_of_address("+999123456") == ""


def test_each_message_is_in_one_sum_of_its_quarter_of_an_hour_and_country() -> None:
    rows = [
        (1, "+4915123456789", "read", None, None, AT, None),
        (2, "+4915123456780", "read", None, None, AT + 15 * MINUTE, None),
        (3, "+14155550123", "failed", 131049, "Meta's words", AT, None),
        (4, "+14155550124", "failed", None, "given up", AT, None),
        (5, "+14155550125", "replied", None, None, AT, None),
        (6, "+14155550126", "pending", None, None, AT, None),
        (7, "+14155550127", "cancelled", None, None, None, None),
        (8, "+14155550128", "sending", None, None, AT, None),
        (9, "+14155550129", "uncertain", None, None, AT, "CA"),
        (10, "erased:10", "sent", None, None, AT, "FR"),
        (11, "erased:11", "sent", None, None, AT, None),
    ]
    assert tally(rows, {3}, {5: ["Yes", "No"]}) == Counter(
        {
            (PLACE, "DE", "read"): 1,
            (PLACE + 1, "DE", "read"): 1,
            (PLACE, "US", "failed:131049"): 1,
            (PLACE, "US", OPTED_OUT): 1,
            (PLACE, "US", "failed::given up"): 1,
            (PLACE, "US", "replied"): 1,
            (PLACE, "US", QUICK_REPLY): 1,
            (PLACE, "US", "button:Yes"): 1,
            (PLACE, "US", "button:No"): 1,
            (PLACE, "US", "uncertain"): 1,
            (PLACE, "FR", "sent"): 1,
            (PLACE, "", "sent"): 1,
        }
    )


def test_of_very_many_texts_the_seldom_ones_are_summed_up_and_none_is_lost() -> None:
    found = Counter({(PLACE, "US", f"button:{number}"): 100 + number for number in range(MAX_DIFFERENT)})
    found |= Counter({(PLACE, "US", f"button:seldom {number}"): 2 for number in range(50)})
    found |= Counter({(PLACE, "US", "failed:131049"): 1})
    total = found.total()
    bounded(found)
    assert found[PLACE, "US", "button:"] == 100
    assert found.total() == total
    assert len(found) == MAX_DIFFERENT + 2


NOW = parse_iso("2026-11-23T12:07:00Z")


@pytest.mark.parametrize(
    ("since", "until", "zone", "days"),
    [
        ("2025-11-23", "2026-11-23", "UTC", None),  # 366 dates, both included
        ("2025-11-22", "2026-11-23", "UTC", "367"),
        ("2024-01-01", "2024-12-31", "UTC", None),
        (
            "2025-10-25",
            "2026-10-25",
            "Europe/Berlin",
            None,
        ),  # the clocks are put back once more: 366 dates and an hour
        ("2025-10-24", "2026-10-25", "Europe/Berlin", "367"),
        ("2025-03-30", "2026-03-30", "Europe/Berlin", None),
        ("2025-03-30", "2026-03-31", "Europe/Berlin", "367"),
        ("366d", None, "UTC", None),  # rounded outwards it is half an hour more
        ("366d", None, "America/New_York", None),
        ("367d", None, "UTC", "367"),
        ("2025-11-22T12:00Z", "2026-11-23T12:00Z", "UTC", None),
        ("2025-11-22T12:00Z", "2026-11-23T13:00Z", "UTC", "366.1"),
        ("2025-11-22T12:00Z", "2026-11-23T18:00Z", "UTC", "366.3"),
    ],
)
def test_a_period_has_at_most_366_days(since: str, until: str | None, zone: str, days: str | None) -> None:
    def ask() -> tuple[int, int]:
        return period(since, until, ZoneInfo(zone), NOW)

    if days is None:
        assert ask()[0] < ask()[1]
        return
    with pytest.raises(ValueError, match="expected at most 366 days, found " + days):
        ask()


@pytest.mark.parametrize(
    ("zone", "hour", "day"),
    [
        ("UTC", 23, "2026-11-23"),
        ("Europe/Berlin", 0, "2026-11-24"),
        ("Asia/Kolkata", 5, "2026-11-24"),  # 05:15: by whole hours of UTC it would be 04:30
        ("Asia/Kathmandu", 5, "2026-11-24"),  # 05:30
        ("America/New_York", 18, "2026-11-23"),
    ],
)
def test_a_quarter_of_an_hour_is_in_one_hour_of_every_zone(zone: str, hour: int, day: str) -> None:
    slot = parse_iso("2026-11-23T23:45:00Z") // SLOT
    assert place_of(slot, By.HOUR, ZoneInfo(zone)) == hour
    assert place_of(slot, By.DAY, ZoneInfo(zone)) == day


BERLIN = ZoneInfo("Europe/Berlin")
NOW = parse_iso("2026-11-23T12:34:56Z")


@pytest.mark.parametrize(
    ("since", "until", "begin", "end"),
    [
        (None, None, "2026-10-24T22:00:00Z", "2026-11-23T12:45:00Z"),  # 30 days with today, in summer time
        ("2026-11-01", "2026-11-02", "2026-10-31T23:00:00Z", "2026-11-02T23:00:00Z"),
        ("2026-11-01", "2026-11-01", "2026-10-31T23:00:00Z", "2026-11-01T23:00:00Z"),
        (None, "2026-11-10", "2026-10-11T22:00:00Z", "2026-11-10T23:00:00Z"),
        ("2026-11-01T10:07:00Z", "2026-11-01 12:00", "2026-11-01T10:00:00Z", "2026-11-01T11:00:00Z"),
        ("2h", None, "2026-11-23T10:30:00Z", "2026-11-23T12:45:00Z"),
        ("2025-11-24", None, "2025-11-23T23:00:00Z", "2026-11-23T12:45:00Z"),
    ],
)
def test_a_period_has_whole_quarters_of_an_hour(
    since: str | None, until: str | None, begin: str, end: str
) -> None:
    assert period(since, until, BERLIN, NOW) == (parse_iso(begin), parse_iso(end))


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        (
            "yesterday",
            None,
            "expected a date such as 2026-11-01, an ISO time, or .* such as 7d, found 'yesterday'",
        ),
        ("-5d", None, "expected a date"),
        ("9999-12-31", "9999-12-31", "expected a date"),
        ("9999-12-01", "9999-12-31T23:59:59Z", "expected times from 1900 to 9998"),
        (None, "0001-01-15", "expected times from 1900 to 9998"),
        ("99999w", "2026-11-01", "expected times from 1900 to 9998"),
        ("2026-11-02", "2026-11-01", "before the end"),
        ("2024-01-01", "2026-01-01", "at most 366 days"),
        ("2026-10-25T02:30", None, "comes twice"),
    ],
)
def test_what_is_no_period_is_refused_with_what_was_expected(
    since: str | None, until: str | None, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        period(since, until, BERLIN, NOW)


def test_a_year_is_no_longer_than_a_period_may_be() -> None:
    begin, end = period("2027-01-01", "2027-12-31", UTC, NOW + 500 * DAY)
    assert datetime.fromtimestamp(begin / 1000, UTC).year == 2027
    assert end - begin == 365 * DAY
    period("2028-01-01", "2028-12-31", UTC, NOW + 900 * DAY)


def test_a_message_that_was_read_was_sent_and_delivered_too() -> None:
    sums = {"sent": 1, "delivered": 2, "read": 3, "replied": 4, "failed:1": 5}
    assert reached(sums) == {"sent": 10, "delivered": 9, "read": 7, "replied": 4}
    assert share(1, 3) == 0.3333
    assert share(0, 0) is None


def test_no_cell_of_the_file_is_a_formula() -> None:
    row = {
        "template_name": "=cmd",
        "template_language": "en_US",
        **dict.fromkeys(("total_count", "sent_count", "delivered_count", "read_count"), 7),
        **dict.fromkeys(("replied_count", "quick_reply_count", "opted_out_count", "failed_count"), 7),
        **dict.fromkeys(("uncertain_count",), 7),
        **dict.fromkeys(("delivered_share", "read_share", "replied_share", "quick_reply_share"), None),
        **dict.fromkeys(("opted_out_share", "failed_share"), 0.5),
        **dict.fromkeys(("clicked_count", "clicked_share"), None),
        "failures": [
            {"code": 131049, "reason": "x", "count": 3},
            {"code": None, "reason": "@own", "count": 1},
        ],
        "replies_by_button": {"=1+1": 2},
        "clicks_by_button": [
            {"button": "@sum", "people_count": 4, "click_count": 9},
            {"button": "x", "people_count": None, "click_count": 2},
        ],
    }
    text = statistics_csv(By.TEMPLATE, [row])
    head, line, _ = text.split("\r\n")
    assert head.startswith("template_name,template_language,total_count,sent_count")
    assert line.startswith("'=cmd,en_US,7,7")
    assert line.endswith(",,,\"131049: 3, @own: 1\",'=1+1: 2,'@sum: 4"), (
        "people, and nothing where they are not known"
    )
    assert statistics_csv(By.TEMPLATE, [], excel=True).startswith("\ufeffsep=,")


def test_excel_reads_a_share_as_one_whatever_signs_the_country_writes_decimals_with() -> None:
    row: dict[str, Any] = {name: 0 if name.endswith("_count") else None for name in COUNTS}
    row |= {"total_count": 1000, "sent_count": 1000, "delivered_count": 999, "read_count": 36}
    row |= {"delivered_share": 0.999, "read_share": 0.036, "failed_share": 0.0}
    row |= {"day": "2026-11-25", "failures": [], "replies_by_button": {}, "clicks_by_button": []}
    text = statistics_csv(By.DAY, [row], excel=True).removeprefix(EXCEL_HEAD)
    (found,) = csv.DictReader(text.splitlines())
    shares = [found[f"{name}_share"] for name in ("delivered", "read", "failed", "clicked")]
    assert shares == ["99%", "3%", "0%", ""]


def test_messages_of_one_kind_are_added_up() -> None:
    rows = [(number, f"+491512345678{number}", "replied", None, None, AT, None) for number in range(3)]
    rows += [(number, f"+491512345678{number}", "failed", None, None, AT, None) for number in range(3, 5)]
    assert tally(rows, {0, 1}, {0: ["Yes"], 2: ["Yes"]}) == Counter(
        {
            (PLACE, "DE", "replied"): 3,
            (PLACE, "DE", "failed::"): 2,
            (PLACE, "DE", OPTED_OUT): 2,
            (PLACE, "DE", QUICK_REPLY): 2,
            (PLACE, "DE", "button:Yes"): 2,
        }
    )


def test_what_is_seldom_is_decided_by_the_sum_of_all_hours() -> None:
    found = Counter({(PLACE, "US", f"button:{number}"): 10 for number in range(MAX_DIFFERENT)})
    for slot in range(3):
        found[PLACE + slot, "US", "button:often"] = 4
    bounded(found)
    assert sum(count for (_, _, what), count in found.items() if what == "button:often") == 12


def test_the_end_of_a_period_may_be_so_long_ago() -> None:
    assert period("3h", "1h", BERLIN, NOW) == (
        parse_iso("2026-11-23T09:30:00Z"),
        parse_iso("2026-11-23T11:45:00Z"),
    )


def test_thirty_days_end_with_the_day_of_the_end_by_the_clocks_of_the_zone() -> None:
    midnight = "2026-11-24T00:00:00+01:00"
    assert period(None, midnight, BERLIN, NOW) == (
        parse_iso("2026-10-24T22:00:00Z"),
        parse_iso("2026-11-23T23:00:00Z"),
    )
    tokyo = ZoneInfo("Asia/Tokyo")  # where it is the 24th already
    assert period(None, None, tokyo, parse_iso("2026-11-23T16:00:00Z"))[0] == parse_iso(
        "2026-10-25T15:00:00Z"
    )


def test_a_period_that_is_too_long_is_told_with_its_days() -> None:
    with pytest.raises(ValueError, match=r"^expected at most 366 days, found 732$"):
        period("2024-01-01", "2026-01-01", UTC, NOW)
    with pytest.raises(ValueError, match=r"^expected a beginning before the end$"):
        period("2026-11-02", "2026-11-01", UTC, NOW)


def test_times_from_1900_to_9998_are_known() -> None:
    begin, _ = period("1900-01-01T00:00:00Z", "1900-02-01", UTC, NOW)
    assert begin == FIRST
    _, end = period("9998-12-01", "9998-12-31", UTC, NOW)
    assert end == LAST
    with pytest.raises(ValueError, match=r"^expected times from 1900 to 9998$"):
        period("1899-12-31T23:59:59Z", "1900-02-01", UTC, NOW)


def test_what_is_missing_among_the_sums_counts_as_none() -> None:
    assert reached({"delivered": 2}) == {"sent": 2, "delivered": 2, "read": 0, "replied": 0}


def test_a_cell_of_the_file_has_all_buttons_and_is_empty_without_a_value() -> None:
    columns = statistics_csv(By.TEMPLATE, []).removesuffix("\r\n").split(",")
    row: dict[str, Any] = dict.fromkeys(columns)
    row |= {"failures": [], "clicks_by_button": [], "replies_by_button": {"Yes  please": 2, "No": 1}}
    _, line, _ = statistics_csv(By.TEMPLATE, [row]).split("\r\n")
    assert line.startswith(",,,")
    assert line.endswith(',"Yes please: 2, No: 1",')
