"""The browser, and windows in it whose errors fail the test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.browser import chromium
from tests.browser.window import DASHBOARD, Window
from tests.support.clock import ShiftClock
from tests.support.site import Site, site

WITHOUT_BROWSER = {"test_chromium.py", "test_pictures.py"}
"""The first one says that there is none, once for all."""
collect_ignore = [
    each.name
    for each in Path(__file__).parent.glob("test_*.py")
    if chromium.executable() is None and each.name not in WITHOUT_BROWSER
]

OpenWindow = Callable[..., Awaitable[Window]]


@pytest.fixture(scope="package")
def anyio_backend() -> str:
    """The browser, the daemon and the tests of a worker run in one event loop."""
    return "asyncio"


@pytest.fixture(scope="package")
async def browser(anyio_backend: str) -> AsyncIterator[Browser]:
    """The browser of this worker."""
    path = chromium.executable()
    if path is None:
        pytest.skip(chromium.MISSING)
    async with chromium.started(path) as found:
        yield found


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Site]:
    """A site of this test alone."""
    async with site(tmp_path, extra=DASHBOARD, clock=ShiftClock()) as made:
        yield made


@pytest.fixture
async def window(browser: Browser) -> AsyncIterator[OpenWindow]:
    """Opens windows on a site. What went wrong in one fails the test in the end."""
    opened: list[Window] = []
    async with AsyncExitStack() as stack:

        async def new(here: Site, **options: Any) -> Window:
            made = await Window.open(browser, here, **options)
            stack.push_async_callback(made.context.close)
            opened.append(made)
            return made

        yield new
    for each in opened:
        each.watched.check()
