"""How a broadcast is sent, as staff choose it in the review and see it on its page: hours, speed, first to a few."""

from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.dashboard.client import Browser, Form
from tests.dashboard.conftest import DASHBOARD, VisitAs
from tests.dashboard.wizard import at, checked, made, upload
from tests.drafts.drafting import TEMPLATES, csv_of
from tests.support.clock import ShiftClock
from tests.support.patience import PATIENCE_S
from tests.support.site import Site, phones, site
from wacrmd.clock import HOUR, MINUTE, parse_iso

pytestmark = pytest.mark.anyio

NIGHT = "2037-12-01T09:00:00Z"
"""A Tuesday, 01:00 in California, where the people of `phones` are."""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    """A site in the night of its people, with the dashboard and templates that take values."""
    clock = ShiftClock(parse_iso(NIGHT))
    async with site(tmp_path, extra=DASHBOARD, templates=TEMPLATES, clock=clock) as made:
        await made.admin("template.sync")
        yield made


PLAN = ("send_between", "spread_over_minutes", "messages_per_second", "canary", "retry_rules", "state")
WITHOUT: dict[str, Any] = dict.fromkeys(PLAN)


async def shown(browser: Browser, path: str) -> str:
    """A page, with its apostrophes as they are read."""
    return unescape((await at(browser, path)).text)


async def reviewed(browser: Browser, people: int) -> str:
    """The address of a draft that can be reviewed."""
    draft = await made(browser)
    await upload(browser, draft, csv_of(people))
    await checked(browser, draft)
    return draft


async def review(browser: Browser, draft: str) -> tuple[str, dict[str, Any]]:
    """The review once the list is checked, and its form as it stands."""
    page = await shown(browser, f"{draft}/review")
    with anyio.fail_after(PATIENCE_S):
        while "being checked" in page:
            await anyio.sleep(0.05)
            page = await shown(browser, f"{draft}/review")
    return page, Form(page, f"{draft}/review").fields


async def plan_of(here: Site, draft: str) -> dict[str, Any]:
    shown = await here.admin("draft.show", id=draft.rpartition("/")[2])
    return {name: shown[name] for name in PLAN}


async def test_a_broadcast_that_is_spread_thinly_says_when_the_last_one_gets_it(
    here: Site, visit_as: VisitAs
) -> None:
    browser = await visit_as("sender", "shop")
    draft = await reviewed(browser, 30)
    uuid = draft.rpartition("/")[2]
    for minutes, told in ((6 * 60, "<td>gets it at about"), (48 * 60, "of 30 get it; the last one at about")):
        await here.admin("draft.change", id=uuid, spread_over_minutes=minutes)
        page, _ = await review(browser, draft)
        assert "at the speed below" in page
        assert told in page


async def test_hours_speed_and_first_few_are_kept_and_other_hours_check_the_list_again(
    here: Site, visit_as: VisitAs
) -> None:
    workdays = {
        "from": "08:00",
        "to": "24:00",
        "days": ["mon", "tue", "wed", "thu", "fri"],
        "zone": "recipient",
    }
    await here.admin("account.set", name="shop", send_between=workdays)
    browser = await visit_as("sender", "shop")
    draft = await reviewed(browser, 30)
    page, form = await review(browser, draft)
    assert (form["hours"], form["hours_from"], form["hours_to"]) == ("1", "08:00", "00:00"), (
        "as the account has it"
    )
    assert form["days"] == workdays["days"]
    assert "because it waits for the hours" in page
    assert 'gets it at about <time datetime="2037-12-01T16:00' in page
    assert "first" not in form

    # what needs no check is kept at once
    answer = await browser.submit(
        f"{draft}/review",
        form | {"spread": "2", "first": "1", "first_count": "10", "first_delivered": "82,5"},
    )
    assert "It is not sent yet" in await browser.follow(answer)
    assert await plan_of(here, draft) == {
        "send_between": workdays,
        "spread_over_minutes": 120,
        "messages_per_second": None,
        "canary": {"count": 10, "wait_minutes": 15, "min_delivered": 0.825, "max_failed": 0.1},
        "retry_rules": None,
        "state": "checked",
    }
    page, form = await review(browser, draft)
    assert (form["spread"], form["spread_unit"], form["first_delivered"]) == ("2", "hours", "82.5")
    assert "what becomes of the first people" in page

    # other hours: it is checked again, also where somebody meant to send it
    answer = await browser.submit(
        f"{draft}/send", form | {"hours_to": "20:00", "days": ["sat", "tue"], "clock": "Europe/Berlin"}
    )
    assert "other hours change how it goes" in await browser.follow(answer)
    page, form = await review(browser, draft)
    assert (await plan_of(here, draft))["send_between"] == {
        "from": "08:00",
        "to": "20:00",
        "days": ["tue", "sat"],
        "zone": "Europe/Berlin",
    }
    assert form["clock"] == "Europe/Berlin"
    assert not here.sim.ledger.entries

    # and away with all of it
    for box in ("hours", "first"):
        form.pop(box)
    await browser.submit(f"{draft}/review", form | {"spread": "", "rate": "0,5"})
    page, form = await review(browser, draft)
    assert await plan_of(here, draft) == {
        "send_between": None,
        "spread_over_minutes": None,
        "messages_per_second": 0.5,
        "canary": None,
        "retry_rules": None,
        "state": "checked",
    }
    assert "at the speed below" in page
    sent = await browser.submit(f"{draft}/send", form)
    assert sent.headers["location"] == f"{draft}/sending"


async def test_a_mistake_is_said_beside_its_field_and_nothing_is_kept(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    draft = await reviewed(browser, 2)
    _, form = await review(browser, draft)
    on = {"hours": "1", "first": "1"}
    for given, field, said in (
        ({"hours_from": "10:00"}, "hours", "tick this box"),
        ({"first_count": "7"}, "first", "tick this box"),
        (on | {"hours_from": "21:00"}, "hours_to", "later on the same day"),
        (on | {"hours_from": "soon"}, "hours_from", "choose a time"),
        (on | {"days": []}, "days", "at least one day"),
        ({"spread": "169"}, "spread", "from 1 to 168"),
        ({"spread": "1.5"}, "spread", "whole number"),
        ({"rate": "nan"}, "rate", "from 0 to 1,000"),
        ({"rate": "0"}, "rate", "from 0 to 1,000"),
        (on | {"first_count": "1001"}, "first_count", "from 1 to 1,000"),
        (on | {"first_delivered": "101"}, "first_delivered", "from 0 to 100"),
        (on | {"first_delivered": "8_0"}, "first_delivered", "from 0 to 100"),
        (on | {"first_failed": "\uff11\uff10"}, "first_failed", "from 0 to 100"),
    ):
        refused = await browser.submit(f"{draft}/send", form | given)
        assert refused.status_code == 400, given
        assert said in refused.text.split(f'id="{field}-error">')[1].split("</p>")[0], given
        assert (
            Form(refused.text, f"{draft}/review").fields.get("hours_from") == {**form, **given}["hours_from"]
        )
    assert (await plan_of(here, draft))["send_between"] is None
    assert not here.sim.ledger.entries


async def test_rules_of_sending_again_are_kept_shown_and_taken_away(here: Site, visit_as: VisitAs) -> None:
    busy = [{"codes": [131049], "after_hours": 48, "times": 3}]
    await here.admin("account.set", name="shop", retry_rules=busy)
    browser = await visit_as("sender", "shop")
    draft = await reviewed(browser, 3)
    page, form = await review(browser, draft)
    assert (form["again"], form["again_codes_1"], form["again_after_1"], form["again_times_1"]) == (
        "1",
        "131049",
        "48",
        "3",
    ), "as the account has it"
    assert form["again_codes_2"] == "", "there is room for one more"
    assert "131049 (not delivered by Meta: this user gets many marketing messages already)" in page

    given = {"again_codes_2": "131026; 131053", "again_after_2": "72"}
    answer = await browser.submit(f"{draft}/review", form | given)
    assert "It is not sent yet" in await browser.follow(answer)
    both = [*busy, {"codes": [131026, 131053], "after_hours": 72, "times": 1}]
    assert await plan_of(here, draft) == WITHOUT | {"retry_rules": both, "state": "checked"}
    page, form = await review(browser, draft)
    assert form["again_codes_3"] == ""
    assert "or an outdated app) or 131053 (the header's media" in page
    assert "3\N{NARROW NO-BREAK SPACE}d later, once" in page

    # the first one emptied is gone
    empty = {"again_codes_1": "", "again_after_1": "", "again_times_1": ""}
    await browser.change(f"{draft}/review", form | empty)
    assert (await plan_of(here, draft))["retry_rules"] == both[1:]
    _, form = await review(browser, draft)
    sent = await browser.submit(f"{draft}/send", form)
    assert sent.headers["location"] == f"{draft}/sending"
    broadcast = draft.rpartition("/")[2]
    await here.until_status(broadcast, "sent")
    page = await shown(browser, f"/broadcasts/{broadcast}")
    assert "again by itself to those to whom it failed because of 131026 (not deliverable" in page

    # and away with all of them, also with those of the account
    other = await reviewed(browser, 3)
    _, form = await review(browser, other)
    form.pop("again")
    await browser.change(f"{other}/review", form)
    assert await plan_of(here, other) == WITHOUT | {"state": "checked"}
    _, form = await review(browser, other)
    await browser.submit(f"{other}/send", form)
    await here.until_status(other.rpartition("/")[2], "sent")
    assert "again by itself" not in await shown(browser, f"/broadcasts/{other.rpartition('/')[2]}")


async def test_a_broadcast_is_sent_again_as_its_rules_say(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    draft = await reviewed(browser, 1)
    _, form = await review(browser, draft)
    given = {"again": "1", "again_codes_1": "131026", "again_after_1": "5", "again_times_1": "1"}
    here.sim.change(failed_recipients=[f"{phones(1)[0]}=131026"])
    await browser.submit(f"{draft}/send", form | given)
    broadcast = draft.rpartition("/")[2]
    await here.until(broadcast, lambda it: (it["hold"] or {}).get("reason") == "waiting_for_retry")
    here.sim.change(failed_recipients=[])
    here.clock.advance(5 * HOUR + MINUTE)
    await here.until(broadcast, lambda it: it["delivered_count"] == 1)


async def test_a_mistake_in_a_rule_is_said_beside_its_field(here: Site, visit_as: VisitAs) -> None:
    browser = await visit_as("operator")
    draft = await reviewed(browser, 2)
    await here.admin(
        "draft.change",
        id=draft.rpartition("/")[2],
        retry_rules=[{"codes": [131049], "times": 2}, {"codes": [131026]}],
    )
    _, form = await review(browser, draft)
    before = await plan_of(here, draft)
    none = {f"again_codes_{row}": "" for row in (1, 2, 3)}
    none |= {f"again_{part}_{row}": "" for part in ("after", "times") for row in (1, 2, 3)}
    unticked = {name: value for name, value in form.items() if name != "again"}
    for given, field, said in (
        (unticked | {"again_codes_1": "131026"}, "again", "tick this box"),
        (form | none, "again_codes_1", "number of a reason, or take the tick away"),
        (form | {"again_codes_2": "no phone"}, "again_codes_2", "such as 131049"),
        (form | {"again_codes_2": "131,049"}, "again_codes_2", "may be the code 131049 or several"),
        (form | {"again_codes_2": "131026, 049"}, "again_codes_2", "begin with no zero"),
        (form | {"again_codes_2": "131"}, "again_codes_2", "131 is none of Meta"),
        (form | {"again_codes_2": ""} | {"again_after_2": "30"}, "again_codes_2", "such as 131049"),
        (form | {"again_codes_3": "130472"}, "again_codes_3", "fails as well"),
        (form | {"again_codes_3": "99999999"}, "again_codes_3", "expected"),
        (
            form | none | {"again_codes_2": "130472", "again_after_2": "24", "again_times_2": "1"},
            "again_codes_2",
            "fails",
        ),
        (form | {"again_codes_3": "131049"}, "again", "each code in one rule"),
        (form | {"again_after_1": "721"}, "again_after_1", "from 1 to 720"),
        (form | {"again_times_2": "11"}, "again_times_2", "from 1 to 10"),
    ):
        refused = await browser.submit(f"{draft}/send", given)
        assert refused.status_code == 400, given
        assert f'id="{field}-error">' in refused.text, (field, refused.text)
        assert said in unescape(refused.text).split(f'id="{field}-error">')[1].split("</p>")[0], given
        assert Form(refused.text, f"{draft}/review").fields["again_after_1"] == given["again_after_1"]
    assert await plan_of(here, draft) == before
    assert not here.sim.ledger.entries


async def test_a_way_of_sending_that_a_colleague_has_kept_is_seen_before_it_is_sent(
    here: Site, visit_as: VisitAs
) -> None:
    ann, ben = await visit_as("operator"), await visit_as("sender", "shop")
    draft = await reviewed(ann, 2)
    _, seen = await review(ann, draft)
    await ben.change(f"{draft}/review", seen | {"first": "1"})
    answer = await ann.submit(f"{draft}/send", seen)
    assert answer.status_code == 409
    assert "changed in another window" in answer.text
    _, seen = await review(ann, draft)
    rules = [{"codes": [131049], "after_hours": 24, "times": 2}]
    await here.admin("draft.change", id=draft.rpartition("/")[2], retry_rules=rules)
    answer = await ann.submit(f"{draft}/send", seen)
    assert answer.status_code == 409
    assert "to those to whom it failed because of 131049" in answer.text, (
        "it comes from elsewhere, and is seen"
    )


async def test_who_may_only_look_sees_how_it_is_sent(here: Site, visit_as: VisitAs) -> None:
    draft = await reviewed(await visit_as("operator"), 2)
    await here.admin(
        "draft.change",
        id=draft.rpartition("/")[2],
        spread_over_minutes=180,
        canary={"count": 1, "wait_minutes": 1},
    )
    page, form = await review(await visit_as("viewer"), draft)
    assert not form
    assert "spread over 3" in page
    assert "first to 1 person; to the others 1 minute later, if at least 80" in page


async def test_the_page_of_a_broadcast_says_how_it_is_sent_and_why_it_waits(
    here: Site, visit_as: VisitAs
) -> None:
    browser = await visit_as("sender", "shop")
    given = [{"to": phone, "params": ["Jane", "A-1"]} for phone in phones(40)]
    hours = {"from": "09:00", "to": "20:00", "days": ["mon", "tue", "wed", "sat"]}
    asleep = await here.send(given, template_name="order_update", send_between=hours)
    await here.until(asleep, lambda it: it["hold"] is not None)
    page = await shown(browser, f"/broadcasts/{asleep}")
    assert "only from 09:00 to 20:00, Monday to Wednesday, Saturday, by each person's own clock" in page
    assert (
        '40 people wait for the hours in which it is sent, the first until <time datetime="2037-12-01T17:00'
        in page
    )
    await here.admin("broadcast.cancel", id=asleep)

    here.sim.change(failed_recipients=[f"{each['to']}=131026" for each in given])
    canary = {"count": 20, "wait_minutes": 5}
    stopped = await here.send(given, name="first a few", template_name="order_update", canary=canary)
    await here.until(stopped, lambda it: it["hold"] is not None and "follow" in it["hold"]["detail"])
    await here.sim.idle()
    page = await shown(browser, f"/broadcasts/{stopped}")
    assert "first to 20 people; to the others 5 minutes later" in page
    assert "of the first 20 people" in page
    here.clock.advance(6 * MINUTE)
    await here.until(stopped, lambda it: it["status"] == "paused")
    page = await shown(browser, f"/broadcasts/{stopped}")
    assert "Of the first 20 people 0 (0 %) have it, to 20 (100 %) it failed" in page
    assert f'href="/broadcasts/{stopped}/recipients?status=failed">See the 20 people' in page
    assert "Send to the other 20 people" in page
    assert "Cancel for the other 20 people" in page
    here.sim.change(failed_recipients=[])
    await browser.change(f"/broadcasts/{stopped}/resume")
    done = await here.until_status(stopped, "sent")
    assert (done["failed_count"], done["pending_count"]) == (20, 0)


async def test_those_of_the_first_who_do_not_have_it_yet_are_a_click_away(
    here: Site, visit_as: VisitAs
) -> None:
    given = [{"to": phone, "params": ["Jane", "A-1"]} for phone in phones(5)]
    here.sim.change(delivered_share=0.0)
    stopped = await here.send(given, template_name="order_update", canary={"count": 2, "wait_minutes": 0})
    await here.until_status(stopped, "paused")
    page = await shown(await visit_as("sender", "shop"), f"/broadcasts/{stopped}")
    assert (
        f'href="/broadcasts/{stopped}/recipients?status=sent">See the 2 people who do not have it yet' in page
    )
    assert "who did not get it" not in page
    assert "first to 2 people; to the others right after them, if" in page


async def test_a_draft_of_a_program_says_when_the_last_one_goes(here: Site, visit_as: VisitAs) -> None:
    given = [{"to": phone, "params": ["Jane", "A-1"]} for phone in phones(3)]
    hours = {"from": "09:00", "to": "20:00"}
    draft = await here.send(
        given, template_name="order_update", name="Orders", draft=True, send_between=hours
    )
    browser = await visit_as("sender", "shop")
    page = await shown(browser, f"/broadcasts/new/{draft}/collecting")
    assert "only from 09:00 to 20:00, by each person's own clock" in page
    assert 'gets it at about <time datetime="2037-12-01T17:00' in page
    asked = await shown(browser, f"/broadcasts/new/{draft}/collecting/send")
    assert 'It starts now, and the last one gets it at about <time datetime="2037-12-01T17:00' in asked


async def test_the_review_says_how_many_get_it_today_where_the_limit_is_near(
    here: Site, visit_as: VisitAs
) -> None:
    await here.admin("number.set", id=here.number["id"], daily_limit=12)
    browser = await visit_as("operator")
    draft = await reviewed(browser, 30)
    page, form = await review(browser, draft)
    assert "because it waits for Meta's limit for your business" in page
    assert (
        '<td class="n">12</td><td>of 30 get it; the last one at about <time datetime="2037-12-03T09:04'
        in page
    )
    await browser.submit(f"{draft}/send", form)
    broadcast = draft.rpartition("/")[2]
    await here.until(broadcast, lambda it: it["hold"] is not None and it["sent_count"] == 12)
    page = await shown(browser, f"/broadcasts/{broadcast}")
    assert (
        "An administrator lets your business write to 12 different people in 24 hours, and it has written to 12."
        in page
    )
    assert "It goes on by itself: the next 12 within an hour from <time" in page
