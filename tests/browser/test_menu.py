"""The menu: one line at each width and size of text, by mouse, keyboard and thumb, with and without scripts."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import ViewportSize, expect

from tests.browser import axe
from tests.browser.conftest import OpenWindow
from tests.browser.window import DASHBOARD, DESK, PASSWORD, PHONE, Window
from tests.support.site import Site, site
from wacrmd.dashboard.frame import OFTEN, SELDOM

pytestmark = pytest.mark.anyio

LONG_NAME = "annegret-" * 7
WIDTHS = (320, 360, 641, 768, 900, 959, 961, 1024, 1150, 1280, 1920)
TEXT_SIZES = (12, 16, 20, 24, 32)
"""Pixels, as people choose them in the browser's settings; 16 is usual."""


@pytest.fixture(scope="module")
async def here(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The site at which the menu is looked at."""
    async with site(tmp_path_factory.mktemp("site"), extra=DASHBOARD) as made:
        await made.admin("user.add", name=LONG_NAME, role="operator", password=PASSWORD)
        await made.admin("user.add", name="ben", role="sender", accounts=["shop"], password=PASSWORD)
        yield made


LINES = """() => {
    const boxes = [...document.querySelectorAll("header.site :is(strong, summary, a, button)")]
        .flatMap((each) => [...each.getClientRects()]).filter((box) => box.width);
    return [boxes.length, Math.min(...boxes.map((box) => box.bottom)) - Math.max(...boxes.map((box) => box.top))];
}"""
"""How much is seen, and by how many pixels it stands on one line: below 0 it has more than one."""


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("name", ["root", LONG_NAME, "ben"])
async def test_the_menu_is_one_line_at_each_width_and_size_of_text(
    here: Site, window: OpenWindow, name: str
) -> None:
    at = await window(here)
    await (at.log_in_by_link() if name == "root" else at.log_in(name))
    for pixels in TEXT_SIZES:
        async with at.text_size(pixels):
            await at.page.goto("/account")
            size = await at.page.evaluate("getComputedStyle(document.querySelector('main td')).fontSize")
            assert size == f"{pixels}px", "text has the size that the reader has chosen"
            for width in WIDTHS:
                await check(at, pixels, width)


async def check(at: Window, pixels: int, width: int) -> None:
    await at.page.set_viewport_size(ViewportSize(width=width, height=800))
    shown, common = await at.page.evaluate(LINES)
    assert common > 0, (pixels, width)
    assert await at.sideways() == 0, (pixels, width)
    if width > 60 * pixels:
        assert shown >= len(OFTEN) + 4, (pixels, width)  # the name, More, who it is, and out
    else:
        assert shown == 2, (pixels, width)


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_what_is_seldom_used_is_below_one_entry_by_the_keyboard_too(
    here: Site, window: OpenWindow, scripts: bool
) -> None:
    at = await window(here, scripts=scripts)
    await at.log_in_by_link()
    page = at.page
    menu = page.get_by_role("navigation", name="Pages", exact=True)
    more = page.locator("summary").filter(has_text="More")
    for _, name, _ in OFTEN:
        await expect(menu.get_by_role("link", name=name, exact=True)).to_be_visible()
    for _, name, _ in SELDOM:
        await expect(page.get_by_role("link", name=name, exact=True)).to_be_hidden()
    height = await page.evaluate("document.querySelector('header.site').offsetHeight")
    await at.tab_to(more)
    await page.keyboard.press("Enter")
    for _, name, _ in SELDOM:
        await expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
    assert await page.evaluate("document.querySelector('header.site').offsetHeight") == height
    assert await at.sideways() == 0
    if scripts:
        assert await axe.findings(page) == []
        await page.keyboard.press("Tab")
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("link", name="Keys", exact=True)).to_be_hidden()
        await expect(more).to_be_focused()
        await page.keyboard.press("Space")
        await page.locator("h1").click()
        await expect(page.get_by_role("link", name="Keys", exact=True)).to_be_hidden()
        await more.press("Enter")
    await at.tab_to(page.get_by_role("link", name="Keys", exact=True))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Keys", level=1)).to_be_visible()
    await expect(page.get_by_role("link", name="Keys", exact=True)).to_be_hidden()
    await expect(more).to_have_attribute("aria-current", "true")
    await more.click()
    await expect(page.get_by_role("link", name="Keys", exact=True)).to_have_attribute("aria-current", "page")


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_where_it_is_folded_everything_is_below_it(
    here: Site, window: OpenWindow, scripts: bool
) -> None:
    at = await window(here, scripts=scripts, viewport=PHONE, has_touch=True)
    await at.log_in_by_link()
    page = at.page
    for size in (PHONE, ViewportSize(width=768, height=1024)):
        await page.set_viewport_size(size)
        await page.goto("/broadcasts")
        await page.get_by_text("Menu", exact=True).tap()
        for _, name, _ in (*OFTEN, *SELDOM):
            link = page.get_by_role("link", name=name, exact=True)
            await expect(link).to_be_visible()
            box = await link.bounding_box()
            assert box
            assert box["height"] >= 24, "a thumb finds it"
        await expect(page.locator("summary").filter(has_text="More")).to_be_hidden()
        assert await at.sideways() == 0
        if scripts:
            assert await axe.findings(page) == []
        await page.get_by_role("link", name="Users", exact=True).tap()
        await expect(page.get_by_role("heading", name="Users", level=1)).to_be_visible()


async def test_the_present_page_is_marked_at_its_entry_or_at_more(here: Site, window: OpenWindow) -> None:
    at = await window(here, viewport=DESK)
    await at.log_in("ben")
    line = "(each) => getComputedStyle(each).borderBottomColor"
    marked = await at.page.get_by_role("link", name="Broadcasts", exact=True).evaluate(line)
    more = at.page.locator("summary").filter(has_text="More")
    assert await more.evaluate(line) != marked
    await at.page.goto("/keys")
    assert await more.evaluate(line) == marked
