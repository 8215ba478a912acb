"""How a broadcast is sent, chosen in the review: only in some hours, first to a few; its page says why it waits."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser import axe
from tests.browser.conftest import OpenWindow
from tests.browser.test_broadcasts import LOOKS
from tests.browser.test_new_broadcast import LIST, PEOPLE, check_list, choose_template, upload
from tests.browser.window import DASHBOARD, PHONE
from tests.support.clock import ShiftClock
from tests.support.site import Site, site
from wacrmd.clock import HOUR, MINUTE, parse_iso
from wacrmd.demo.templates import TEMPLATES

pytestmark = pytest.mark.anyio

NIGHT = "2027-03-02T09:00:00Z"
"""A Tuesday, 01:00 in California, where the people are."""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    """A site in the night of its people."""
    async with site(
        tmp_path, extra=DASHBOARD, clock=ShiftClock(parse_iso(NIGHT)), templates=TEMPLATES
    ) as made:
        await made.admin("template.sync", account="shop")
        yield made


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("look", LOOKS)
async def test_hours_and_first_few_from_the_review_to_the_end(
    here: Site, window: OpenWindow, look: str
) -> None:
    ann = await window(here, **LOOKS[look])
    page = ann.page
    await ann.log_in_by_link()
    await choose_template(page)
    await upload(page, LIST)
    await check_list(page)
    await page.get_by_role("link", name="Review and send").click()
    await page.get_by_text("How it is sent").click()
    hours, first = (
        page.get_by_label("Only in these hours"),
        page.get_by_label("Send it to a few people first"),
    )
    await page.get_by_label("From", exact=True).fill("10:30")
    await page.get_by_label("Sunday").uncheck()
    await page.get_by_label("How many people").fill("20")
    if not ann.scripts:
        await hours.check()
        await first.check()
    await expect(hours).to_be_checked()
    await expect(first).to_be_checked()
    await page.get_by_label("How many people").press("Enter")  # it only keeps what is entered

    await expect(page.get_by_role("status").first).to_contain_text("other hours change how it goes")
    last = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="the last one"))
    await expect(last).to_contain_text("gets it at about")
    await expect(page.get_by_label("From", exact=True)).to_have_value("10:30")
    await expect(page.get_by_label("Sunday")).not_to_be_checked()
    await expect(page.get_by_label("How many people")).to_have_value("20")
    assert await ann.sideways() == 0
    if ann.scripts:
        assert await axe.findings(page) == []
    assert here.sim.ledger.entries == []

    here.sim.change(failed_recipients=[f"{each}=131026" for each in PEOPLE])
    await page.get_by_role("button", name="Send to 60 people").click()
    state = page.locator("#state")
    await expect(state).to_contain_text("people wait for the hours in which it is sent, the first until")
    await expect(page.get_by_role("list").filter(has_text="only from 10:30")).to_contain_text(
        "Monday to Saturday"
    )
    here.clock.advance(10 * HOUR)
    (broadcast,) = await here.admin("broadcast.list")
    await here.until(broadcast["id"], lambda it: it["failed_count"] == 20)
    here.clock.advance(16 * MINUTE)
    await here.until_status(broadcast["id"], "paused")
    if not ann.scripts:
        await page.reload()
    await expect(state).to_contain_text("Of the first 20 people 0 (0 %) have it, to 20 (100 %) it failed")
    assert await ann.sideways() == 0
    if ann.scripts:
        assert await axe.findings(page) == []
    await page.get_by_role("link", name="See the 20 people").click()
    await page.go_back()
    here.sim.change(failed_recipients=[])
    await page.get_by_role("button", name="Send to the other 40 people").click()
    await here.until_status(broadcast["id"], "sent")
    assert len({entry.send.input for entry in here.sim.ledger.entries}) == 60


@pytest.mark.exhaustive(only=True)
async def test_a_box_is_ticked_by_what_is_typed_below_it_and_unticked_takes_it_back(
    here: Site, window: OpenWindow
) -> None:
    ann = await window(here)
    page = ann.page
    await ann.log_in_by_link()
    await choose_template(page)
    await upload(page, LIST)
    await check_list(page)
    await page.get_by_role("link", name="Review and send").click()
    await page.get_by_text("How it is sent").click()
    box = page.get_by_label("Only in these hours")
    await page.get_by_label("By the clock of").select_option("Europe/Berlin")
    await page.get_by_label("To", exact=True).fill("18:00")
    await page.get_by_label("Sunday").uncheck()
    await expect(box).to_be_checked()
    await box.uncheck()
    await expect(page.get_by_label("To", exact=True)).to_have_value("20:00")
    await expect(page.get_by_label("By the clock of")).to_have_value("recipient")
    await expect(page.get_by_label("Sunday")).to_be_checked()
    again = page.get_by_label("Send it again to those to whom it failed")
    first, second = (page.get_by_role("group", name=f"Rule {row}") for row in (1, 2))
    await second.get_by_label("Numbers of the reasons").fill("131026")
    await expect(again).to_be_checked()
    await again.uncheck()
    await expect(second.get_by_label("Numbers of the reasons")).to_have_value("")
    await first.get_by_label("How often at most").fill("3")
    await expect(again).to_be_checked()
    await page.get_by_role("button", name="Keep it for later").click()
    await expect(page.get_by_role("status")).to_contain_text("Kept. It is not sent yet")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="again by itself"))
    await expect(row).to_contain_text("131049 (not delivered by Meta")
    await expect(row).to_contain_text("3 times at most")
    await page.set_viewport_size(PHONE)
    assert await ann.sideways() == 0
    assert await axe.findings(page) == []
