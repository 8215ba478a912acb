"""The browser that all other tests of this folder need."""

import re

import pytest
from playwright.async_api import Browser

from tests.browser import chromium

pytestmark = pytest.mark.anyio


async def test_there_is_a_browser_and_it_starts(browser: Browser) -> None:
    assert chromium.executable() is not None
    assert re.match(r"\d+\.", browser.version)
