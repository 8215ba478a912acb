"""Finds and starts the browser of the machine."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""The first one is the same browser without windows and menus: the browser tests need half of the processor time."""
MISSING = f"there is no browser: none of {', '.join(NAMES)} is installed (Debian: apt install {NAMES[0]})"

FLAGS = (
    "--disable-gpu",
    # A process for each window, and not another one for each site, which would need a tenth of the processor time.
    "--disable-site-isolation-trials",
    # Nothing but loopback: the browser itself asks for updates, lists of bad sites and the like.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    # The same picture on each machine.
    "--font-render-hinting=none",
    "--disable-lcd-text",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
)


def executable() -> str | None:
    """The path of the browser; None if the machine has none."""
    return next((path for name in NAMES if (path := shutil.which(name)) is not None), None)


@asynccontextmanager
async def started(path: str) -> AsyncIterator[Browser]:
    """Run the browser until the block ends; Playwright leaves its sandbox off, as root needs it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()
