"""What a reverse proxy answers by itself is no page of ours: it takes the place of nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, Response, expect

from tests.browser.conftest import OpenWindow
from tests.browser.test_new_broadcast import LIST, choose_template, upload
from tests.browser.window import DASHBOARD
from tests.support.clock import ShiftClock
from tests.support.site import Site, site
from wacrmd.demo.templates import TEMPLATES

pytestmark = pytest.mark.anyio

BODY = "<html><head><title>nginx</title></head><body><center><h1>Not now</h1></center></body></html>"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    """A site with templates."""
    async with site(tmp_path, extra=DASHBOARD, clock=ShiftClock(), templates=TEMPLATES) as made:
        await made.admin("template.sync", account="shop")
        yield made


async def answered_by_proxy(page: Page, path: str, status: int) -> None:
    """Let the proxy answer the next request of this path."""
    await page.route(path, lambda route: route.fulfill(status=status, body=BODY), times=1)


@pytest.mark.exhaustive(enough=1)
@pytest.mark.parametrize("status", [413, 502, 403])
async def test_an_upload_that_a_proxy_refuses_says_so_and_can_be_sent_again(
    here: Site, window: OpenWindow, status: int
) -> None:
    """It has a limit of its own, cannot reach the daemon, or its login has ended."""
    ann = await window(here)
    page = ann.page
    await ann.log_in_by_link()
    await choose_template(page)
    before = page.url
    ann.watched.expect(status)
    await answered_by_proxy(page, "**/people/file", status)
    await page.get_by_label("Or paste the lines here").fill(LIST)
    await page.get_by_role("button", name="Upload the list").click()
    await expect(page.get_by_role("alert")).to_contain_text("The list did not arrive")
    assert page.url == before
    await page.get_by_role("button", name="Upload the list").click()
    await expect(page.get_by_role("heading", name="What the columns mean")).to_be_visible()


@pytest.mark.exhaustive(only=True)
async def test_a_page_that_waits_goes_on_after_a_restart(here: Site, window: OpenWindow) -> None:
    ann = await window(here)
    page = ann.page
    await ann.log_in_by_link()
    await choose_template(page)
    await upload(page, LIST)
    await here.admin("drain")
    for at, name in enumerate(("first name", "discount")):
        await page.get_by_label("comes from").nth(at).select_option(label=name)
    await page.get_by_role("button", name="Check the list").click()
    waiting = page.get_by_text("The list is being checked")
    await expect(waiting).to_be_visible()
    ann.watched.expect(502)
    await answered_by_proxy(page, "**/people/progress", 502)
    async with page.expect_response(lambda answer: answer.status == 502):
        pass
    async with page.expect_response(_is_ok):
        await expect(waiting).to_be_visible()
    await here.admin("undrain")
    await expect(page.get_by_role("link", name="Next: look at the message")).to_be_visible()


def _is_ok(answer: Response) -> bool:
    return answer.ok
