"""Lists in pages: each older page is reached by a link, and no item is left out or shown twice."""

import re
from html import unescape

import pytest

from tests.dashboard.conftest import VisitAs
from tests.support.site import Site, people
from wacrmd.clock import DAY, iso

pytestmark = pytest.mark.anyio


@pytest.mark.exhaustive(only=True)
async def test_all_broadcasts_are_reached_from_page_to_page(here: Site, visit_as: VisitAs) -> None:
    at = iso(here.clock.now() + DAY)
    made = [await here.send(people(1), scheduled_at=at) for _ in range(51)]
    browser = await visit_as("viewer")
    page, seen = "/broadcasts?status=scheduled&notice=x", list[str]()
    while page:
        text = (await browser.get(page)).text
        seen += re.findall(r'href="/broadcasts/([0-9a-f-]{36})"', text)
        page = next((unescape(link) for link in re.findall(r'href="([^"]+)">Older', text)), "")
        assert not page or "status=scheduled" in page
        assert "notice" not in page
    assert seen == made[::-1]
    assert 'href="/broadcasts?status=scheduled">Newest' in text


async def test_a_cursor_that_is_none_of_ours_is_refused(visit_as: VisitAs) -> None:
    browser = await visit_as("viewer")
    assert (await browser.get("/broadcasts?cursor=abc")).status_code == 400
