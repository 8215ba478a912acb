"""Pages that move by themselves, in a browser: they disturb nobody, and without a script nothing is lost."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import OpenWindow
from tests.support.site import Site, people
from wacrmd.clock import HOUR, iso

pytestmark = pytest.mark.anyio

COUNT_TIMES_IN_UTC = """() => {
  window.timesInUtc = 0;
  new MutationObserver(() => requestAnimationFrame(() => {
    window.timesInUtc += document.querySelectorAll("#timeline time:not([data-local])").length;
  })).observe(document.body, { childList: true, subtree: true });
}"""
"""What a frame shows is looked at after each change: times flicker if they are put into the reader's zone later."""


async def test_a_page_moves_and_keeps_the_focus_and_what_is_open(here: Site, window: OpenWindow) -> None:
    number = here.number["phone_number_id"]
    # It would take minutes: on a busy machine a page is read again seldom, and all must be seen while it is sent.
    await here.admin("number.set", id=number, messages_per_second=5)
    await here.admin("number.pause", id=number)
    made = await here.send(people(600), name="Spring")
    at = await window(here)
    await at.log_in_by_link()
    page = at.page
    await page.goto(f"/broadcasts/{made}")
    await page.wait_for_selector("text=Updates by itself")
    await page.evaluate(COUNT_TIMES_IN_UTC)
    await page.click("summary:has-text('As a table')")
    await page.focus("#do-pause-all")
    await here.admin("number.resume", id=number)
    await page.wait_for_selector("#speed:has-text('people a second')")
    await page.wait_for_selector("#chart canvas")
    await page.locator("table[data-chart] tbody tr").nth(3).wait_for()
    assert await page.evaluate("document.activeElement.id") == "do-pause-all"
    await expect(page.locator("table[data-chart]")).to_be_visible()
    assert await page.evaluate("window.timesInUtc") == 0
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Resume for")
    shown = await here.show(made)
    assert shown["status"] == "paused"
    await here.admin("number.set", id=number, messages_per_second=500)
    await page.click("text=Resume for")
    await page.wait_for_selector("#state:has-text('finished')")
    await page.wait_for_selector("#timeline time[data-local]", state="attached")


@pytest.mark.exhaustive(only=True)
async def test_a_row_of_the_list_moves(here: Site, window: OpenWindow) -> None:
    made = await here.send(people(3), name="Spring", scheduled_at=iso(here.clock.now() + HOUR))
    at = await window(here)
    await at.log_in_by_link()
    await at.page.wait_for_selector("text=Updates by itself")
    await at.page.focus(f'a[href="/broadcasts/{made}"]')
    await here.admin("broadcast.pause", id=made)
    await at.page.wait_for_selector(f"#s-{made} >> text=paused")
    await at.page.wait_for_selector(f"#a-{made} >> text=Resume")
    assert await at.page.evaluate("document.activeElement.textContent") == "Spring"
    await here.send(people(3), name="Autumn", scheduled_at=iso(here.clock.now() + HOUR))
    await at.page.wait_for_selector("#broadcasts >> text=Autumn")


@pytest.mark.exhaustive(only=True)
async def test_a_page_says_that_it_stands_still_when_the_session_has_ended(
    here: Site, window: OpenWindow
) -> None:
    await here.admin("user.add", name="cleo", role="viewer", password="correct horse battery")
    at = await window(here)
    await at.log_in("cleo")
    await at.page.wait_for_selector("text=Updates by itself")
    await here.admin("user.logout", name="cleo")
    await at.page.wait_for_selector("text=for the newest numbers")
    await at.page.click("text=Reload")
    await at.page.wait_for_url("**/login?next=**")


async def test_without_a_script_there_is_a_link_and_a_table(here: Site, window: OpenWindow) -> None:
    made = await here.send(people(5), name="Spring")
    await here.until_status(made, "sent")
    at = await window(here, scripts=False)
    await at.log_in_by_link()
    page = at.page
    await page.goto(f"/broadcasts/{made}")
    await expect(page.locator("text=for the newest numbers")).to_be_visible()
    await expect(page.locator("text=Updates by itself")).to_be_hidden()
    await page.click("summary:has-text('As a table')")
    await expect(page.locator("table[data-chart] >> text=delivered").first).to_be_visible()
    await page.click(".live a")
    await page.wait_for_url(f"**/broadcasts/{made}")


@pytest.mark.exhaustive(only=True)
async def test_a_draft_of_a_program_moves_and_keeps_the_focus(here: Site, window: OpenWindow) -> None:
    made = await here.send(people(3), name="Orders", draft=True)
    at = await window(here)
    await at.log_in_by_link()
    page = at.page
    await page.goto(f"/broadcasts/new/{made}")
    await page.wait_for_selector("text=Updates by itself")
    await page.focus("#do-send")
    for count, more in ((4, people(1, 50)), (6, people(2, 60))):
        await here.api.post(f"/api/v1/broadcasts/{made}/recipients", json={"recipients": more})
        await expect(page.locator("#do-send")).to_have_text(f"Send to {count} people …")
        assert await page.evaluate("document.activeElement.id") == "do-send"
    await here.api.post(f"/api/v1/broadcasts/{made}/send")
    await expect(page.locator("#do-send")).to_have_count(0)
    await page.click("text=see what became of it")
    await page.wait_for_url(f"**/broadcasts/{made}")


WRITTEN = """
const canvas = CanvasRenderingContext2D.prototype, fill = canvas.fillText;
window.written = [];
canvas.fillText = function (text, ...rest) { written.push(text); return fill.call(this, text, ...rest); };
"""
"""Keeps what is written into pictures."""


WIDEST = """
() => {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = FONT;
  return Math.max(...written.filter((text) => text.includes(":")).map((text) => pen.measureText(text).width));
}
"""
"""How wide the widest time is that the chart has written."""


@pytest.mark.exhaustive(only=True)
@pytest.mark.parametrize(("locale", "days"), [("de-DE", r"\d+\. \S+"), ("en-US", r"\w+ \d+")])
async def test_a_chart_has_times_in_the_language_of_whoever_looks(
    here: Site, window: OpenWindow, locale: str, days: str
) -> None:
    made = await here.send(people(3))
    await here.until(made, lambda shown: shown["delivered_count"] == 3)
    at = await window(here, locale=locale)
    await at.context.add_init_script(WRITTEN)
    await at.log_in_by_link()
    await at.page.goto(f"/broadcasts/{made}")
    await at.page.wait_for_selector("#chart canvas")
    await at.page.wait_for_function("written.some((text) => text.includes(':'))")
    written = await at.page.evaluate("written")
    halves = [text for text in written if re.search("[ap]m", text, re.IGNORECASE)]
    assert bool(halves) == (locale == "en-US"), written
    assert any(re.fullmatch(days, text) for text in written), written
    # The hour that comes twice when summer time ends, and no label wider than its room.
    autumn = [1792886400 + 3600 * hour for hour in range(-2, 4)]
    named = [text for text in await at.page.evaluate("(at) => ticks(null, at, 0, 0, 3600)", autumn) if text]
    assert len(set(named)) == len(named), named
    widest = await at.page.evaluate(WIDEST)
    assert widest < await at.page.evaluate("room()"), "labels do not touch each other"
