"""When a broadcast will have been sent."""

from collections.abc import Sequence
from math import inf

from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.table import rows
from wacrmd.clock import DAY, HOUR, MINUTE, SECOND, Millis, parse_iso
from wacrmd.domain.canary import Canary
from wacrmd.domain.forecast import HORIZON, STEP, Outlook, forecast, places
from wacrmd.domain.messaging_limit import PERIOD
from wacrmd.domain.send_between import Day, SendBetween
from wacrmd.domain.sending_plan import SendingPlan

START = parse_iso("2026-12-01T12:00:00Z")  # a Tuesday
BERLIN, CALIFORNIA = "Europe/Berlin", "America/Los_Angeles"
DAYTIME = SendBetween("09:00", "20:00")
HALF_HOURS = SendingPlan(send_between=SendBetween("13:00", "13:30"))


def now(
    rate: float, ahead: int = 0, limit: float = inf, counted: Sequence[tuple[Millis, int]] = ()
) -> Outlook:
    return Outlook(start=START, rate=rate, ahead=ahead, limit=limit, counted=counted)


def at(text: str) -> Millis:
    return parse_iso(text)


@rows(
    ("people", "plan", "outlook", "first_day", "last_at", "waits"),
    [
        # at the rate of the number, behind what is sent before
        ({BERLIN: 1000}, SendingPlan(), now(rate=10), 1000, START + 100 * SECOND, []),
        ({BERLIN: 1000}, SendingPlan(), now(rate=10, ahead=500), 1000, START + 150 * SECOND, []),
        ({BERLIN: 100}, SendingPlan(spread_over_minutes=120), now(rate=10), 100, START + 120 * MINUTE, []),
        ({BERLIN: 20_000}, SendingPlan(), now(rate=1), 20_000, START + 20_000 * SECOND, []),
        # the morning of those who are asleep
        (
            {BERLIN: 10, CALIFORNIA: 10},
            SendingPlan(send_between=DAYTIME),
            now(rate=10),
            20,
            at("2026-12-01T17:00:01Z"),
            ["hours"],
        ),
        # a day at a time
        ({BERLIN: 600}, SendingPlan(), now(rate=100, limit=250), 250, START + 2 * PERIOD + SECOND, ["limit"]),
        # of 250, 200 are used: since 20 hours, and since one
        (
            {BERLIN: 120},
            SendingPlan(),
            now(rate=100, limit=250, counted=[(START - 20 * HOUR, 50), (START - HOUR, 150)]),
            120,
            START - HOUR + PERIOD + 200,
            ["limit"],
        ),
        # first a few
        (
            {BERLIN: 100},
            SendingPlan(canary=Canary(10, 15)),
            now(rate=100),
            100,
            START + 15 * MINUTE + SECOND,
            ["canary"],
        ),
        # the first few are of every place: they have it when the last of these places wakes up
        (
            {BERLIN: 90, CALIFORNIA: 10},
            SendingPlan(canary=Canary(10, 15), send_between=DAYTIME),
            now(rate=100),
            100,
            at("2026-12-01T17:15:00.910Z"),
            ["hours", "canary"],
        ),
        # of two places each has one of the first two, however small it is
        (
            {BERLIN: 1, CALIFORNIA: 99},
            SendingPlan(canary=Canary(2, 15), send_between=DAYTIME),
            now(rate=100),
            100,
            at("2026-12-01T17:15:00.990Z"),
            ["hours", "canary"],
        ),
        (
            {BERLIN: 98, CALIFORNIA: 2},
            SendingPlan(canary=Canary(50, 15), send_between=DAYTIME),
            now(rate=100),
            100,
            at("2026-12-01T17:15:00.510Z"),
            ["hours", "canary"],
        ),
        # while California wakes up for the first few, Berlin goes to sleep: its others have it in the morning
        (
            {BERLIN: 10, CALIFORNIA: 10},
            SendingPlan(canary=Canary(10, 15), send_between=SendBetween("09:00", "15:00")),
            now(rate=10),
            20,
            at("2026-12-02T08:00:00.500Z"),
            ["hours", "canary"],
        ),
        # the first few are all, or all but one
        ({BERLIN: 10}, SendingPlan(canary=Canary(10, 15)), now(rate=10), 10, START + SECOND, []),
        (
            {BERLIN: 11},
            SendingPlan(canary=Canary(10, 15)),
            now(rate=10),
            11,
            START + 15 * MINUTE + 1100,
            ["canary"],
        ),
        # what is sent before takes longer than a step, goes at the pace of the number, and counts for the limit
        ({BERLIN: 900}, SendingPlan(), now(rate=1, ahead=2000), 900, START + 2900 * SECOND, []),
        (
            {BERLIN: 900},
            SendingPlan(messages_per_second=0.5),
            now(rate=1, ahead=450),
            900,
            START + 2250 * SECOND,
            [],
        ),
        (
            {BERLIN: 100},
            SendingPlan(),
            now(rate=1, ahead=60, limit=100),
            40,
            START + PERIOD + 60 * SECOND,
            ["limit"],
        ),
        # half an hour a day: what is not sent by then goes on the next day, also because of what is sent before
        ({BERLIN: 2700}, HALF_HOURS, now(rate=1), 1800, START + DAY + 900 * SECOND, ["hours"]),
        ({BERLIN: 2700}, HALF_HOURS, now(rate=1, ahead=450), 1350, START + DAY + 1350 * SECOND, ["hours"]),
        ({BERLIN: 900}, HALF_HOURS, now(rate=1, ahead=1350), 450, START + DAY + 450 * SECOND, ["hours"]),
        # the limit is for what is sent before, for three days
        (
            {BERLIN: 50},
            SendingPlan(),
            now(rate=1, ahead=300, limit=100),
            0,
            START + 3 * PERIOD + 50 * SECOND,
            ["limit"],
        ),
        # a message in a thousand seconds
        ({BERLIN: 3}, SendingPlan(), now(rate=0.001), 3, START + 3000 * SECOND, []),
        # who was written to so long ago does not count any more
        (
            {BERLIN: 300},
            SendingPlan(),
            now(rate=100, limit=250, counted=[(START - PERIOD, 250)]),
            250,
            START + PERIOD + 500,
            ["limit"],
        ),
        # nobody may be written to, and nobody counts who ever could
        ({BERLIN: 1}, SendingPlan(), now(rate=1, limit=0), 0, None, ["limit"]),
        # on no day of the next 60
        ({BERLIN: 600}, SendingPlan(), now(rate=100, limit=1), 1, None, ["limit"]),
        (
            {"Europe/Bucharest,Asia/Kamchatka": 1},
            SendingPlan(send_between=SendBetween("10:00", "12:00")),
            now(rate=1),
            0,
            None,
            ["hours"],
        ),
        ({}, SendingPlan(), now(rate=1), 0, START, []),
        # at the weekend nobody is sent to
        (
            {BERLIN: 10},
            SendingPlan(send_between=SendBetween("09:00", "20:00", (Day.SAT,))),
            now(rate=10),
            0,
            at("2026-12-05T08:00:01Z"),
            ["hours"],
        ),
    ],
)
def test_it_says_how_many_go_on_the_first_day_and_when_the_last_one_goes(
    people: dict[str, int],
    plan: SendingPlan,
    outlook: Outlook,
    first_day: int,
    last_at: Millis | None,
    waits: list[str],
) -> None:
    found = forecast(people, plan, outlook)
    assert (found.first_day, found.waits_for) == (first_day, waits)
    assert found.last_at == last_at


@given(
    counts=st.dictionaries(st.sampled_from([BERLIN, CALIFORNIA]), st.integers(0, 500)),
    rate=st.floats(0.05, 100),
    limit=st.one_of(st.just(float("inf")), st.integers(1, 400).map(float)),
    hours=st.sampled_from([None, DAYTIME, SendBetween("22:00", "23:00")]),
    canary=st.sampled_from([None, Canary(5), Canary(300, 600)]),
)
def test_it_ends_and_is_never_faster_than_rate_and_limit(
    counts: dict[str, int],
    rate: float,
    limit: float,
    hours: SendBetween | None,
    canary: Canary | None,
) -> None:
    total = sum(counts.values())
    found = forecast(
        counts, SendingPlan(send_between=hours, canary=canary), Outlook(start=START, rate=rate, limit=limit)
    )
    assert found.first_day <= min(total, limit + rate * 15 * 60)
    if found.last_at is not None:
        assert START <= found.last_at <= START + HORIZON + DAY
        days = (found.last_at - START) // DAY + 1
        assert total <= days * limit + limit
        assert found.last_at - START >= (total - 1) / rate * SECOND - 15 * MINUTE


def test_people_are_counted_by_their_time_zones_where_the_hours_are_theirs() -> None:
    addresses = ["+4915112345678", "+4915112345679", "+12125550123"]
    by_place = SendingPlan(send_between=DAYTIME)
    assert places(by_place, addresses) == {"Europe/Berlin": 2, "America/New_York": 1}
    assert places(SendingPlan(send_between=SendBetween("09:00", "20:00", zone="Asia/Tokyo")), addresses) == {
        "Asia/Tokyo": 3
    }
    assert places(SendingPlan(), addresses) == {"": 3}


def last_message(total: int, limit: int, canary: Canary, rate: float) -> Millis:
    """When the last message goes, person by person; nobody has hours."""
    at, counted, is_first = float(START), list[float](), canary.count < total
    for person in range(1, total + 1):
        if len(counted) >= limit:
            at = max(at, counted[-limit] + PERIOD)
        counted.append(at)
        at += SECOND / rate
        if is_first and person == canary.count:
            at = counted[-1] + canary.wait_minutes * MINUTE
    return round(counted[-1])


@given(
    total=st.integers(2, 120),
    limit=st.sampled_from([5, 25, 40]),
    canary=st.builds(Canary, st.sampled_from([10, 25, 30, 50]), st.integers(1, 300)),
    rate=st.sampled_from([0.02, 1.0, 80.0]),
)
@example(total=60, limit=25, canary=Canary(30, 30), rate=80)
def test_first_people_beyond_the_limit_of_a_day_are_waited_for(
    total: int, limit: int, canary: Canary, rate: float
) -> None:
    found = forecast({"": total}, SendingPlan(canary=canary), now(rate=rate, limit=limit))
    assert found.last_at is not None
    late = found.last_at - last_message(total, limit, canary, rate)
    assert -SECOND <= late <= STEP


def test_a_number_that_may_be_in_several_zones_is_counted_in_all_of_them() -> None:
    (place,) = places(SendingPlan(send_between=DAYTIME), ["DE.1"])
    assert place == "Europe/Berlin,Europe/Busingen"
