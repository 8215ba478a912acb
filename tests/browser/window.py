"""A person at the dashboard: a window of the browser with cookies of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.async_api import Browser, BrowserContext, Locator, Page, ViewportSize, expect

from tests.browser.watched import Watched
from tests.support.patience import PATIENCE_S
from tests.support.site import Site

DASHBOARD = '[dashboard]\nbind = "127.0.0.1:0"\n'
PASSWORD = "correct horse battery"
MAX_TABS = 100
PHONE = ViewportSize(width=320, height=640)
DESK = ViewportSize(width=1280, height=800)


def url_of(here: Site) -> str:
    """The address of the dashboard of a site."""
    listener = here.running.dashboard_listener
    assert listener is not None
    return f"http://{listener.address}"


expect.set_options(timeout=PATIENCE_S * 1000)


@dataclass
class Window:
    """A window, its first tab, and what goes wrong in it."""

    here: Site
    url: str
    context: BrowserContext
    page: Page
    watched: Watched
    scripts: bool
    """Whether the browser runs scripts."""

    @classmethod
    async def open(cls, browser: Browser, here: Site, *, scripts: bool = True, **options: Any) -> "Window":
        """A window of somebody who is not logged in; `options` are those of Playwright's `new_context`."""
        url = url_of(here)
        given = {"viewport": DESK, "locale": "en-GB", "timezone_id": "Europe/Berlin"} | options
        context = await browser.new_context(base_url=url, java_script_enabled=scripts, **given)
        context.set_default_timeout(PATIENCE_S * 1000)
        watched = Watched(urlsplit(url).netloc)
        watched.watch(context)
        return cls(here, url, context, await context.new_page(), watched, scripts)

    async def log_in_by_link(self) -> None:
        """Open a link of the command `wacrmd dashboard`, without a script by pasting its token."""
        link = (await self.here.admin("dashboard"))["url"]
        await self.page.goto(link)
        if not self.scripts:
            await self.page.get_by_text("With a link", exact=True).click()
            await self.page.get_by_label("The link").fill(link)
            await self.page.get_by_role("button", name="Log in with the link").click()
        await self.page.wait_for_url("**/broadcasts")

    async def log_in(self, name: str) -> None:
        """Log in with the password."""
        await self.page.goto("/login")
        await self.page.get_by_label("Name").fill(name)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.page.get_by_label("Password").press("Enter")
        await self.page.wait_for_url("**/broadcasts")

    async def http(self) -> httpx.AsyncClient:
        """A client with the cookies of this window, for what is no page."""
        cookies = {each["name"]: each["value"] for each in await self.context.cookies()}
        return httpx.AsyncClient(
            base_url=self.url, cookies=cookies, headers={"Sec-Fetch-Site": "same-origin"}, timeout=PATIENCE_S
        )

    async def sideways(self) -> int:
        """How many pixels of the page are to the right of the window: on a phone one had to scroll sideways."""
        return int(
            await self.page.evaluate(
                "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )

    @asynccontextmanager
    async def text_size(self, pixels: int) -> AsyncIterator[None]:
        """Read with text of this size, as people choose it in the settings of the browser; 16 is usual.

        The size is that of a session of the browser's protocol, and ends with it. While there is a second session, other
        emulation, such as that of paper, does not work.
        """
        session = await self.context.new_cdp_session(self.page)
        await session.send("Page.enable")
        try:
            await session.send("Page.setFontSizes", _font_sizes(pixels))
            yield
        finally:
            # The end alone changes only the next page.
            await session.send("Page.setFontSizes", _font_sizes(16))
            await session.detach()

    async def tab_to(self, wanted: Locator) -> None:
        """Press Tab until this has the focus, and see that the focus can be seen."""
        await expect(wanted).to_be_visible()
        for _ in range(MAX_TABS):
            await self.page.keyboard.press("Tab")
            if await wanted.evaluate("(element) => element === document.activeElement"):
                outline = await wanted.evaluate("(element) => getComputedStyle(element).outlineStyle")
                assert outline != "none", "nobody sees where the focus is"
                return
        raise AssertionError(f"Tab does not lead to {wanted}")


def _font_sizes(pixels: int) -> dict[str, Any]:
    return {"fontSizes": {"standard": pixels, "fixed": pixels}}
