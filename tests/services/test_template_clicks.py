"""Clicks on links: read from Meta's template analytics where a business account has them, and nowhere switched on."""

import csv
import io
import re
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from tests.dashboard.client import Browser
from tests.support.clock import ShiftClock
from tests.support.site import NUMBER, PHONE_NUMBER_ID, Site, people, site
from wacrmd import periodic_jobs
from wacrmd.clock import DAY, HOUR
from wacrmd.services.statistics.sum_up import sum_up
from wacrmd.services.templates.clicks import ClickReader

pytestmark = [pytest.mark.anyio, pytest.mark.exhaustive(only=True)]

BY_HAND = "[templates]\nclicks_interval_minutes = 0\n[meta]\ncheck_interval_minutes = 0\n"
ALL: dict[str, Any] = {"delivered_share": 1.0, "read_share": 1.0, "clicked_share": 1.0}


def template(name: str, *buttons: dict[str, Any], number: int, **more: Any) -> dict[str, Any]:
    body = {"type": "BODY", "text": "Hi {{1}}"}
    components = [body, {"type": "BUTTONS", "buttons": list(buttons)}] if buttons else [body]
    return {"id": str(number), "name": name, "language": "en_US", "components": components, **more}


SHOP = {"type": "URL", "text": "Shop now", "url": "https://shop.example/"}
HELLO = template("hello", SHOP, number=11)
PLAIN = template("plain", number=12)


@pytest.fixture(autouse=True)
def no_maintenance_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test sums up itself, when it has something to be summed up."""
    monkeypatch.setattr(periodic_jobs, "maintenance", lambda *_: [])


async def stats(here: Site, **query: Any) -> dict[str, Any]:
    answer = await here.api.get("/api/v1/stats", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


async def sent(here: Site, count: int, *, start: int = 0, **fields: Any) -> None:
    broadcast_id = await here.send(people(count, start=start), **fields)
    await here.until_status(broadcast_id, "sent")
    await here.sim.idle()
    await sum_up(here.running.ctx)


def failures(logs: list[Any]) -> list[Any]:
    return [each for each in logs if each["event"] == "template_clicks_failed"]


async def asked_at(here: Site) -> Any:
    def work(tx: Any) -> Any:
        return tx.execute("SELECT is_enabled, asked_at, read_at FROM template_analytics").fetchone()

    return await here.running.ctx.db.read(work)


async def test_people_who_clicked_are_shown_by_template_and_day(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(
        tmp_path, extra=BY_HAND, clock=clock, templates=(HELLO, PLAIN), insights=True, **ALL
    ) as here:
        await here.api.post("/api/v1/templates/sync")
        await sent(here, 8)
        await sent(here, 2, start=100, template_name="plain")
        before = await stats(here, by="template")
        assert {each["clicked_count"] for each in (*before["rows"], before["total"])} == {None}

        await ClickReader(here.running.ctx).read_due(HOUR)
        found = await stats(here, by="template")
        hello, plain = found["rows"]
        assert (hello["clicked_count"], hello["clicked_share"], plain["clicked_count"]) == (8, 1.0, None)
        (link,) = hello["clicks_by_button"]
        assert (link["button"], link["people_count"]) == ("Shop now", 8)
        assert link["click_count"] >= 8
        total = found["total"]
        assert (total["clicked_count"], total["clicked_share"]) == (8, 0.8)
        assert total["clicks_by_button"] == [link]

        days = await stats(here, by="day")
        assert sum(each["clicked_count"] or 0 for each in days["rows"]) == days["total"]["clicked_count"] == 8
        for other in ({"by": "day", "zone": "Asia/Kolkata"}, {"by": "hour"}, {"by": "country"}):
            shown = await stats(here, **other)
            assert {each["clicked_count"] for each in (*shown["rows"], shown["total"])} == {None}
        assert (await stats(here, by="template", template_name="plain"))["total"]["clicked_count"] is None
        assert (await stats(here, by="template", zone="Asia/Kolkata"))["total"]["clicked_count"] == 8

        text = (await here.api.get("/api/v1/stats?by=template&format=csv")).text
        row = next(csv.DictReader(io.StringIO(text)))
        assert (row["clicked_count"], row["clicked_share"], row["clicks_by_button"]) == (
            "8",
            "1.0",
            "Shop now: 8",
        )


async def test_later_clicks_are_read_and_no_count_is_lost_when_meta_resets_its_own(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, extra=BY_HAND, clock=clock, templates=(HELLO,), insights=True, **ALL) as here:
        await here.api.post("/api/v1/templates/sync")
        reader = ClickReader(here.running.ctx)
        here.sim.change(clicked_share=0.0)
        await sent(here, 5)
        await reader.read_due(HOUR)
        assert (await stats(here, by="template"))["total"]["clicked_count"] == 0
        here.sim.change(clicked_share=1.0)
        await reader.read_due(HOUR)
        assert (await stats(here, by="template"))["total"]["clicked_count"] == 0, "it was not due yet"
        clock.advance(DAY)
        await reader.read_due(HOUR)
        assert (await stats(here, by="template"))["total"]["clicked_count"] == 5
        here.sim.ledger.clear()
        clock.advance(DAY)
        await reader.read_due(HOUR)
        here.sim.change(insights=False)
        clock.advance(DAY)
        await reader.read_due(HOUR)
        assert (await stats(here, by="template"))["total"]["clicked_count"] == 5


async def test_without_analytics_one_question_a_day_is_asked_and_nothing_else(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, extra=BY_HAND, clock=clock, templates=(HELLO,), **ALL) as here:
        await here.api.post("/api/v1/templates/sync")
        await sent(here, 3)
        reader = ClickReader(here.running.ctx)
        with capture_logs() as logs:
            await reader.read_due(HOUR)
            first = await asked_at(here)
            clock.advance(DAY - HOUR)
            await reader.read_due(HOUR)
            assert await asked_at(here) == first
            clock.advance(HOUR)
            await reader.read_due(HOUR)
            assert (await asked_at(here))[1] > first[1]
        assert first[0] == 0
        assert not failures(logs)
        assert here.sim.ledger.outcomes["refused"] == 0, "nothing was asked for that Meta would refuse"
        assert not here.sim.options.insights
        assert (await stats(here, by="template"))["total"]["clicked_count"] is None


async def test_a_failure_is_logged_once_and_sends_and_syncs_go_on(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(tmp_path, extra=BY_HAND, clock=clock, templates=(HELLO,), **ALL) as here:
        here.sim.change(phone_numbers=(PHONE_NUMBER_ID,))
        await here.admin("number.add", **NUMBER | {"phone_number_id": "2", "waba_id": "99", "default": False})
        reader = ClickReader(here.running.ctx)
        with capture_logs() as logs:
            for _ in range(3):
                await reader.read_due(HOUR)
                clock.advance(DAY)
        (told,) = failures(logs)
        assert told["business_account"] == "99"
        assert "refused 99" in told["reason"]
        assert {each["state"] for each in await here.admin("number.list")} == {"active"}
        synced = (await here.api.post("/api/v1/templates/sync")).json()["data"]
        assert (synced["templates"], synced["failed"]) == (1, 1)
        await sent(here, 1)


async def test_marketing_messages_are_asked_for_by_their_product_and_added(tmp_path: Path) -> None:
    clock = ShiftClock()
    async with site(
        tmp_path,
        extra=BY_HAND,
        clock=clock,
        templates=(HELLO,),
        insights=True,
        marketing_onboarding="ONBOARDED",
        **ALL,
    ) as here:
        await here.api.post("/api/v1/templates/sync")
        await sent(here, 3)
        await here.admin("number.check", id=here.number["id"])
        await sent(here, 4, start=100)
        assert {each.endpoint for each in here.sim.ledger.entries} == {"messages", "marketing_messages"}
        await ClickReader(here.running.ctx).read_due(HOUR)
        assert (await stats(here, by="template"))["total"]["clicked_count"] == 7


async def test_many_templates_are_asked_for_ten_at_a_time_and_all_pages_are_read(tmp_path: Path) -> None:
    names = [f"offer_{number}" for number in range(13)]
    known = tuple(template(name, SHOP, number=100 + at) for at, name in enumerate(names))
    async with site(tmp_path, extra=BY_HAND, templates=known, insights=True, **ALL) as here:
        await here.api.post("/api/v1/templates/sync")
        for at, name in enumerate(names):
            some = people(4, start=10 * at)
            await here.until_status(await here.send(some, template_name=name), "sent")
        await here.sim.idle()
        for at, entry in enumerate(
            here.sim.ledger.entries
        ):  # four days each: more than one page has of ten templates
            entry.at_ms -= at % 4 * DAY
        await sum_up(here.running.ctx)
        await ClickReader(here.running.ctx).read_due(HOUR)
        found = await stats(here, by="template", **{"from": "5d"})
        assert [each["clicked_count"] for each in found["rows"]] == [4] * 13
        days = await stats(here, by="day", **{"from": "5d"})
        assert len(days["rows"]) >= 4, "also days on which nothing was sent from here"
        assert days["total"]["clicked_count"] == 52


async def test_who_shares_no_business_account_sees_no_clicks_of_others(tmp_path: Path) -> None:
    async with site(tmp_path, extra=BY_HAND, templates=(HELLO,), insights=True, **ALL) as here:
        await here.api.post("/api/v1/templates/sync")
        await sent(here, 2)
        await ClickReader(here.running.ctx).read_due(HOUR)
        await here.admin("account.add", name="rival")
        await here.admin(
            "number.add",
            **NUMBER | {"account": "rival", "phone_number_id": "2", "waba_id": "99", "default": True},
        )
        assert (await here.admin("stats", by="template", account="shop"))["total"]["clicked_count"] == 2
        assert (await here.admin("stats", by="template", account="rival"))["rows"] == []
        assert (await here.admin("stats", by="template"))["total"]["clicked_count"] == 2


async def test_the_page_and_the_command_show_them_where_there_are_any(tmp_path: Path) -> None:
    extra = f'{BY_HAND}[dashboard]\nbind = "127.0.0.1:0"\n'
    async with site(tmp_path, extra=extra, templates=(HELLO,), insights=True, **ALL) as here:
        await here.api.post("/api/v1/templates/sync")
        await sent(here, 4)
        browser = Browser(here)
        await browser.log_in_by_link((await here.admin("dashboard"))["url"])
        command = ("--socket", str(here.socket), "stats", "--by")
        assert "Clicked</th>" not in (await browser.get("/statistics")).text

        await ClickReader(here.running.ctx).read_due(HOUR)
        page = (await browser.get("/statistics")).text
        assert page.count("Clicked</th>") == 2, "by day and by template"
        assert "Shop now" in page
        elsewhere = (await browser.get("/statistics?zone=Asia/Kolkata")).text
        assert elsewhere.count("Clicked</th>") == 1
        assert "Shop now" in elsewhere
        await browser.http.aclose()
        shown = await run(*command, "template")
        assert re.search(r"hello +en_US.* 4 \(100 %\) ", shown)
        assert re.search(r"\n +4 +\d +Shop now\n", shown)
        assert "Shop now" not in await run(*command, "hour")


async def run(*arguments: str) -> str:
    """What a command prints."""
    done = await anyio.run_process([sys.executable, "-m", "wacrmd.cli.entry", *arguments])
    return done.stdout.decode()
