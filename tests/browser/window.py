"""A person at the dashboard: a window of the browser with cookies of its own."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize

from tests.browser.watched import Watched
from tests.support.patience import PATIENCE_S
from tests.support.site import Site

DASHBOARD = '[dashboard]\nbind = "127.0.0.1:0"\n'
PASSWORD = "correct horse battery"
PHONE = ViewportSize(width=320, height=640)
DESK = ViewportSize(width=1280, height=800)


def url_of(here: Site) -> str:
    """The address of the dashboard of a site."""
    listener = here.running.dashboard_listener
    assert listener is not None
    return f"http://{listener.address}"


@dataclass
class Window:
    """A window, its first tab, and what goes wrong in it."""

    here: Site
    context: BrowserContext
    page: Page
    watched: Watched

    @classmethod
    async def open(cls, browser: Browser, here: Site, **options: Any) -> "Window":
        """A window of somebody who is not logged in; `options` are those of Playwright's `new_context`."""
        url = url_of(here)
        given = {"viewport": DESK, "locale": "en-GB", "timezone_id": "Europe/Berlin"} | options
        context = await browser.new_context(base_url=url, **given)
        context.set_default_timeout(PATIENCE_S * 1000)
        watched = Watched(urlsplit(url).netloc)
        watched.watch(context)
        return cls(here, context, await context.new_page(), watched)

    async def log_in_by_link(self) -> None:
        """Open a link of the command `wacrmd dashboard`, without a script by pasting its token."""
        link = (await self.here.admin("dashboard"))["url"]
        await self.page.goto(link)
        if await self.page.title() != "Broadcasts · wacrmd":
            await self.page.fill("#token", link.partition("#")[2])
            await self.page.click("text=Log in with the link")
        await self.page.wait_for_url("**/broadcasts")

    async def log_in(self, name: str) -> None:
        """Log in with the password."""
        await self.page.goto("/login")
        await self.page.fill("#name", name)
        await self.page.fill("#password", PASSWORD)
        await self.page.press("#password", "Enter")
        await self.page.wait_for_url("**/broadcasts")

    async def sideways(self) -> int:
        """How many pixels of the page are to the right of the window: on a phone one had to scroll sideways."""
        return int(
            await self.page.evaluate(
                "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )
