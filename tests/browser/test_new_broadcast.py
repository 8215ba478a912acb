"""A list becomes a broadcast, in four steps: at a desk, without scripts, on a phone, by the keyboard alone."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import anyio
import pytest
from playwright.async_api import FilePayload, Locator, Page, expect

from tests.browser.conftest import OpenWindow
from tests.browser.test_broadcasts import LOOKS, count
from tests.browser.window import DASHBOARD
from tests.support.clock import ShiftClock
from tests.support.site import Site, phones, site
from wacrmd.demo.templates import TEMPLATES

pytestmark = pytest.mark.anyio

YEAR = (datetime.now(UTC) + timedelta(days=184)).year
"""Its first of July is still to come, within a year."""
OWN = "+14155550199"
"""A number of the sender's own."""
LINES = """cell => {
    const text = document.createRange();
    text.selectNodeContents(cell);
    return new Set([...text.getClientRects()].map(each => each.bottom)).size;
}"""
"""On how many lines the text of a cell stands."""
PEOPLE = phones(60)
LIST = "\n".join(
    [
        "phone;first name;discount",
        *(f"{phone};{name};20 %" for phone, name in zip(PEOPLE, ["Jane", "Ali"] * 30, strict=True)),
        "+1415;Tom;20 %",
        f"{PEOPLE[0]};Jane again;20 %",
        "",
    ]
)
"""As a spreadsheet in Europe saves it: one number cannot be used, one is there twice."""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    """A site with templates."""
    async with site(tmp_path, extra=DASHBOARD, clock=ShiftClock(), templates=TEMPLATES) as made:
        await made.admin("template.sync", account="shop")
        yield made


async def choose_template(page: Page) -> None:
    """From the list of broadcasts to the second step."""
    await page.get_by_role("link", name="New broadcast").click()
    await page.get_by_role("button", name="Use spring_offer").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("To whom?")


async def upload(page: Page, text: str) -> None:
    """Give the list as a file."""
    file = FilePayload(name="customers.csv", mimeType="text/csv", buffer=text.encode())
    await page.get_by_label("A CSV file").set_input_files(file)
    await page.get_by_role("button", name="Upload the list").click()
    await expect(page.get_by_role("heading", name="What the columns mean")).to_be_visible()


async def check_list(page: Page) -> None:
    """Say what the columns mean, and check the list."""
    await page.get_by_label("Phone number").select_option(label="phone")
    placeholders = page.get_by_label("comes from")
    await placeholders.nth(0).select_option(label="first name")
    await placeholders.nth(1).select_option(label="discount")
    await page.get_by_role("button", name="Check the list").click()
    await expect(page.get_by_role("link", name="Next: look at the message")).to_be_visible()


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("look", LOOKS)
async def test_a_list_is_uploaded_checked_tried_and_sent(here: Site, window: OpenWindow, look: str) -> None:
    ann = await window(here, **LOOKS[look])
    page = ann.page
    await ann.log_in_by_link()
    await choose_template(page)
    await upload(page, LIST)
    await check_list(page)
    for words, number in (("get the message", 60), ("cannot be used", 1), ("are there twice", 1)):
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=words, exact=True))
        await expect(row.get_by_role("cell").first).to_have_text(str(number))
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download these lines").first.click()
    left_out = await anyio.Path(await (await download.value).path()).read_text()
    assert "+1415" in left_out
    assert "Jane again" not in left_out
    assert await ann.sideways() == 0

    await page.get_by_role("link", name="Next: look at the message").click()
    bubble = page.get_by_role("group", name="The message as WhatsApp shows it")
    await expect(bubble).to_contain_text("Hello Jane, all tulips are 20 % cheaper")
    await page.get_by_role("link", name="Next", exact=True).click()
    await expect(bubble).to_contain_text("Hello Ali, all tulips are 20 % cheaper")
    await page.reload()
    await expect(bubble).to_contain_text("Hello Ali")
    await page.get_by_label("A number of your own").fill(OWN)
    await page.get_by_role("button", name="Send the test").click()
    await expect(page.get_by_role("status").first).to_contain_text(f"The test goes to {OWN}")
    assert await ann.sideways() == 0

    await page.get_by_role("link", name="Next: review and send").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Look at it once more")
    await page.go_back()
    await expect(bubble).to_contain_text("Hello Ali")
    await page.go_forward()
    await page.reload()
    await page.get_by_label("Name").fill("Tulips")
    assert await ann.sideways() == 0
    people = page.get_by_role("row", name="get the message").get_by_role("cell", name="60", exact=True)
    assert await people.evaluate(LINES) == 1
    await page.get_by_role("button", name="Send to 60 people").dblclick()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Tulips")
    if ann.scripts:
        await expect(count(page, "delivered")).to_have_text("60")
    await page.go_back()
    await page.reload()

    (broadcast,) = [each for each in await here.admin("broadcast.list") if each["name"] == "Tulips"]
    await here.until_status(broadcast["id"], "sent")
    await here.sim.idle()
    sent = [entry.send.input for entry in here.sim.ledger.entries]
    assert sorted(sent) == sorted([*PEOPLE, OWN])


@pytest.mark.exhaustive(only=True)
async def test_enter_in_a_field_of_the_review_sends_nothing(here: Site, window: OpenWindow) -> None:
    ann = await window(here)
    await ann.log_in_by_link()
    await choose_template(ann.page)
    await upload(ann.page, LIST)
    await check_list(ann.page)
    await ann.page.get_by_role("link", name="Review and send").click()
    await ann.page.get_by_label("Name", exact=True).fill("Spring sale")
    await ann.page.get_by_label("Name", exact=True).press("Enter")
    await expect(ann.page.get_by_text("Kept. It is not sent yet.")).to_be_visible()
    await expect(ann.page.get_by_label("Name", exact=True)).to_have_value("Spring sale")
    assert here.sim.ledger.entries == []


@pytest.mark.exhaustive(only=True)
async def test_the_keyboard_alone_gets_through_all_steps(here: Site, window: OpenWindow) -> None:
    ann = await window(here)
    page, keys = ann.page, ann.page.keyboard

    async def press(role: Literal["link", "button"], name: str) -> None:
        await ann.tab_to(page.get_by_role(role, name=name, exact=True))
        await keys.press("Enter")

    async def choose(field: Locator, words: str) -> None:
        await ann.tab_to(field)
        await keys.type(words)

    await ann.log_in_by_link()
    await press("link", "New broadcast")
    await press("button", "Use spring_offer")
    await ann.tab_to(page.get_by_label("Or paste the lines here"))
    await keys.insert_text(LIST)
    await press("button", "Upload the list")
    await choose(page.get_by_label("Phone number"), "phone")
    await choose(page.get_by_label("comes from").nth(0), "first")
    await choose(page.get_by_label("comes from").nth(1), "disc")
    await press("button", "Check the list")
    await press("link", "Next: look at the message")
    await expect(page.get_by_role("group", name="The message as WhatsApp shows it")).to_contain_text(
        "Hello Jane"
    )
    await press("link", "Next: review and send")
    await press("button", "Send to 60 people")
    await expect(page.get_by_role("heading", level=1)).to_have_text("spring_offer")
    await expect(count(page, "delivered")).to_have_text("60")


@pytest.mark.exhaustive(only=True)
async def test_what_another_tab_has_changed_is_not_sent_unseen(here: Site, window: OpenWindow) -> None:
    ann = await window(here)
    await ann.log_in_by_link()
    await choose_template(ann.page)
    await upload(ann.page, LIST)
    await check_list(ann.page)
    draft = ann.page.url.partition("#")[0].removesuffix("/people")
    await ann.page.goto(f"{draft}/review")
    other = await ann.context.new_page()
    await other.goto(f"{draft}/people")
    await other.get_by_text("Take another list").click()
    await upload(other, "phone,first name,discount\n+14152000999,Olu,50 %\n")
    await check_list(other)
    ann.watched.expect(409)
    await ann.page.get_by_role("button", name="Send to 60 people").click()
    await expect(ann.page.get_by_role("alert")).to_contain_text("changed in another window")
    await expect(ann.page.get_by_role("button", name="Send to 1 person")).to_be_visible()
    assert here.sim.ledger.counts()["total"] == 0


@pytest.mark.exhaustive(only=True)
async def test_a_time_is_that_of_the_person_and_the_broadcast_waits(here: Site, window: OpenWindow) -> None:
    ann = await window(here)
    page = ann.page
    await ann.log_in_by_link()
    await choose_template(page)
    await upload(page, LIST)
    await check_list(page)
    await page.get_by_role("link", name="Next: look at the message").click()
    await page.get_by_role("link", name="Next: review and send").click()
    await expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")
    await page.get_by_label("At", exact=True).check()
    await page.get_by_label("Day and time").fill(f"{YEAR}-07-01T09:30")
    await page.get_by_role("button", name="Send to 60 people").click()
    await expect(page.locator("#state")).to_contain_text(f"starts 1 Jul {YEAR}, 09:30")
    (broadcast,) = await here.admin("broadcast.list")
    assert broadcast["scheduled_at"] == f"{YEAR}-07-01T07:30:00.000Z"


@pytest.mark.exhaustive(only=True)
async def test_a_kept_time_is_the_same_when_the_page_is_opened_again(here: Site, window: OpenWindow) -> None:
    ann = await window(here)
    page = ann.page
    await ann.log_in_by_link()
    await choose_template(page)
    await upload(page, LIST)
    await check_list(page)
    await page.get_by_role("link", name="Next: look at the message").click()
    await page.get_by_role("link", name="Next: review and send").click()
    await page.get_by_label("Day and time").fill(f"{YEAR}-07-01T09:30")
    await expect(page.get_by_label("At", exact=True)).to_be_checked()
    await page.get_by_role("button", name="Keep it for later").click()
    await expect(page.get_by_role("status")).to_contain_text("Kept")
    await page.reload()
    await expect(page.get_by_label("Day and time")).to_have_value(f"{YEAR}-07-01T09:30")
    await expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")
    ann.watched.expect(400)
    await page.get_by_label("Time zone").select_option("America/New_York")
    await page.get_by_label("Day and time").fill("2020-07-01T09:30")
    await page.get_by_role("button", name="Send to 60 people").click()
    await expect(page.get_by_label("Time zone")).to_have_value("America/New_York")
    await expect(page.get_by_label("Day and time")).to_have_accessible_description(re.compile("in the past"))
    await page.get_by_label("Day and time").fill(f"{YEAR}-07-01T09:30")
    await page.get_by_label("Now", exact=True).check()
    await expect(page.get_by_label("Day and time")).to_have_value("")
    await page.get_by_label("Day and time").fill(f"{YEAR}-07-01T09:30")
    await page.get_by_role("button", name="Send to 60 people").click()
    await expect(page.locator("#state")).to_contain_text(f"starts 1 Jul {YEAR}, 15:30")
    assert here.sim.ledger.counts()["total"] == 0


@pytest.mark.exhaustive(only=True)
async def test_without_a_file_the_field_says_so(here: Site, window: OpenWindow) -> None:
    ann = await window(here)
    await ann.log_in_by_link()
    await choose_template(ann.page)
    ann.watched.expect(400)
    await ann.page.get_by_role("button", name="Upload the list").click()
    field = ann.page.get_by_label("A CSV file")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_accessible_description(re.compile("choose a file, or paste a list"))


@pytest.mark.exhaustive(only=True)
async def test_an_upload_that_breaks_off_says_so(here: Site, window: OpenWindow) -> None:
    ann = await window(here)
    page = ann.page
    await ann.log_in_by_link()
    await choose_template(page)
    ann.watched.outage = True
    await page.route("**/people/file", lambda route: route.abort("connectionreset"))
    file = FilePayload(name="customers.csv", mimeType="text/csv", buffer=LIST.encode())
    await page.get_by_label("A CSV file").set_input_files(file)
    button = page.get_by_role("button", name="Upload the list")
    for _ in range(2):
        await button.click()
        await expect(page.get_by_role("alert")).to_have_count(1)
        await expect(page.get_by_role("alert")).to_contain_text("The list did not arrive")
        await expect(button).to_be_enabled()
        await expect(page.get_by_role("progressbar")).to_be_hidden()
    await page.unroute("**/people/file")
    await button.click()
    await expect(page.get_by_role("heading", name="What the columns mean")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_after_an_upload_the_keyboard_is_at_what_comes_next(here: Site, window: OpenWindow) -> None:
    ann = await window(here)
    page = ann.page
    await ann.log_in_by_link()
    await choose_template(page)
    for _ in range(2):
        ann.watched.expect(400)
    wrong = FilePayload(name="customers.xlsx", mimeType="text/csv", buffer=b"PK\x03\x04" + bytes(100))
    await page.get_by_label("A CSV file").set_input_files(wrong)
    await page.get_by_role("button", name="Upload the list").click()
    await expect(page.locator("#file-error")).to_be_visible()
    await expect(page.get_by_label("A CSV file")).to_be_focused()
    await upload(page, LIST)
    await expect(page.get_by_role("heading", name="What the columns mean")).to_be_focused()
    # A form that no script sends: its page comes with the mistake.
    await page.get_by_label("Country of numbers without +").fill("XX")
    await page.get_by_role("button", name="Check the list").click()
    await expect(page.get_by_label("Country of numbers without +")).to_be_focused()
