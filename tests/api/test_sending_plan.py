"""How a broadcast is sent: within Meta's limit, at a decent hour, at its own pace, first to a few."""

import re
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.clock import ShiftClock
from tests.support.site import Site, people, site
from wacrmd.clock import DAY, HOUR, MINUTE, SECOND, iso, parse_iso
from wacrmd.domain.messaging_limit import PERIOD
from wacrmd.services.broadcasts.prepare import NO_HOUR_FITS

pytestmark = pytest.mark.anyio

BERLIN, CALIFORNIA = "+4915112345{:03}", "+1415200{:04}"


def clock_at(text: str) -> ShiftClock:
    """A clock that shows this time."""
    return ShiftClock(parse_iso(text))


def to(form: str, count: int) -> list[dict[str, Any]]:
    return [{"to": form.format(index), "params": ["Ann"]} for index in range(count)]


def written_to(here: Site) -> list[str]:
    """To whom Meta has accepted messages, in order."""
    return [entry.send.input for entry in here.sim.ledger.entries]


# Meta's limit


async def test_the_limit_of_the_portfolio_is_used_up_and_then_waited_for(tmp_path: Path) -> None:
    async with site(tmp_path, people_limit=50, messaging_limit="TIER_50") as here:
        await here.admin("number.check", id=here.number["id"])
        first = await here.send(people(40))
        await here.until_status(first, "sent")
        second = await here.send(people(30, start=40), name="second")
        shown = await here.until(second, lambda it: it["hold"] is not None and it["sent_count"] == 10)
        assert shown["hold"]["reason"] == "limit"
        assert re.fullmatch(
            r"Meta's limit: 50 of 50 different people in 24 hours have been written to;"
            r" the next 50 within an hour from 20.*Z",
            shown["hold"]["detail"],
        )
        here.clock.advance(PERIOD)
        done = await here.until_status(second, "sent")
        assert (done["sent_count"], done["failed_count"]) == (30, 0)
        assert here.sim.ledger.error_codes == {}


async def test_a_limit_that_is_configured_counts_at_once_and_for_all_numbers_of_the_portfolio(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, people_limit=20) as here:
        await here.admin("number.set", id=here.number["id"], daily_limit=20)
        other = await here.admin(
            "number.add",
            account="shop",
            phone_number_id="106540352242923",
            waba_id="102290129340398",
            access_token="EAAtestaccesstoken",
            app_secret="an app secret for tests",
            verify_token="a verify token for tests",
        )
        both = [await here.send(people(15)), await here.send(people(15, start=20), **{"from": other["id"]})]
        for each in both:
            await here.until(each, lambda it: it["hold"] is not None or it["status"] == "sent")
        assert len(written_to(here)) == 20
        # another portfolio is nobody else's trouble
        here.sim.change(people_limit=0)
        await here.admin("number.set", id=other["id"], portfolio="second shop")
        await here.until_status(both[1], "sent")
        await here.admin("number.set", id=here.number["id"], daily_limit=0)
        await here.until_status(both[0], "sent")
        assert here.sim.ledger.error_codes == {}


# the hours


async def test_who_is_asleep_waits_for_the_morning_and_the_others_get_it_now(tmp_path: Path) -> None:
    clock = clock_at("2037-12-01T12:00:00Z")
    async with site(tmp_path, clock=clock) as here:
        hours = {"from": "09:00", "to": "20:00"}
        broadcast = await here.send([*to(CALIFORNIA, 30), *to(BERLIN, 5)], send_between=hours)
        shown = await here.until(broadcast, lambda it: it["hold"] is not None)
        assert written_to(here) == [BERLIN.format(index) for index in range(5)]
        assert shown["hold"]["reason"] == "hours"
        assert shown["hold"]["detail"] == (
            "30 people wait for the hours 09:00-20:00 at each person's place, the first until 2037-12-01T17:00:00.000Z"
        )
        assert shown["send_between"] == hours | {
            "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
            "zone": "recipient",
        }
        clock.advance(5 * HOUR)
        await here.until_status(broadcast, "sent")
        hour = datetime.fromtimestamp(clock.now() / SECOND, ZoneInfo("America/Los_Angeles")).hour
        assert (len(written_to(here)), hour) == (35, 9)


async def test_a_retry_whose_time_is_after_the_hours_is_said_to_go_when_they_begin(tmp_path: Path) -> None:
    clock = clock_at("2037-12-01T18:59:55Z")
    clock.stop()
    async with site(tmp_path, clock=clock, error_share=1.0, error_code=131000) as here:
        broadcast = await here.send(to(BERLIN, 1), send_between={"from": "09:00", "to": "20:00"})
        shown = await here.until(broadcast, lambda it: it["hold"] is not None)
        assert shown["hold"]["detail"] == "1 person is tried again, the first at 2037-12-02T08:00:00.000Z"


async def test_the_hours_of_the_account_hold_for_broadcasts_that_name_none(tmp_path: Path) -> None:
    clock = clock_at("2037-12-05T12:00:00Z")  # a Saturday
    async with site(tmp_path, clock=clock) as here:
        workdays = {
            "from": "9:00",
            "to": "20:00",
            "days": ["mon", "tue", "wed", "thu", "fri"],
            "zone": "europe/berlin",
        }
        shown = await here.admin("account.set", name="shop", send_between=workdays)
        assert (shown["send_between"]["from"], shown["send_between"]["zone"]) == ("09:00", "Europe/Berlin")
        waits = await here.send(people(3))
        now = await here.send(people(3, start=3), send_between={"from": "00:00", "to": "24:00"})
        await here.until_status(now, "sent")
        shown = await here.until(waits, lambda it: it["hold"] is not None)
        assert shown["hold"]["detail"].endswith("the first until 2037-12-07T08:00:00.000Z")
        assert (await here.admin("account.set", name="shop", send_between="none"))["send_between"] is None
        clock.advance(2 * DAY)
        await here.until_status(waits, "sent")


async def test_whoever_may_be_anywhere_in_a_large_country_is_rejected_where_no_hour_fits(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as here:
        both = [{"to": "+79161234567", "params": ["Ann"]}, *people(1)]
        answer = (await here.post(both, send_between={"from": "10:00", "to": "18:00"})).json()["data"]
        assert (answer["accepted"], answer["rejected"]) == (1, 1)
        (rejection,) = answer["rejections"]
        assert rejection["index"] == 0
        assert "no hour is 10:00-18:00 in all 16 time zones" in rejection["reason"]
        hours = {"from": "10:00", "to": "18:00"}
        alone = {"template_name": "hello", "recipients": both[:1], "send_between": hours}
        for path in ("/api/v1/broadcasts", "/api/v1/broadcasts?dry_run=true"):
            answer = (await here.api.post(path, json=alone)).json()
            (problem,) = answer["data"]["problems"] if "data" in answer else [answer["error"]]
            assert problem["message"] == NO_HOUR_FITS, "the number is valid"


_HOURS = {"from": "09:00", "to": "20:00"}
_REFUSED: tuple[tuple[str, object, str, str], ...] = (
    ("send_between", {"from": "20:00", "to": "09:00"}, "send_between", "later than `from`"),
    ("send_between", _HOURS | {"from": "9"}, "send_between.from", "a time such as 09:00"),
    ("send_between", _HOURS | {"to": "24:30"}, "send_between.to", "a time such as 09:00"),
    ("send_between", _HOURS | {"days": ["monday"]}, "send_between.days[0]", "one of mon"),
    ("send_between", _HOURS | {"timezone": "Europe/Berlin"}, "send_between.timezone", "no such parameter"),
    ("canary", {"count": 5, "wait": 60}, "canary.wait", "no such parameter"),
    (
        "retry_rules",
        [{"codes": [131049], "attempts": 3}],
        "retry_rules[0].attempts",
        "no such parameter",
    ),
    ("send_between", _HOURS | {"days": []}, "send_between.days", "at least 1"),
    ("send_between", _HOURS | {"zone": "Europe/Berlni"}, "send_between.zone", "did you mean Europe/Berlin?"),
    ("send_between", _HOURS | {"zone": "localtime"}, "send_between.zone", "zone such as Europe/Berlin"),
    ("send_between", "09:00-20:00", "send_between", "object"),
    ("spread_over_minutes", 0, "spread_over_minutes", "at least 1"),
    ("spread_over_minutes", True, "spread_over_minutes", "a number"),
    ("messages_per_second", 0, "messages_per_second", "at least 0.001"),
    ("canary", {"count": 0}, "canary.count", "at least 1"),
    ("canary", {"count": 50, "min_delivered": 80}, "canary.min_delivered", "at most 1"),
    ("canary", {}, "canary.count", "required"),
)


async def test_a_plan_that_cannot_be_is_refused_with_the_place_and_what_was_expected(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        for field, value, path, message in _REFUSED:
            answer = await here.post(people(1), **{field: value})
            assert answer.status_code == 400, (field, value)
            details = answer.json()["error"]["details"]
            assert [each["path"] for each in details] == [path], details
            assert message in details[0]["message"], details


# the pace


def _has_sent_more(count: int, shown: dict[str, Any]) -> bool:
    return bool(shown["sent_count"] > count)


async def test_a_broadcast_keeps_to_its_own_pace_while_others_of_its_number_go_faster(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock, messages_per_second=1000) as here:
        slow = await here.send(people(60), spread_over_minutes=60)
        fast = await here.send(people(40, start=100))
        clock.advance(SECOND)
        await here.until_status(fast, "sent")
        assert (await here.show(slow))["sent_count"] <= 2
        for minute in range(1, 4):
            clock.advance(MINUTE)
            shown = await here.until(slow, partial(_has_sent_more, minute))
            assert shown["sent_count"] <= minute + 2
        assert shown["spread_over_minutes"] == 60


async def test_a_broadcast_that_is_spread_thinly_says_when_its_next_message_goes(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        thin = await here.send(people(3), spread_over_minutes=3 * 60)
        shown = await here.until(thin, lambda it: it["sent_count"] == 1 and it["hold"] is not None)
        assert shown["hold"]["reason"] == "pace"
        next_at = parse_iso(shown["hold"]["detail"].partition("the next message goes at ")[2])
        assert 59 * MINUTE < next_at - clock.now() <= HOUR
        assert (await here.admin("status"))["healthy"], "nobody is needed"
        clock.advance(HOUR)
        await here.until(thin, lambda it: it["sent_count"] == 2 and it["hold"] is not None)
        clock.advance(HOUR)
        assert (await here.until_status(thin, "sent"))["hold"] is None
        quick = await here.send(people(10, start=10), messages_per_second=1)
        assert (await here.until(quick, lambda it: it["sent_count"] > 0))["hold"] is None


async def test_a_slow_broadcast_makes_up_for_no_pause_by_whatever_it_ends(tmp_path: Path) -> None:
    """Two messages went at once after a pause, and another one with each resume."""
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock, messages_per_second=1000) as here:
        slow = await here.send(people(9), messages_per_second=0.1)

        async def claimed(count: int) -> None:
            """So many were sent to, and no more were begun while others had their turns."""
            await here.until(slow, lambda shown: shown["sent_count"] >= count)
            await here.until_status(await here.send(people(2, start=100)), "sent")
            assert (await here.show(slow))["pending_count"] == 9 - count

        await claimed(1)
        for _ in range(3):
            await here.admin("broadcast.pause", id=slow)
            await here.admin("broadcast.resume", id=slow)
        await claimed(1)
        await here.admin("broadcast.pause", id=slow)
        clock.advance(HOUR)
        await here.admin("broadcast.resume", id=slow)
        await claimed(2)
        clock.advance(9 * SECOND)
        await claimed(2)
        clock.advance(SECOND)
        await claimed(3)


# the first few


async def test_who_has_opted_out_is_none_of_the_first_few(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, clock=clock) as here:
        plan = {"canary": {"count": 3, "wait_minutes": 15}, "scheduled_at": iso(clock.now() + HOUR)}
        some = await here.send(people(9), **plan)
        nobody = await here.send(people(5), name="second", **plan)
        for each in people(6):
            assert (await here.api.post("/api/v1/optouts", json={"phone": each["to"]})).is_success
        clock.advance(HOUR)
        shown = await here.until(some, lambda it: it["hold"] is not None and it["delivered_count"] == 3)
        assert shown["hold"]["detail"].startswith("So far of the first 3 people 3 (100 %) have it")
        await here.until(nobody, lambda it: it["cancelled_count"] == 5 and it["status"] == "sent")
        clock.advance(15 * MINUTE)
        assert (await here.until_status(some, "sent"))["cancelled_count"] == 6


async def test_the_others_follow_once_the_first_have_it(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        canary = {"count": 10, "wait_minutes": 15}
        broadcast = await here.send([*people(60), *to(BERLIN, 40)], canary=canary)
        shown = await here.until(broadcast, lambda it: it["delivered_count"] == 10 and it["hold"] is not None)
        assert len(written_to(here)) == 10
        assert sum(phone.startswith("+49") for phone in written_to(here)) == 4
        assert shown["canary"] == canary | {"min_delivered": 0.8, "max_failed": 0.1}
        assert shown["hold"]["reason"] == "canary"
        assert shown["hold"]["detail"].startswith(
            "So far of the first 10 people 10 (100 %) have it, to 0 (0 %) it failed; at"
        )
        here.clock.advance(15 * MINUTE)
        await here.until_status(broadcast, "sent")
        assert len(written_to(here)) == 100


async def test_it_stands_still_with_the_figures_if_the_first_do_not_get_it_and_a_person_decides(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, failed_share=1.0, failed_codes=(131049,)) as here:
        broadcast = await here.send(people(30), canary={"count": 5, "wait_minutes": 1})
        await here.until(broadcast, lambda it: it["failed_count"] == 5 and it["hold"] is not None)
        here.clock.advance(MINUTE)
        shown = await here.until_status(broadcast, "paused")
        assert shown["hold"]["reason"] == "canary"
        assert shown["hold"]["detail"].startswith(
            "Of the first 5 people 0 (0 %) have it, to 5 (100 %) it failed; at least 80 %"
        )
        here.sim.change(failed_share=0.0)
        assert len(written_to(here)) == 5
        await here.api.post(f"/api/v1/broadcasts/{broadcast}/resume")
        done = await here.until_status(broadcast, "sent")
        assert (done["sent_count"], done["failed_count"], len(written_to(here))) == (25, 5, 30)


async def test_only_the_first_few_are_tried_again_where_nobody_else_was_tried(tmp_path: Path) -> None:
    async with site(tmp_path, error_share=1.0, error_code=131000) as here:
        broadcast = await here.send(people(30), canary={"count": 5, "wait_minutes": 1})
        shown = await here.until(
            broadcast, lambda it: it["hold"] is not None and here.sim.ledger.error_codes.get(131000) == 5
        )
        assert shown["hold"]["reason"] == "waiting_for_retry"
        assert shown["hold"]["detail"].startswith("5 people are tried again, the first at")


async def test_a_canary_of_more_people_than_there_are_is_everybody(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        broadcast = await here.send(people(3), canary={"count": 50})
        await here.until_status(broadcast, "sent")


async def test_a_single_message_does_not_wait_for_the_hours_of_the_account(tmp_path: Path) -> None:
    async with site(tmp_path, clock=clock_at("2037-12-05T03:00:00Z")) as here:
        await here.admin(
            "account.set", name="shop", send_between={"from": "10:00", "to": "11:00", "days": ["mon"]}
        )
        message = {
            "to": people(1)[0]["to"],
            "type": "template",
            "template": {"name": "hello", "params": ["Ann"]},
        }
        assert (await here.api.post("/api/v1/messages", json=message)).status_code == 201


async def test_a_dry_run_says_how_many_go_today_and_when_the_last_one_goes(tmp_path: Path) -> None:
    clock = clock_at("2037-12-01T12:00:00Z")
    path = "/api/v1/broadcasts?dry_run=true"
    async with site(tmp_path, clock=clock) as here:
        body = {"template_name": "hello", "recipients": [*to(CALIFORNIA, 3), *to(BERLIN, 2)]}
        plain = (await here.api.post(path, json=body)).json()["data"]["forecast"]
        assert (plain["first_day"], plain["waits_for"]) == (5, [])
        asleep = (await here.api.post(path, json=body | {"send_between": _HOURS})).json()["data"]["forecast"]
        assert (asleep["first_day"], asleep["waits_for"], asleep["last_at"][:17]) == (
            5,
            ["hours"],
            "2037-12-01T17:00:",
        )
        await here.send(people(2))
        await here.admin("number.set", id=here.number["id"], daily_limit=3)
        full = (await here.api.post(path, json=body)).json()["data"]["forecast"]
        # one now, two when those of a moment ago do not count any more, two a day after that
        assert (full["first_day"], full["waits_for"], full["last_at"][:14]) == (
            1,
            ["limit"],
            "2037-12-03T12:",
        )
