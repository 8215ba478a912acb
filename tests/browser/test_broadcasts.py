"""A broadcast as people follow and steer it: live, by plain pages, on a phone, by keyboard, in two tabs, on paper."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import OpenWindow
from tests.browser.window import PHONE, Window
from tests.e2e.process import free_ports
from tests.support.clock import ShiftClock
from tests.support.site import Site, people, phones, site

pytestmark = pytest.mark.anyio

BURST = 50
"""What the number sends at once; the others wait until the clock runs."""
FAILING = 3


def count(page: Page, status: str) -> Locator:
    """How many people a row of the funnel shows."""
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=status, exact=True))
    return row.get_by_role("cell").first


async def begin(here: Site, size: int = 200, **fields: Any) -> str:
    """A broadcast of which the first burst is sent, while the clock stands still."""
    here.clock.stop()
    made = await here.send(people(size), name="Spring offer", **fields)
    await here.until(made, lambda shown: shown["sent_count"] + shown["failed_count"] == BURST)
    await here.sim.idle()
    return made


async def finish(here: Site, broadcast: str) -> None:
    """Let the clock run until all is sent and reported."""
    here.clock.go()
    await here.until_status(broadcast, "sent")
    await here.sim.idle()


async def open_broadcast(visitor: Window) -> None:
    """Log in and open the broadcast from the list."""
    await visitor.log_in_by_link()
    await visitor.page.get_by_role("link", name="Spring offer", exact=True).click()
    await expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Spring offer")


@pytest.mark.exhaustive(only=True)
async def test_list_and_page_move_while_it_is_sent(here: Site, window: OpenWindow) -> None:
    broadcast = await begin(here)
    ann = await window(here)
    await open_broadcast(ann)
    page, listed = ann.page, await ann.context.new_page()
    await listed.goto("/broadcasts")
    row = listed.get_by_role("row").filter(has_text="Spring offer")
    for tab in (page, listed):
        await expect(tab.get_by_text("Updates by itself.")).to_be_visible()
        await tab.evaluate("() => { window.loaded = 'once' }")
    await expect(count(page, "sent")).to_have_text("50")
    await expect(row).to_contain_text("150 left")
    await finish(here, broadcast)
    await expect(count(page, "delivered")).to_have_text("200")
    await expect(page.locator("#state")).to_contain_text("sent · finished")
    await expect(row).to_contain_text("100 %")
    await expect(row).not_to_contain_text("left")
    for tab in (page, listed):
        assert await tab.evaluate("() => window.loaded") == "once"


LOOKS: dict[str, dict[str, Any]] = {
    "at a desk": {},
    "without scripts": {"scripts": False},
    "on a phone in the dark": {
        "viewport": PHONE,
        "color_scheme": "dark",
        "has_touch": True,
        "is_mobile": True,
    },
}


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("look", LOOKS)
async def test_pause_resume_failures_retry_export(
    here: Site, window: OpenWindow, tmp_path: Path, look: str
) -> None:
    failing = phones(FAILING, start=100)
    here.sim.change(failed_recipients=[f"{phone}=131026" for phone in failing])
    broadcast = await begin(here)
    ann = await window(here, **LOOKS[look])
    page = ann.page
    await open_broadcast(ann)

    await page.get_by_role("button", name="Pause").click()
    await expect(page.get_by_role("status").first).to_contain_text(
        "Paused: Spring offer. 150 people still waiting"
    )
    await page.reload()
    await expect(count(page, "waiting")).to_have_text("150")
    await page.get_by_role("button", name="Resume for 150 people").click()
    await expect(page.get_by_role("status").first).to_contain_text("Resumed: Spring offer")

    await finish(here, broadcast)
    if not ann.scripts:
        await page.get_by_role("link", name="Reload").click()
    reasons = page.get_by_role("row").filter(has_text="131026")
    await expect(reasons).to_contain_text(str(FAILING))
    here.sim.change(failed_recipients=[])
    await page.get_by_role("link", name="Send again to 3 people who failed").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Send Spring offer again?")
    await page.get_by_role("button", name="Send again to 3 people").click()
    await expect(page.get_by_role("status").first).to_contain_text("goes again to 3 people")
    await finish(here, broadcast)
    await page.reload()
    await expect(count(page, "delivered")).to_have_text("200")
    assert here.sim.ledger.counts()["total"] == 200 + FAILING

    async with page.expect_download() as download:
        await page.get_by_role("link", name="Export (CSV)").click()
    file = tmp_path / "export.csv"
    await (await download.value).save_as(file)
    with file.open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    assert {row["to"] for row in rows} == set(phones(200))
    assert await ann.sideways() == 0


@pytest.mark.exhaustive(only=True)
async def test_what_one_tab_does_the_other_shows_and_offers(here: Site, window: OpenWindow) -> None:
    await begin(here)
    ann = await window(here)
    await open_broadcast(ann)
    other = await ann.context.new_page()
    await other.goto(ann.page.url)
    await expect(other.get_by_text("Updates by itself.")).to_be_visible()
    await ann.page.get_by_role("button", name="Pause").click()
    await other.get_by_role("button", name="Resume for 150 people").click()
    await expect(ann.page.get_by_role("button", name="Pause")).to_be_visible()


@pytest.mark.exhaustive(only=True)
async def test_no_second_press_reload_or_tab_sends_twice(here: Site, window: OpenWindow) -> None:
    here.sim.change(failed_share=1.0)
    here.clock.go()
    broadcast = await here.send(people(20), name="Spring offer")
    await finish(here, broadcast)
    here.sim.change(failed_share=0.0)
    ann = await window(here)
    await open_broadcast(ann)
    address = f"/broadcasts/{broadcast}/retry?of=failed"
    tabs = [ann.page, await ann.context.new_page()]
    for tab in tabs:
        await tab.goto(address)
    await tabs[0].get_by_role("button", name="Send again to 20 people").dblclick()
    await expect(tabs[0].get_by_role("heading", level=1)).to_have_text("Spring offer")
    await tabs[0].reload()
    await tabs[1].get_by_role("button", name="Send again to 20 people").click()
    await expect(tabs[1].get_by_role("heading", level=1)).to_have_text("Spring offer")
    await finish(here, broadcast)
    assert here.sim.ledger.counts()["total"] == 2 * 20


@pytest.mark.exhaustive(only=True)
async def test_the_keyboard_alone_pauses_and_asks_before_it_cancels(here: Site, window: OpenWindow) -> None:
    broadcast = await begin(here)
    ann = await window(here)
    await ann.log_in_by_link()
    page, keys = ann.page, ann.page.keyboard
    await ann.tab_to(page.get_by_role("link", name="Spring offer", exact=True))
    await keys.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Spring offer")
    await ann.tab_to(page.get_by_role("button", name="Pause"))
    await keys.press("Enter")
    await expect(page.get_by_role("status").first).to_contain_text("Paused")
    await ann.tab_to(page.get_by_role("link", name="Cancel for 150 people"))
    await keys.press("Enter")
    await ann.tab_to(page.get_by_role("link", name="Back"))
    await keys.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Spring offer")
    assert (await here.show(broadcast))["status"] == "paused"
    await ann.tab_to(page.get_by_role("link", name="Cancel for 150 people"))
    await keys.press("Enter")
    await ann.tab_to(page.get_by_role("button", name="Cancel for 150 people"))
    await keys.press("Space")
    await expect(page.get_by_role("status").first).to_contain_text("Cancelled: Spring offer")
    assert (await here.show(broadcast))["status"] == "cancelled"


@pytest.mark.exhaustive(only=True)
async def test_a_person_is_found_by_number_and_has_a_history(here: Site, window: OpenWindow) -> None:
    await begin(here)
    ann = await window(here)
    await open_broadcast(ann)
    page = ann.page
    await page.get_by_role("link", name="See each person").click()
    ann.watched.expect(404)
    await page.get_by_label("Number").fill("+1 415 999 9999")
    await page.get_by_role("button", name="Find").click()
    await expect(page.get_by_label("Number")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("Number")).to_have_value("+1 415 999 9999")
    await page.get_by_label("Number").fill("+1 (415) 200-0001")
    await page.get_by_role("button", name="Find").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("+14152000001")
    await expect(page.get_by_role("cell", name=re.compile("delivered"))).to_be_visible()


@pytest.mark.exhaustive(only=True)
async def test_on_paper_there_are_the_numbers_and_no_buttons(here: Site, window: OpenWindow) -> None:
    await begin(here)
    ann = await window(here)
    await open_broadcast(ann)
    await ann.page.emulate_media(media="print")
    await expect(count(ann.page, "sent")).to_be_visible()
    for unused in ("Updates by itself.", "Send again, or duplicate", "As a table"):
        await expect(ann.page.get_by_text(unused)).to_be_hidden()
    for name in ("Pause", "Log out"):
        await expect(ann.page.get_by_role("button", name=name)).to_be_hidden()
    await expect(ann.page.get_by_role("navigation", name="Pages")).to_be_hidden()


@pytest.mark.exhaustive(only=True)
async def test_a_page_says_that_the_daemon_is_gone_and_goes_on_when_it_is_back(
    window: OpenWindow, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    extra = f'[dashboard]\nbind = "127.0.0.1:{port}"\n'
    async with site(tmp_path, extra=extra, clock=ShiftClock()) as before:
        broadcast = await begin(before)
        ann = await window(before)
        await open_broadcast(ann)
        await expect(ann.page.get_by_text("Updates by itself.")).to_be_visible()
        ann.watched.outage = True
    await expect(ann.page.get_by_role("link", name="Reload")).to_be_visible()
    async with site(tmp_path, extra=extra, clock=ShiftClock(), key=before.key) as after:
        await finish(after, broadcast)
        await expect(count(ann.page, "sent")).to_have_text("200")
        await expect(ann.page.get_by_text("Updates by itself.")).to_be_visible()
