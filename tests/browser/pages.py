"""The pages of the dashboard as its table names them, and what the browser is led to."""

import re

from tests.browser.window import Window
from wacrmd.dashboard.app import PAGES

_DRAFT = "/broadcasts/new/{id}"
_ACTIONS = {
    f"{_DRAFT}/{each}" for each in ("message/header", "message/file", "message/test", "people/file", "send")
}
LEAD_ON = {_DRAFT, f"{_DRAFT}/sending"} | _ACTIONS
"""They lead to the page that comes next, which sending is for a moment only, or to the page that has the form."""
PATHS = sorted({path for method, path, _ in PAGES if method == "GET"} - LEAD_ON)

OUT_OF_SIGHT = """
() => Math.max(...[...document.querySelectorAll("main .scroll, html")].map((box) => box.scrollWidth - box.clientWidth))
"""
"""By how many pixels the page, or a table in it, is wider than its place."""


async def is_page(visitor: Window, address: str) -> bool:
    """Whether this is a page, and no file, stream or part of a page."""
    accept = {"Accept": "text/event-stream, text/html"}
    async with await visitor.http() as client, client.stream("GET", address, headers=accept) as answer:
        assert not answer.is_error, f"the sample of tests/browser/shop.py does not fit {address}"
        if answer.headers.get("content-type", "").startswith("text/html"):
            return "<html" in (await answer.aread()).decode()
        return answer.is_redirect


def picture_of(path: str) -> str:
    """The name of the picture of a page: `broadcasts-one-recipients` for `/broadcasts/{id}/recipients`."""
    return re.sub(r"{\w+}", "one", path).strip("/").replace("/", "-")
