"""The pages of the dashboard as its table names them, and what the browser is led to."""

import re

from tests.browser.window import Window
from wacrmd.dashboard.app import PAGES

LEAD_ON = {"/broadcasts/new/{id}", "/broadcasts/new/{id}/sending"}
"""They lead to the page that comes next: the second one is a page for a moment only."""
PATHS = sorted({path for method, path, _ in PAGES if method == "GET"} - LEAD_ON)


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
