"""What Meta tells about accounts and numbers: shown everywhere while it holds, and only what stops templates pauses."""

import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.clock import ShiftClock
from tests.support.meta import post, post_body, template_event
from tests.support.site import PHONE_NUMBER_ID, WABA_ID, Site, people, site
from wacrmd.clock import DAY, HOUR, MINUTE, SECOND
from wacrmd.services.maintenance.restrictions import end_restrictions
from wacrmd.services.numbers import meta_check
from wacrmd.store import numbers

pytestmark = pytest.mark.anyio

STOPPED = "RESTRICTED_BIZ_INITIATED_MESSAGING"


async def tell(
    here: Site,
    field: str = "account_update",
    *,
    time: int | None = None,
    waba_id: str = WABA_ID,
    **value: Any,
) -> None:
    """Post an event of Meta's about the account, sent at `time` in Unix seconds."""
    entry: dict[str, Any] = {"id": waba_id, "changes": [{"field": field, "value": value}]}
    if time is not None:
        entry["time"] = time
    answer = await post(here.hook, {"object": "whatsapp_business_account", "entry": [entry]})
    assert answer.status_code == 200, answer.text


async def restrict(here: Site, *kinds: str, hours: float | None = 24, time: int | None = None) -> None:
    ends: dict[str, int] = {} if hours is None else {"expiration": in_hours(here, hours)}
    infos = [{"restriction_type": kind} | ends for kind in kinds]
    await tell(here, event="ACCOUNT_RESTRICTION", restriction_info=infos, time=time)


def in_hours(here: Site, hours: float) -> int:
    return (here.clock.now() + round(hours * HOUR)) // SECOND


async def number(here: Site) -> dict[str, Any]:
    shown: dict[str, Any] = await here.admin("number.show", id=PHONE_NUMBER_ID)
    return shown


async def kinds(here: Site) -> list[str]:
    return [notice["kind"] for notice in (await number(here))["notices"]]


async def test_a_restriction_of_other_things_is_shown_until_it_ends_and_stops_nothing(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    kind = "RESTRICTED_ADD_PHONE_NUMBER_ACTION"
    with capture_logs() as events:
        async with site(tmp_path, clock=clock) as here:
            await restrict(here, kind)
            found = await number(here)
            assert found["state"] == "active"
            (notice,) = found["notices"]
            assert (notice["kind"], notice["stops_sending"]) == (kind, False)
            assert notice["until"] is not None
            assert (await here.until_status(await here.send(people(3)), "sent"))["sent_count"] == 3
            (listed,) = (await here.api.get("/api/v1/numbers")).json()["data"]
            assert [each["kind"] for each in listed["notices"]] == [kind]
            status = await here.admin("status")
            assert any(kind in warning for warning in status["warnings"])
            checks = (await here.admin("doctor"))["checks"]
            assert [check["check"] for check in checks if kind in check["detail"]] == ["notice"]
            metric = f'wacrmd_number_notice{{kind="{kind}",number="{PHONE_NUMBER_ID}"}} 1.0'
            assert metric in (await here.api.get("/metrics")).text
            clock.advance(25 * HOUR)
            assert await kinds(here) == []
            assert not any(kind in warning for warning in (await here.admin("status"))["warnings"])
            assert kind not in (await here.api.get("/metrics")).text
    logged = [event for event in events if event["event"] == "account_notice_received"]
    assert [(event["business_account"], event["kind"]) for event in logged] == [(WABA_ID, kind)]


async def test_the_restriction_of_templates_pauses_until_it_ends_and_then_sending_goes_on(
    tmp_path: Path,
) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock) as here:
        await restrict(here, STOPPED, "RESTRICTED_UTILITY_TEMPLATES")
        found = await number(here)
        assert (found["state"], found["hold"]["reason"]) == ("paused", "account")
        assert STOPPED in found["hold"]["detail"]
        assert "resumes by itself" in found["hold"]["detail"]
        broadcast_id = await here.send(people(3))
        clock.advance(23 * HOUR)
        await end_restrictions(here.running.ctx)
        assert (await number(here))["state"] == "paused"
        clock.advance(2 * HOUR)
        await end_restrictions(here.running.ctx)
        assert (await number(here))["state"] == "active"
        assert (await here.until_status(broadcast_id, "sent"))["sent_count"] == 3


async def test_a_restriction_without_an_end_waits_for_a_person(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock) as here:
        await restrict(here, STOPPED, hours=None)
        clock.advance(100 * DAY)
        await end_restrictions(here.running.ctx)
        assert (await number(here))["state"] == "paused"
        await here.admin("number.resume", id=PHONE_NUMBER_ID)
        assert (await number(here))["state"] == "active"


async def test_a_longer_restriction_and_a_ban_put_off_the_end(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock) as here:
        await restrict(here, STOPPED, hours=10)
        await restrict(here, STOPPED, hours=30)
        clock.advance(20 * HOUR)
        await end_restrictions(here.running.ctx)
        assert (await number(here))["state"] == "paused"
        await tell(here, event="DISABLED_UPDATE", ban_info={"waba_ban_state": ["DISABLE"]})
        clock.advance(20 * HOUR)
        await end_restrictions(here.running.ctx)
        assert "DISABLE" in (await number(here))["hold"]["detail"]
        await tell(here, event="DISABLED_UPDATE", ban_info={"waba_ban_state": "REINSTATE"})
        assert (await number(here))["state"] == "active"
        assert await kinds(here) == []


async def test_of_two_restrictions_the_later_end_counts(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock) as here:
        await restrict(here, STOPPED, hours=30)
        other = [{"expiration": in_hours(here, 10)}]
        await tell(here, event="ACCOUNT_RESTRICTION", restriction_info=other)
        clock.advance(20 * HOUR)
        await end_restrictions(here.running.ctx)
        assert (await number(here))["state"] == "paused"
        clock.advance(11 * HOUR)
        await end_restrictions(here.running.ctx)
        assert (await number(here))["state"] == "active"


async def test_what_a_person_paused_stays_paused_when_a_restriction_ends(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock) as here:
        await restrict(here, STOPPED)
        await here.admin("number.pause", id=PHONE_NUMBER_ID)
        clock.advance(2 * DAY)
        await end_restrictions(here.running.ctx)
        assert (await number(here))["hold"]["reason"] == "paused_by_operator"


async def test_a_restriction_that_comes_twice_does_not_undo_what_a_person_resumed(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock) as here:
        await restrict(here, STOPPED)
        await here.admin("number.resume", id=PHONE_NUMBER_ID)
        await restrict(here, STOPPED)
        assert (await number(here))["state"] == "active"
        assert await kinds(here) == [STOPPED]


@pytest.mark.parametrize(
    ("ending", "stop"),
    [
        ("REINSTATE", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}}),
        ("ACCOUNT_RECONNECTED", {"event": "ACCOUNT_OFFBOARDED"}),
    ],
)
async def test_an_older_word_that_comes_late_changes_nothing(
    tmp_path: Path, ending: str, stop: dict[str, Any]
) -> None:
    async with site(tmp_path, clock=ShiftClock(stopped=True)) as here:
        now = in_hours(here, 0)
        await tell(here, event=ending, time=now)
        await tell(here, **stop, time=now - 60)
        await restrict(here, STOPPED, hours=-1)
        assert (await number(here))["state"] == "active"
        assert await kinds(here) == []
        await tell(here, **stop, time=now + 60)
        assert (await number(here))["state"] == "paused"


async def test_a_restriction_goes_on_after_the_end_of_a_ban(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock) as here:
        await restrict(here, STOPPED, hours=24)
        await tell(here, event="DISABLED_UPDATE", ban_info={"waba_ban_state": "DISABLE"})
        assert "resumes by itself" not in (await number(here))["hold"]["detail"]
        await tell(here, event="ACCOUNT_RECONNECTED")
        assert sorted(await kinds(here)) == ["DISABLE", STOPPED]
        await tell(here, event="DISABLED_UPDATE", ban_info={"waba_ban_state": "REINSTATE"})
        shown = await number(here)
        assert (shown["state"], await kinds(here)) == ("paused", [STOPPED])
        assert "disabled" not in shown["hold"]["detail"]
        clock.advance(25 * HOUR)
        await end_restrictions(here.running.ctx)
        assert (await number(here))["state"] == "active"


async def test_an_alert_is_shown_until_it_is_over(tmp_path: Path) -> None:
    async with site(tmp_path, clock=ShiftClock(stopped=True)) as here:
        alert = {"alert_severity": "WARNING", "alert_type": "LIMIT_DENIED"}
        now = in_hours(here, 0)
        await tell(here, "account_alerts", alert_info=alert | {"alert_status": "ACTIVE"}, time=now)
        assert await kinds(here) == ["LIMIT_DENIED"]
        await tell(here, "account_alerts", alert_info=alert | {"alert_status": "RESOLVED"}, time=now + 60)
        assert await kinds(here) == []
        await tell(here, "account_alerts", alert_info=alert | {"alert_status": "ACTIVE"}, time=now)
        assert await kinds(here) == []


@pytest.mark.parametrize(
    ("field", "older"),
    [
        ("business_capability_update", {"max_daily_conversations_per_business": 250}),
        ("phone_number_quality_update", {"event": "DOWNGRADE", "current_limit": "TIER_250"}),
    ],
)
async def test_an_older_limit_that_comes_late_changes_nothing(
    tmp_path: Path, field: str, older: dict[str, Any]
) -> None:
    """Whatever time the events were sent at: they are compared with each other only."""
    raised: dict[str, Any] = {"event": "UPGRADE", "current_limit": "TIER_10K"}
    async with site(tmp_path) as here:
        await tell(here, "phone_number_quality_update", **raised, time=1_700_000_000)
        await tell(here, field, **older, time=1_699_999_000)
        assert ((await number(here))["limit_tier"], await kinds(here)) == ("TIER_10K", [])
        await tell(here, field, **older, time=1_700_000_001)
        shown = (await number(here))["limit_tier"]
        assert (shown.removeprefix("TIER_"), await kinds(here)) == ("250", ["DOWNGRADE"])
        raise_it: dict[str, Any] = {"max_daily_conversations_per_business": 100_000}
        await tell(here, "business_capability_update", **raise_it, time=1_700_000_002)
        assert ((await number(here))["limit_tier"], await kinds(here)) == ("100000", [])


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (
            {
                "event": "DISABLED_UPDATE",
                "ban_info": {
                    "waba_ban_state": ["SCHEDULE_FOR_DISABLE"],
                    "waba_ban_date": "December 9, 2026",
                },
            },
            "SCHEDULE_FOR_DISABLE",
        ),
        ({"event": "ACCOUNT_VIOLATION", "violation_info": {"violation_type": "SCAM"}}, "ACCOUNT_VIOLATION"),
        ({"event": "ACCOUNT_TELEPORTED"}, "ACCOUNT_TELEPORTED"),
    ],
)
async def test_what_only_announces_is_shown_for_two_weeks_and_stops_nothing(
    tmp_path: Path, value: dict[str, Any], kind: str
) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock) as here:
        await tell(here, time=1_700_000_000, **value)  # whatever time it was sent at
        found = await number(here)
        assert (found["state"], [notice["kind"] for notice in found["notices"]]) == ("active", [kind])
        shown = json.dumps(found["notices"])
        for text in ("December 9, 2026", "SCAM"):
            assert (text in shown) == (text in json.dumps(value))
        clock.advance(13 * DAY)
        assert await kinds(here) == [kind]
        clock.advance(2 * DAY)
        assert await kinds(here) == []


async def test_a_removed_partner_is_shown_with_the_account_that_it_is_about(tmp_path: Path) -> None:
    """The webhook may be that of the partner's own account."""
    async with site(tmp_path) as here:
        info = {"waba_id": WABA_ID, "owner_business_id": "1"}
        await tell(here, event="PARTNER_REMOVED", waba_info=info, waba_id="999")
        assert await kinds(here) == ["PARTNER_REMOVED"]
        await tell(here, event="PARTNER_ADDED", waba_info=info, waba_id="999")
        assert await kinds(here) == []
        await tell(here, event="PARTNER_REMOVED", waba_info={"waba_id": "998"})
        assert await kinds(here) == []


async def test_a_flagged_number_is_shown_and_sends(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await here.admin("number.set", id=PHONE_NUMBER_ID, display_phone="+14155550100")
        await here.admin(
            "number.add",
            account="shop",
            phone_number_id="2",
            waba_id=WABA_ID,
            access_token="t",
            app_secret="s",
            verify_token="v",
            display_phone="+14155550102",
            check=False,
        )
        flagged: dict[str, Any] = {
            "event": "FLAGGED",
            "display_phone_number": "1 (415) 555-0102",
            "current_limit": "TIER_2K",
        }
        await tell(here, "phone_number_quality_update", **flagged)
        shown = {each["phone_number_id"]: each for each in await here.admin("number.list")}
        assert [notice["kind"] for notice in shown["2"]["notices"]] == ["FLAGGED"]
        assert shown[PHONE_NUMBER_ID]["notices"] == []
        assert (shown["2"]["state"], shown["2"]["limit_tier"]) == ("active", "TIER_2K")
        await tell(here, "phone_number_quality_update", **flagged | {"event": "UNFLAGGED"})
        shown = {each["phone_number_id"]: each for each in await here.admin("number.list")}
        assert shown["2"]["notices"] == []


async def test_a_lowered_limit_is_shown_and_a_raised_one_is_stored(tmp_path: Path) -> None:
    with capture_logs() as events:
        async with site(tmp_path) as here:
            for limit, shown, told in (
                (-1, "TIER_UNLIMITED", []),
                ("TIER_10K", "TIER_10K", ["DOWNGRADE"]),
                (2000, "2000", ["DOWNGRADE"]),
            ):
                await tell(here, "business_capability_update", max_daily_conversations_per_business=limit)
                assert ((await number(here))["limit_tier"], await kinds(here)) == (shown, told)
            metrics = (await here.api.get("/metrics")).text
            assert f'wacrmd_number_messaging_limit{{number="{PHONE_NUMBER_ID}"}} 2000.0' in metrics
            (notice,) = (await number(here))["notices"]
            assert "from TIER_10K to 2000" in notice["detail"]
            await tell(here, "phone_number_quality_update", event="UPGRADE", current_limit="TIER_100K")
            assert (await number(here))["limit_tier"] == "TIER_100K"
    changed = [event["limit"] for event in events if event["event"] == "messaging_limit_changed"]
    assert changed == ["TIER_10K", "2000", "TIER_100K"]


async def test_the_status_of_a_number_that_meta_gives_is_shown_until_it_is_connected(tmp_path: Path) -> None:
    async with site(tmp_path, number_status="FLAGGED") as here:
        await here.admin("number.check", id=PHONE_NUMBER_ID)
        assert await kinds(here) == ["STATUS_FLAGGED"]
        for status, shown in (("RESTRICTED", ["STATUS_RESTRICTED"]), ("CONNECTED", [])):
            here.sim.change(number_status=status)
            (one,) = await here.running.ctx.db.read(numbers.all_of)
            await meta_check.check_number(here.running.ctx, one)
            assert await kinds(here) == shown
        assert (await number(here))["state"] == "active"


async def category(here: Site, **value: Any) -> dict[str, Any]:
    """Tell a change of the template's category; the template as it is shown."""
    name: dict[str, Any] = {"message_template_name": "hello", "message_template_language": "en-US"}
    await tell(here, "template_category_update", **name, **value)
    (shown,) = await here.admin("template.list")
    template: dict[str, Any] = shown
    return template


TEMPLATE = {"id": "1", "name": "hello", "language": "en_US", "status": "APPROVED", "category": "UTILITY"}


async def test_an_announced_category_is_shown_and_the_present_one_stays_until_then(tmp_path: Path) -> None:
    with capture_logs() as events:
        async with site(tmp_path, templates=(TEMPLATE | {"components": []},)) as here:
            await here.admin("template.sync")
            at = in_hours(here, 24)
            coming: dict[str, Any] = {
                "new_category": "UTILITY",
                "correct_category": "MARKETING",
                "category_update_timestamp": at,
            }
            for _ in range(2):
                shown = await category(here, **coming)
                assert (shown["category"], shown["next_category"]) == ("UTILITY", "MARKETING")
                assert shown["next_category_at"] is not None
            checks = (await here.admin("doctor"))["checks"]
            (check,) = [check for check in checks if check["check"] == "category"]
            assert "hello (en_US) moves from UTILITY to MARKETING" in check["detail"]
            await here.admin("template.sync")
            assert (await here.admin("template.list"))[0]["next_category"] == "MARKETING"
            shown = await category(here, previous_category="UTILITY", new_category="MARKETING")
            assert (shown["category"], shown["next_category"]) == ("MARKETING", None)
            shown = await category(here, **coming)  # late
            assert (shown["category"], shown["next_category"]) == ("MARKETING", None)
    names = [event["event"] for event in events if event["event"].startswith("template_category")]
    assert names == ["template_category_change_announced", "template_category_changed"]


async def test_a_sync_forgets_an_announcement_that_came_true_or_is_over(tmp_path: Path) -> None:
    clock = ShiftClock(stopped=True)
    async with site(tmp_path, clock=clock, templates=(TEMPLATE | {"components": []},)) as here:
        await here.admin("template.sync")
        coming: dict[str, Any] = {"new_category": "UTILITY", "correct_category": "MARKETING"}
        await category(here, **coming, category_update_timestamp=in_hours(here, 1))
        clock.advance(MINUTE)
        here.sim.change(templates=[TEMPLATE | {"components": [], "category": "MARKETING"}])
        await here.admin("template.sync")
        assert (await here.admin("template.list"))[0]["next_category"] is None
        here.sim.change(templates=[TEMPLATE | {"components": []}])
        clock.advance(MINUTE)
        await here.admin("template.sync")
        await category(here, **coming, category_update_timestamp=in_hours(here, 1))
        clock.advance(2 * DAY)
        await here.admin("template.sync")
        assert (await here.admin("template.list"))[0]["next_category"] is None
        await template_event(here, "APPROVED")


async def test_an_announced_category_of_a_template_that_was_never_synced_is_logged(tmp_path: Path) -> None:
    with capture_logs() as events:
        async with site(tmp_path) as here:
            coming: dict[str, Any] = {"new_category": "UTILITY", "correct_category": "MARKETING"}
            coming |= {"message_template_name": "new", "message_template_language": "en_US"}
            await tell(here, "template_category_update", **coming)
    found = [event for event in events if event["event"] == "template_category_change_announced"]
    assert [(event["template"], event["category"]) for event in found] == [("new", "MARKETING")]


async def test_a_category_with_a_time_to_come_is_an_announcement(tmp_path: Path) -> None:
    async with site(tmp_path, templates=(TEMPLATE | {"components": []},)) as here:
        await here.admin("template.sync")
        at = in_hours(here, 24)
        shown = await category(here, new_category="MARKETING", category_update_timestamp=at)
        assert (shown["category"], shown["next_category"]) == ("UTILITY", "MARKETING")
        shown = await category(here, new_category="MARKETING", category_update_timestamp=at - 90_000)
        assert (shown["category"], shown["next_category"]) == ("MARKETING", None)


async def test_a_template_that_an_event_names_by_its_id_alone(tmp_path: Path) -> None:
    with capture_logs() as events:
        async with site(tmp_path, templates=(TEMPLATE | {"components": []},)) as here:
            await here.admin("template.sync")
            field, value = "message_template_status_update", {"event": "PAUSED"}
            for meta_id in (2, None, 1):
                assert (await here.admin("template.list"))[0]["status"] == "APPROVED"
                changed: dict[str, Any] = value | {"message_template_id": meta_id}
                await tell(here, field, **changed)
            assert (await here.admin("template.list"))[0]["status"] == "PAUSED"
    assert [event["event"] for event in events].count("template_event_without_name") == 2


async def test_a_notice_leaves_the_daemon_healthy_unless_it_stops_sending(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        await restrict(here, "RESTRICTED_ADD_PHONE_NUMBER_ACTION")
        found = await here.admin("status")
        assert (found["healthy"], len(found["warnings"])) == (True, 1)
        await restrict(here, STOPPED)
        await here.admin("number.resume", id=PHONE_NUMBER_ID)
        found = await here.admin("status")
        assert (found["healthy"], len(found["warnings"])) == (False, 2)


async def test_an_event_that_is_nested_deeply_is_applied_with_all_that_came_with_it(tmp_path: Path) -> None:
    change = {"field": "account_update", "value": {"event": "ACCOUNT_VIOLATION", "more": "DEEP"}}
    payload = {"object": "whatsapp_business_account", "entry": [{"id": WABA_ID, "changes": [change]}]}
    levels = 1000
    body = json.dumps(payload).replace('"DEEP"', '{"a":' * levels + "1" + "}" * levels)
    async with site(tmp_path) as here:
        assert (await post_body(here.hook, body.encode())).status_code == 200
        assert await kinds(here) == ["ACCOUNT_VIOLATION"]
