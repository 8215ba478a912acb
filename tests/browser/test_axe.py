"""Nobody is shut out of a page: axe-core finds nothing, in both colour schemes, on a phone, and text may be large."""

import hashlib
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, ViewportSize

from tests.browser import axe
from tests.browser.pages import OUT_OF_SIGHT, PATHS, is_page
from tests.browser.shop import Shop, shop
from tests.browser.window import DESK, PHONE, Window


@pytest.fixture(scope="module")
async def place(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """The site that all these tests look at, without changing it."""
    async with shop(tmp_path_factory.mktemp("shop")) as made:
        yield made


@pytest.fixture(scope="module")
async def visitor(browser: Browser, place: Shop) -> AsyncIterator[Window]:
    """An administrator, who sees every page."""
    made = await Window.open(browser, place.site)
    await made.log_in_by_link()
    yield made
    await made.context.close()
    made.watched.check()


async def check(visitor: Window) -> None:
    """Look at the page that is open: in the light at a desk, with large text too, and in the dark on a phone."""
    page = visitor.page
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size(DESK)
    assert await axe.findings(page) == []
    async with visitor.text_size(32):
        assert await visitor.sideways() == 0
    await page.emulate_media(color_scheme="dark")
    await page.set_viewport_size(PHONE)
    assert await axe.findings(page) == []
    assert await visitor.sideways() == 0


@pytest.mark.exhaustive(enough=4)
@pytest.mark.anyio
@pytest.mark.parametrize("path", PATHS)
async def test_a_page_has_no_finding_and_fits_a_phone(place: Shop, visitor: Window, path: str) -> None:
    address = place.address(path)
    if await is_page(visitor, address):
        await visitor.page.goto(address)
        assert visitor.page.url == f"{visitor.url}{address}", "this sample leads to another page"
        await check(visitor)


SHEET = ViewportSize(width=718, height=1047)
"""A4 with the margins of the browser."""
CONTROLS = "input:not([type=hidden]), select, textarea, button, .button, progress:not([value])"


@pytest.mark.exhaustive(enough=2)
@pytest.mark.anyio
@pytest.mark.parametrize(
    "path", ["/broadcasts", "/broadcasts/{id}", "/statistics", "/optouts", "/numbers", "/audit"]
)
async def test_a_printed_page_fits_the_sheet_and_has_nothing_to_press(
    place: Shop, visitor: Window, path: str
) -> None:
    page = visitor.page
    await page.emulate_media(media="print")
    await page.set_viewport_size(SHEET)
    try:
        await page.goto(place.address(path))
        assert await page.evaluate(OUT_OF_SIGHT) == 0
        shown = page.locator(CONTROLS).filter(visible=True)
        assert await shown.evaluate_all("all => all.map(each => each.outerHTML)") == []
    finally:
        await page.emulate_media(media="screen")


@pytest.mark.anyio
async def test_the_login_has_no_finding_and_fits_a_phone(place: Shop, browser: Browser) -> None:
    stranger = await Window.open(browser, place.site)
    await stranger.page.goto("/login")
    await stranger.page.click("summary")
    await check(stranger)
    await stranger.context.close()
    stranger.watched.check()


@pytest.mark.anyio
async def test_a_page_that_is_missing_has_no_finding(place: Shop, visitor: Window) -> None:
    visitor.watched.expect(404)
    await visitor.page.goto("/broadcasts/00000000-0000-4000-8000-000000000000")
    await check(visitor)


def test_axe_is_the_file_that_was_published() -> None:
    rows = re.findall(
        r"^\| (\S+) \| ([0-9a-f]{64}) \|$", (axe.FOLDER / "README.md").read_text(), re.MULTILINE
    )
    for name, digest in rows:
        assert hashlib.sha256((axe.FOLDER / name).read_bytes()).hexdigest() == digest
    assert [name for name, _ in rows] == ["axe.min.js"]


LABELS = """() => {
    const { left, width } = chart.bbox, ratio = devicePixelRatio;
    return chart.axes[0]._splits.map((at, place) => [
        chart.axes[0]._values[place].split("\\n")[0],
        chart.valToPos(at, "x") / (width / ratio),
    ]).filter(([label]) => label);
}"""
"""The times below the chart, each with its place from 0 to 1."""


@pytest.mark.anyio
async def test_the_chart_has_times_on_a_phone_too(place: Shop, visitor: Window) -> None:
    for size in (PHONE, ViewportSize(width=390, height=800), DESK):
        await visitor.page.set_viewport_size(size)
        await visitor.page.goto(place.address("/broadcasts/{id}"))
        await visitor.page.wait_for_selector("#chart canvas")
        labels = await visitor.page.evaluate(LABELS)
        assert len(labels) > 1, (size, labels)
        assert all(0 <= at <= 1 for _, at in labels), (size, labels)


@pytest.mark.anyio
async def test_the_menu_stays_where_it_is_on_every_page(visitor: Window) -> None:
    """The present page is marked, without another width or height."""
    await visitor.page.set_viewport_size(DESK)
    places = set()
    for path in ("/broadcasts", "/optouts", "/status", "/account"):
        await visitor.page.goto(path)
        assert await visitor.page.locator("header.site a[aria-current]").count() == 1
        places.add(
            await visitor.page.evaluate(
                "[...document.querySelectorAll('header.site a')].map(each => {"
                " const box = each.getBoundingClientRect(); return [box.x, box.y, box.width, box.height].map(Math.round)"
                "}).join(' ')"
            )
        )
    assert len(places) == 1, places
